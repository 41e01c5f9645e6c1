"""One process trains a run at a time, by a lock that the system takes back when the process ends, however it ends.

The lock is of the kernel (`flock`), on the file ``run.lock`` in the run's directory, which names the process for the
message of another. Readers take none. It holds between the processes of one machine, and between machines on NFS that
has locks (version 4, or 3 with its lock daemon), but not where they are turned off (``nolock``, ``local_lock``).
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spikefa.errors import LockedError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

NAME = "run.lock"
#: What a directory says in which nothing can be written, so that training ends at its first file anyway.
_READ_ONLY = (errno.EACCES, errno.EPERM, errno.EROFS)
#: What a file system says that has no locks.
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EINVAL)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a run for this process alone, within it.

    A file that a killed process left is no hindrance. In a directory that cannot be written, nothing is held.

    Raises
    ------
    LockedError
        If another process holds the run; the message names it and its machine.
    OSError
        If the lock cannot be written.
    """
    path = directory / NAME
    descriptor = _acquire(path)
    try:
        yield
    finally:
        if descriptor is not None:
            with contextlib.suppress(OSError):
                path.unlink()  # while it is held: nobody else's is removed
            os.close(descriptor)


def _acquire(path: Path) -> int | None:
    """Return the open file of a lock that is held, or None where there can be none."""
    if fcntl is None:
        return None
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        except OSError as error:
            if error.errno in _READ_ONLY:
                return None
            raise OSError(error.errno, f"cannot lock the run ({error.strerror})", str(path)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_at(descriptor, path):  # the one who had it has removed it meanwhile
                os.close(descriptor)
                continue
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)
            return descriptor
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise LockedError(
                f"{path.parent}: is being trained by {holder}; wait until it has ended, or stop it"
            ) from None
        except OSError as error:
            os.close(descriptor)
            if error.errno in _WITHOUT_LOCKS:
                return None
            raise OSError(error.errno, f"cannot lock the run ({error.strerror})", str(path)) from error


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _holder(descriptor: int) -> str:
    """Return who holds a lock, in words."""
    try:
        found = json.loads(os.pread(descriptor, 1000, 0))
        return f"process {int(found['pid'])} on {found['host']}"
    except (OSError, ValueError, KeyError, TypeError):  # it is writing its name just now
        return "another process"
