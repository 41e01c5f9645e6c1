"""Archives of JPEG files: verified against the checksums beside them, and decoded."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from pathlib import Path
from typing import Literal

import numpy as np

from spikefa.datasets.locate import is_bomb
from spikefa.errors import DataError


def read_jpegs(path: Path, mode: Literal["L", "RGB"]) -> tuple[list[str], np.ndarray]:
    """Read the JPEG files of a zip archive, in the order of their names.

    Parameters
    ----------
    path : Path
    mode : {"L", "RGB"}
        Grey, or red, green and blue.

    Returns
    -------
    names : list of str
        Of the files, with their folders.
    images : ndarray (n, height, width) or (n, height, width, 3)
        uint8.

    Raises
    ------
    DataError
        If the archive is damaged or has no JPEG files, or they differ in size.
    """
    from PIL import Image

    images = []
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if name.lower().endswith((".jpg", ".jpeg")))
            for name in names:
                held = archive.getinfo(name)
                if is_bomb(held.file_size, held.compress_size):
                    raise DataError(
                        f"{path}: expected JPEG files, found {held.compress_size} bytes of {name} that are to hold "
                        f"{held.file_size}"
                    )
                with Image.open(io.BytesIO(archive.read(name))) as image:
                    images.append(np.asarray(image.convert(mode)))
    # A zip file that is damaged, encrypted or packed in an unknown way raises the middle three, Pillow the others.
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: expected an archive of JPEG files, found one that is damaged ({error})") from error
    sizes = sorted({image.shape[:2] for image in images})
    if len(sizes) != 1:
        raise DataError(f"{path}: expected JPEG files of one size, found {len(images)} of sizes {sizes}")
    return names, np.stack(images)


def verify(path: Path) -> None:
    """Compare an archive with the SHA256SUMS beside it, if there is one.

    Raises
    ------
    DataError
        If it differs, or is not named there.
    """
    sums = path.with_name("SHA256SUMS")
    if not sums.is_file():
        return
    # sha256sum writes "HASH  name", and with -b "HASH *name".
    lines = [line.split(maxsplit=1) for line in sums.read_text(errors="replace").splitlines()]
    wanted = {line[1].strip().removeprefix("*").removeprefix("./"): line[0].lower() for line in lines if len(line) == 2}
    if path.name not in wanted:
        raise DataError(
            f"{sums}: expected a line 'SHA-256  {path.name}' as sha256sum writes it, found none; "
            f"add it, or remove {sums.name} to use the archives unverified"
        )
    found = sha256(path)
    if wanted[path.name] != found:
        raise DataError(
            f"{path}: expected the SHA-256 {wanted[path.name]} of {sums.name}, found {found}; copy the file again"
        )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
