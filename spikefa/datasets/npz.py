"""Arrays of an ``.npz`` file that a user gives: no code is run, and a small file cannot fill the memory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spikefa.datasets.locate import is_bomb
from spikefa.errors import DataError


def read_npz(path: Path, needed: Sequence[str], allowed: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Read arrays by their names.

    Parameters
    ----------
    path : Path
    needed : sequence of str
        Names that must be there.
    allowed : sequence of str
        Names that are read if they are there; others are left alone.

    Raises
    ------
    DataError
        If the file cannot be read, is no ``.npz`` file, promises more than it can hold, or lacks an array.
    """
    try:
        held = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
        if not isinstance(held, np.lib.npyio.NpzFile):
            raise DataError(f"{path}: expected an .npz file of numpy, found one array, an .npy file; use numpy.savez")
        with held:
            for member in held.zip.infolist():
                if is_bomb(member.file_size, member.compress_size):
                    raise DataError(
                        f"{path}: expected data, found {member.compress_size} bytes of {member.filename} that are "
                        f"to hold {member.file_size}"
                    )
            missing = [name for name in needed if name not in held]
            if missing:
                raise DataError(
                    f"{path}: expected the arrays {', '.join(needed)}, found no {missing[0]}; it has {', '.join(held)}"
                )
            return {name: np.asarray(held[name]) for name in (*needed, *allowed) if name in held}
    except DataError:
        raise
    # zipfile, zlib and numpy report damage as any of these, depending on where in the file it lies.
    except Exception as error:
        raise DataError(f"{path}: expected an .npz file of numpy, found one that cannot be read ({error})") from error
