"""The command ``spikefa`` with one fault at the n-th time that it syncs or renames a file of a run's directory.

python tests/faults/faulty_spikefa.py FAULT N DIRECTORY train ...
"""

import errno
import functools
import os
import resource
import shutil
import signal
import sys
from pathlib import Path

from spikefa import cli

#: A user who owns nothing: root may write into a directory that is read-only.
NOBODY = 65534


def fill_disk(directory):
    """Let no file become larger than a few bytes from now on, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))


def make_read_only(directory):
    """Take the right to write from the directory."""
    directory.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(NOBODY)


def fail_with(name, directory):
    """Fail as a call of the system does."""
    raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)))


FAULTS = {name: functools.partial(fail_with, name) for name in ("EIO", "ENOSPC", "EDQUOT", "ESTALE")} | {
    "full disk": fill_disk,
    "read-only directory": make_read_only,
    "directory moved": lambda directory: directory.rename(f"{directory}-moved"),
    "directory removed": shutil.rmtree,
    "SIGKILL": lambda directory: os.kill(os.getpid(), signal.SIGKILL),
}


def with_fault(call, strike):
    """Return a call of the system that counts the files of the run, and strikes first when it is time."""

    @functools.wraps(call)
    def faulty(file, *rest, **named):
        path = Path(os.readlink(f"/proc/self/fd/{file}") if isinstance(file, int) else file)
        strike(path)
        return call(file, *rest, **named)

    return faulty


def main():
    """Run the command line with the fault."""
    fault, n, directory = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    calls = 0

    def strike(path):
        nonlocal calls
        calls += directory in path.parents
        if calls == n and directory in path.parents:
            FAULTS[fault](directory)

    os.fsync, os.replace = with_fault(os.fsync, strike), with_fault(os.replace, strike)
    sys.argv = ["spikefa", *sys.argv[4:]]
    cli.main()


if __name__ == "__main__":
    main()
