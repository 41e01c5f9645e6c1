"""A user's own data: an ``.npz`` file, a folder of images by class, or a function ``module:function``."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import numpy as np

from spikefa._checks import shown
from spikefa.datasets.dataset import Dataset
from spikefa.datasets.npz import read_npz
from spikefa.errors import DataError

_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")
#: Suffixes of the images that a folder may hold.
IMAGES = (".png", ".bmp", ".gif", ".jpg", ".jpeg", ".pgm", ".tif", ".tiff")
#: Pixels that an image of a folder may have.
_MOST_PIXELS = 2**20


def is_path(name: str) -> bool:
    """Return whether a data set's name is the path of a file or a folder."""
    return name.endswith(".npz") or os.sep in name or "/" in name


def is_function(name: str) -> bool:
    """Return whether a data set's name is that of a function, ``module:function``."""
    module, colon, function = name.partition(":")
    return bool(colon) and function.isidentifier() and all(part.isidentifier() for part in module.split("."))


def load_path(name: str | Path) -> Dataset:
    """Load a file or a folder, see `load_npz` and `load_folder`.

    Raises
    ------
    DataError
        If there is neither, or it does not hold a data set.
    """
    path = Path(os.path.expanduser(name))
    if path.is_dir():
        return load_folder(path)
    if not path.is_file():
        raise DataError(f"{path}: expected a file .npz, or a folder of images by class, found none")
    return load_npz(path)


def load_npz(path: Path) -> Dataset:
    """Load the arrays ``train_images``, ``train_labels``, ``test_images`` and ``test_labels`` of an ``.npz`` file.

    Images are ``(n, height, width)``, or ``(n, pixels)`` with an array ``shape`` of two numbers; without it they are
    one row of pixels. They are uint8, or floats from 0 to 1. Labels are integers from 0. An array ``classes`` may say
    how many there are; by default one more than the largest label.

    Raises
    ------
    DataError
        If it cannot be read, or the arrays do not fit each other.

    Examples
    --------
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from spikefa.datasets.own import load_npz
    >>> images, labels = np.zeros((4, 5, 5)), np.array([0, 1, 0, 1])
    >>> np.savez("mine.npz", train_images=images, train_labels=labels, test_images=images, test_labels=labels)
    >>> load_npz(Path("mine.npz")).shape
    (5, 5)
    """
    held = read_npz(path, _ARRAYS, ("shape", "classes"))
    train, test = held["train_images"], held["test_images"]
    if train.ndim not in (2, 3):
        raise DataError(f"{path}: train_images must be (n, height, width) or (n, pixels), got {train.shape}")
    shape = train.shape[1:] if train.ndim == 3 else tuple(held.get("shape", np.array([1, train.shape[1]])).tolist())
    labels = held["train_labels"], held["test_labels"]
    for name, own in zip(("train_labels", "test_labels"), labels, strict=True):
        if own.ndim != 1 or own.dtype.kind not in "iu" or not own.size:
            raise DataError(f"{path}: {name} must be integers of shape (n,), got {shown(own)}")
    classes = int(held["classes"]) if "classes" in held and held["classes"].size == 1 else 1 + max(map(np.max, labels))
    return _made(path, train, labels[0], test, labels[1], shape, int(classes))


def load_folder(path: Path) -> Dataset:
    """Load images in ``train/CLASS/`` and ``test/CLASS/``, in grey; classes are numbered in the order of their names.

    Raises
    ------
    DataError
        If a part or a class is missing, an image cannot be read, or images differ in size.

    Examples
    --------
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from spikefa.datasets.own import load_folder
    >>> for part in ("train", "test"):
    ...     for name in ("cats", "dogs"):
    ...         folder = Path("animals", part, name)
    ...         folder.mkdir(parents=True, exist_ok=True)
    ...         Image.new("L", (5, 4)).save(folder / "one.png")
    >>> data = load_folder(Path("animals"))
    >>> data.classes, data.shape
    (2, (4, 5))
    """
    classes = _folders(path / "train")
    if (found := _folders(path / "test")) != classes:
        raise DataError(f"{path}: test must have the classes of train, {_listed(classes)}, got {_listed(found)}")
    parts = []
    for part in ("train", "test"):
        files = [(file, label) for label, name in enumerate(classes) for file in _images(path / part / name)]
        parts += [[_read(file) for file, _ in files], np.array([label for _, label in files])]
        for (file, _), image in zip(files, parts[-2], strict=True):
            if image.shape != parts[0][0].shape:
                raise DataError(f"{file}: must have the size of the others, {parts[0][0].shape}, got {image.shape}")
    train, train_labels, test, test_labels = parts
    return _made(path, np.stack(train), train_labels, np.stack(test), test_labels, train[0].shape, len(classes))


def load_function(name: str) -> Dataset:
    """Import a module and call a function of it, ``module:function``, which returns a `datasets.Dataset`. It runs code.

    The directory of the process is looked in, too, as Python does for ``python -m``.

    Raises
    ------
    DataError
        If there is none, or it returns something else. What it raises itself is not caught.

    Examples
    --------
    >>> from spikefa.datasets.own import load_function
    >>> load_function("spikefa.datasets.latencies:spike_latencies").classes
    4
    """
    module_name, _, function = name.partition(":")
    here = os.getcwd()
    sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise DataError(f"data set {name!r}: no module {error.name!r}") from error
    finally:
        sys.path.remove(here)
    if not callable(getattr(module, function, None)):
        raise DataError(f"data set {name!r}: module {module_name!r} has no function {function!r}")
    made = getattr(module, function)()
    if not isinstance(made, Dataset):
        raise DataError(f"data set {name!r}: the function must return a Dataset, got {shown(made)}")
    return made


def _made(
    path: Path,
    train: np.ndarray,
    train_labels: np.ndarray,
    test: np.ndarray,
    test_labels: np.ndarray,
    shape: tuple[int, ...],
    classes: int,
) -> Dataset:
    flat = [images.reshape(len(images), -1) if images.ndim > 1 else images for images in (train, test)]
    try:
        return Dataset(path.stem, flat[0], train_labels, flat[1], test_labels, shape, classes)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _folders(path: Path) -> list[str]:
    if not path.is_dir():
        raise DataError(f"{path}: expected a folder with a folder of images for each class, found none")
    found = sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if len(found) < 2:
        raise DataError(f"{path}: expected at least two folders, one a class, found {_listed(found)}")
    return found


def _listed(names: list[str]) -> str:
    return (", ".join(names[:8]) + (", ..." if len(names) > 8 else "")) or "none"


def _images(path: Path) -> list[Path]:
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGES and not file.name.startswith("."))
    if not found:
        raise DataError(f"{path}: expected images ({', '.join(IMAGES)}), found none")
    return found


def _read(file: Path) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(file) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise DataError(f"{file}: must have at most {_MOST_PIXELS:,} pixels, got {image.size}")
            return np.asarray(image.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file}: cannot be read as an image ({error})") from error
