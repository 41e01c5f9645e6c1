"""The console on which commands print, and streams on which printing never ends a command."""

from __future__ import annotations

import errno
import io
import os
import sys

from rich.console import Console

# Paths, names and values are printed as they are: brackets in them are no markup, and ":x:" is no emoji.
console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)


class _Stream(io.TextIOWrapper):
    """Standard output or error that writes what it can: a training is worth more than what it prints.

    A character that the encoding lacks is written as its number. Once nothing can be written any more (the reader has
    gone, the disk is full), all further output is dropped.
    """

    def __init__(self, stream: io.TextIOWrapper):
        super().__init__(stream.buffer, stream.encoding, "backslashreplace", line_buffering=stream.line_buffering)
        self._replaced = stream  # which would close the buffer if it were dropped

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._drop(error)

    def _drop(self, error: OSError) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())  # what is still held is written there, too
        os.close(nowhere)
        if error.errno != errno.EPIPE and self is not sys.stderr:  # "| head" has its reason to end
            print(f"spikefa: cannot write what it prints ({error.strerror}); it goes on without", file=sys.stderr)


def tolerant(stream: io.TextIOWrapper | None) -> io.TextIOBase:
    """Return a stream that takes the place of standard output or error, see `_Stream`; one is missing if closed."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    return _Stream(stream) if hasattr(stream, "buffer") else stream
