"""Model files that may be run without being asked: those that are installed, and those of runs made on this machine.

A run directory has its model's code in it. If somebody else made the run, the code is somebody else's, too. The digests
of models that were trained here are kept in the user's state directory, an empty file each, so that any number of
processes may add to them at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path

import platformdirs

from spikefa.experiments import model_source


def digest_of(source: str) -> str:
    """Return the SHA-256 of a model's source."""
    return hashlib.sha256(source.encode()).hexdigest()


def is_trusted(source: str) -> bool:
    """Return whether a model's source is that of an installed model, or of a run that was made on this machine."""
    if source in model_source.installed():
        return True
    folder = _folder()
    return folder is not None and _is_private(folder) and (folder / digest_of(source)).is_file()


def remember(source: str) -> None:
    """Trust a model's source from now on; without a directory for it, nothing is kept."""
    folder = _folder()
    if folder is None:
        return
    with contextlib.suppress(OSError):  # runs of this model will have to be trusted one by one
        for each in (folder.parent, folder):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _is_private(folder):
            (folder / digest_of(source)).touch(mode=0o600)


def _folder() -> Path | None:
    """Return where digests are kept; None without a home."""
    state = Path(platformdirs.user_state_dir("spikefa", appauthor=False))
    return state / "models" if state.is_absolute() else None


def _is_private(folder: Path) -> bool:
    """Return whether nobody else can have written there."""
    try:
        found = [each.stat() for each in (folder, folder.parent)]
    except OSError:
        return False
    if not hasattr(os, "getuid"):  # Windows, whose home directories are private
        return True
    return all(each.st_uid == os.getuid() and not each.st_mode & (stat.S_IWGRP | stat.S_IWOTH) for each in found)
