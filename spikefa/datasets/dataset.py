"""`Dataset`: samples with labels, or with real-valued targets, checked and read-only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np

from spikefa._checks import LARGEST, array, instance, is_finite, is_number, is_whole, shown, text
from spikefa.datasets.spike_trains import SpikeTrains
from spikefa.errors import ArgumentError, DataError

PARTS = ("train", "test", "validation")


@contextmanager
def data_errors() -> Iterator[None]:
    """Raise what is wrong with an argument as `DataError`."""
    try:
        yield
    except ArgumentError as error:
        raise DataError(str(error)) from error


def require_dataset(owner: str, dataset: Any) -> Dataset:
    """Return a data set, for `owner`.

    Raises
    ------
    DataError
        If it is something else.
    """
    with data_errors():
        return instance(owner, "dataset", dataset, Dataset, "a Dataset")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test samples with labels, targets or both, checked and read-only.

    Images are uint8 (0 to 255, presented as value / 255) or floats, one row an image. Their place may be taken by
    `SpikeTrains`, or by sequences, floats or bool. A network with classes learns the labels, one without the targets.

    Parameters
    ----------
    name : str
        What messages call the set.
    train_images, test_images : ndarray, shape (n, height * width), or SpikeTrains
        The images, in the type they come in; or spike trains; or sequences, (n, steps, height * width).
    train_labels, test_labels : ndarray, shape (n,), or None
        Classes, integers from 0 to ``classes - 1``; kept as int64.
    shape : tuple of int
        Height and width of an image, whose product is the number of input units. Channels lie one above the other, so
        that three of 32 x 32 are (96, 32).
    classes : int or None
        Number of classes; None for a set without labels.
    validation_images, validation_labels : ndarray, optional
        A validation set, usually made by `split`.
    train_targets, test_targets, validation_targets : ndarray, shape (n, m) or (n, steps, m), optional
        What a regression should answer: finite floats, for each sample or for each of its steps.
    limits : (float, float) or None
        Smallest and largest pixel of float images; None allows every finite value.
    scaling : (ndarray, ndarray), optional
        Offset and factor of each pixel, if images are ``(x - offset) * factor`` of what was loaded.
    channels : int
        Of an image: 3 of red, green and blue, which come in this order.

    Raises
    ------
    DataError
        If shapes disagree, a label is no class, a pixel is NaN or outside the limits, or the height is no multiple of
        the channels.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> rng = np.random.default_rng(0)
    >>> images, labels = rng.random((30, 16)), np.arange(30) % 3
    >>> data = fa.datasets.Dataset("mine", images[:20], labels[:20], images[20:], labels[20:], (4, 4), 3)
    >>> len(data.split(validation=5).validation_images)
    5
    """

    name: str
    train_images: np.ndarray | SpikeTrains
    train_labels: np.ndarray | None
    test_images: np.ndarray | SpikeTrains
    test_labels: np.ndarray | None
    shape: tuple[int, int]
    classes: int | None
    validation_images: np.ndarray | SpikeTrains | None = None
    validation_labels: np.ndarray | None = None
    train_targets: np.ndarray | None = None
    test_targets: np.ndarray | None = None
    validation_targets: np.ndarray | None = None
    limits: tuple[float, float] | None = (0, 1)
    scaling: tuple[np.ndarray, np.ndarray] | None = None
    channels: int = 1

    def __post_init__(self) -> None:
        with data_errors():
            text("data set", "name", self.name)
        if self.limits is not None:
            self._check_limits()
        if self.classes is not None and not (is_whole(self.classes) and 0 < self.classes <= LARGEST):
            self._refuse(f"classes must be a positive integer of at most 2**53, got {shown(self.classes)}")
        classes = None if self.classes is None else int(self.classes)
        sides = tuple(self.shape) if isinstance(self.shape, (tuple, list)) else ()
        if len(sides) != 2 or not all(is_whole(side) and side > 0 for side in sides):
            self._refuse(f"shape must be two positive integers (height, width), got {shown(self.shape)}")
        sides = tuple(map(int, sides))
        if not (is_whole(self.channels) and self.channels > 0 and sides[0] % self.channels == 0):
            self._refuse(f"channels must divide the height, {sides[0]}, got {shown(self.channels)}")
        if self.scaling is not None:
            self._check_scaling(math.prod(sides))
        if self.train_targets is not None:
            targets = self._array("train_targets", self.train_targets)
            object.__setattr__(self, "train_targets", targets)
        if classes is None and self.train_targets is None:
            self._refuse("must have labels and classes, or targets, got neither")
        checked = {"classes": classes, "shape": sides}
        for part in PARTS:
            if part == "validation" and all(
                getattr(self, f"validation_{kind}") is None for kind in ("images", "labels", "targets")
            ):
                continue
            x = f"{part}_images"
            checked[x] = self._check_images(x, getattr(self, x), sides)
            for kind, wanted in (("labels", classes is not None), ("targets", self.train_targets is not None)):
                y = f"{part}_{kind}"
                if not wanted:
                    if getattr(self, y) is not None:
                        self._refuse(f"{y} must be None in a set without {kind}, got {shown(getattr(self, y))}")
                    continue
                check = self._check_labels if kind == "labels" else self._check_targets
                checked[y] = check(y, getattr(self, y))
                if len(checked[x]) != len(checked[y]):
                    self._refuse(f"{x} and {y} must be equally many, got {len(checked[x])} and {len(checked[y])}")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        held_out = "" if self.validation_images is None else f"{len(self.validation_images)} validation, "
        answers = [] if self.classes is None else [f"{self.classes} classes"]
        answers += [] if self.train_targets is None else [f"{self.train_targets.shape[-1]} targets"]
        kind = "images"
        if isinstance(self.train_images, SpikeTrains):
            kind = "spike trains"
        elif self.train_images.ndim == 3:
            kind = f"sequences of {self.train_images.shape[1]} steps"
        return (
            f"<Dataset {self.name}: {len(self.train_images)} training, {held_out}{len(self.test_images)} "
            f"test {kind} of {self.shape[0]} x {self.shape[1]}, {' and '.join(answers)}>"
        )

    @property
    def grid(self) -> tuple[int, int, int]:
        """Channels, height and width of an image, as maps of units are stated."""
        height, width = self.shape
        return int(self.channels), height // int(self.channels), width

    def answers(self, part: str, classes: int | None) -> np.ndarray:
        """Return what a network should answer to the images of a part of the set.

        Parameters
        ----------
        part : {"train", "test", "validation"}
        classes : int or None
            The network's number of classes; None for a regression.

        Returns
        -------
        ndarray, shape (n,) or (n, m)
            Labels, or targets.

        Raises
        ------
        DataError
            If the set has other classes, or no targets.
        """
        if classes is not None and classes != self.classes:
            has = f"{self.classes} classes" if self.classes else "targets and no classes"
            self._refuse(f"must have the network's {classes} classes, got {has}")
        if classes is None and self.train_targets is None:
            self._refuse(f"must have targets, since the network has no classes, got {self.classes} classes")
        return getattr(self, f"{part}_targets" if classes is None else f"{part}_labels")

    def split(self, validation: int) -> Dataset:
        """Set the last training images aside for validation.

        Parameters
        ----------
        validation : int
            How many; 0 (the paper's protocol) returns the set itself.

        Returns
        -------
        Dataset
            The same images, the last `validation` training images now in ``validation_images``.

        Raises
        ------
        DataError
            If `validation` is negative or leaves no training image, or the set is split already.
        """
        if not is_whole(validation) or not 0 <= validation < len(self.train_images):
            self._refuse(
                f"validation must be an integer from 0 to {len(self.train_images) - 1} "
                f"(it has {len(self.train_images)} training images), got {shown(validation)}"
            )
        if validation == 0:
            return self
        if self.validation_images is not None:
            self._refuse(f"it is split already: it has {len(self.validation_images)} validation images")
        changes = {}
        for kind in ("images", "labels", "targets"):
            whole = getattr(self, f"train_{kind}")
            if whole is not None:
                changes |= {f"train_{kind}": whole[:-validation], f"validation_{kind}": whole[-validation:]}
        return replace(self, **changes)

    def as_loaded(self, images: np.ndarray) -> np.ndarray:
        """Undo the set's scaling: return images as they were before `standardised` or `centred`.

        Pixels that are constant in training become that constant.

        Parameters
        ----------
        images : ndarray (n, pixels)
            Scaled as the set's own are.

        Returns
        -------
        ndarray (n, pixels)
            The images themselves if the set is not scaled.
        """
        if self.scaling is None:
            return images
        offset, factor = self.scaling
        return images / np.where(factor == 0, 1, factor) + offset

    def scaled(self, images: np.ndarray) -> np.ndarray:
        """Scale images as the set's own are.

        Parameters
        ----------
        images : ndarray (n, pixels)
            Not scaled, uint8 or floats.

        Returns
        -------
        ndarray (n, pixels)
            float32; the images themselves if the set is not scaled.

        Raises
        ------
        DataError
            If the set is scaled and the images have another type.
        """
        if self.scaling is None:
            return images
        offset, factor = self.scaling
        return (pixels(images) - offset) * factor

    def _refuse(self, rule: str) -> NoReturn:
        raise DataError(f"data set {self.name!r}: {rule}")

    def _check_scaling(self, n_pixels: int) -> None:
        pair = isinstance(self.scaling, tuple | list) and len(self.scaling) == 2
        for one in self.scaling if pair else ():
            numbers = self._array("scaling", one)
            fits = numbers.dtype.kind in "fiu" and numbers.shape in ((), (n_pixels,))
            pair = pair and fits and bool(np.isfinite(numbers).all())
        if not pair:
            self._refuse(f"scaling must be an offset and a factor, arrays of finite numbers, got {shown(self.scaling)}")

    def _check_limits(self) -> None:
        pair = isinstance(self.limits, tuple | list) and len(self.limits) == 2 and all(map(is_number, self.limits))
        if not (pair and all(map(is_finite, self.limits)) and self.limits[0] < self.limits[1]):
            self._refuse(f"limits must be (smallest, largest) or None, got {shown(self.limits)}")

    def _array(self, name: str, values: Any) -> np.ndarray:
        try:
            return np.asarray(values)
        except Exception as error:  # of numpy, or of the object's own conversion
            raise DataError(f"data set {self.name!r}: {name} must be an array, got {shown(values)}") from error

    def _check_images(self, name: str, images: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
        n_pixels = math.prod(sides)
        if isinstance(images, SpikeTrains):
            return self._check_trains(name, images, n_pixels)
        images = self._array(name, images)
        if images.ndim != 3 and images.dtype != np.uint8 and not np.issubdtype(images.dtype, np.floating):
            floats = "floats" if self.limits is None else f"floats ({self.limits[0]:g} to {self.limits[1]:g})"
            self._refuse(f"{name} must be uint8 (0 to 255) or {floats}, got {images.dtype}")
        if images.ndim not in (2, 3) or images.shape[-1] != n_pixels or not images.size:
            self._refuse(
                f"{name} must have shape (n, {n_pixels}) with n > 0, one row of {sides[0]} x {sides[1]} pixels an "
                f"image, or (n, steps, {n_pixels}), got {images.shape}"
            )
        if images.ndim == 3:
            return self._check_sequences(name, images)
        if images.dtype != np.uint8:
            self._check_limited(name, images, ("image", "pixel"))
        return _read_only(images)

    def _check_limited(self, name: str, values: np.ndarray, axes: tuple[str, ...]) -> None:
        low, high = self.limits or (-math.inf, math.inf)
        bad = ~((values >= low) & (values <= high) & np.isfinite(values))  # NaN compares false: it is bad too
        if bad.any():
            at = tuple(np.argwhere(bad)[0].tolist())
            rule = "be finite" if self.limits is None else f"lie in [{low:g}, {high:g}]"
            where = ", ".join(f"{axis} {index}" for axis, index in zip(axes, at, strict=True))
            self._refuse(f"{name} must {rule}, got {values[at]} at {where}")

    def _check_trains(self, name: str, trains: SpikeTrains, units: int) -> SpikeTrains:
        if trains.units != units or not len(trains):
            self._refuse(f"{name} must be one or more spike trains of {units} units, as shape says, got {trains!r}")
        return trains

    def _check_sequences(self, name: str, values: np.ndarray) -> np.ndarray:
        if values.dtype != bool and not np.issubdtype(values.dtype, np.floating):
            self._refuse(f"{name} must be floats or bool if they are sequences, got {values.dtype}")
        if values.dtype != bool:
            self._check_limited(name, values, ("sequence", "step", "unit"))
        return _read_only(values)

    def _check_labels(self, name: str, labels: np.ndarray) -> np.ndarray:
        labels = self._array(name, labels)
        if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
            self._refuse(f"{name} must be integers of shape (n,), got {labels.dtype} of {labels.shape}")
        bad = (labels < 0) | (labels >= self.classes)
        if bad.any():
            first = int(bad.argmax())
            self._refuse(f"{name} must lie in 0 to {self.classes - 1}, got {labels[first]} at index {first}")
        return _read_only(labels.astype(np.int64))

    def _check_targets(self, name: str, targets: np.ndarray) -> np.ndarray:
        targets, each = self._array(name, targets), np.shape(self.train_targets)[1:]
        fits = targets.ndim in (2, 3) and targets.shape[1:] == each and 0 not in each
        if not fits or not np.issubdtype(targets.dtype, np.floating):
            shape = ("n", *(each or ("m",)))
            self._refuse(f"{name} must be floats of shape {shape}, got {targets.dtype} of {targets.shape}")
        bad = ~np.isfinite(targets)
        if bad.any():
            at = tuple(np.argwhere(bad)[0].tolist())
            step = f", step {at[1]}" * (targets.ndim == 3)
            self._refuse(f"{name} must be finite, got {targets[at]} at image {at[0]}{step}, unit {at[-1]}")
        return _read_only(targets)


def regression(
    name: str, train_images: np.ndarray, train_targets: np.ndarray, test_images: np.ndarray, test_targets: np.ndarray
) -> Dataset:
    """Return a data set of vectors or sequences and real-valued targets, without labels.

    Parameters
    ----------
    name : str
    train_images, test_images : ndarray, shape (n, inputs) or (n, steps, inputs)
        Any finite values.
    train_targets, test_targets : ndarray, shape (n, outputs) or (n, steps, outputs)

    Raises
    ------
    DataError
        If shapes disagree, or a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> x = np.random.default_rng(0).random((30, 4))
    >>> data = fa.datasets.regression("sums", x[:20], x[:20, :2] + x[:20, 2:], x[20:], x[20:, :2] + x[20:, 2:])
    >>> data.train_targets.shape, data.classes
    ((20, 2), None)
    """
    with data_errors():
        images = array(f"data set {shown(name)}", "train_images", train_images)
    width = images.shape[-1] if images.ndim in (2, 3) else 1
    return Dataset(
        name,
        train_images,
        None,
        test_images,
        None,
        (1, width),
        None,
        train_targets=train_targets,
        test_targets=test_targets,
        limits=None,
    )


def pixels(images: np.ndarray) -> np.ndarray:
    """Return images as they are presented to a network: bytes as float32 in [0, 1].

    Parameters
    ----------
    images : ndarray
        Images of a `Dataset`: uint8, divided by 255, or floats, which are only converted.

    Returns
    -------
    ndarray
        float32, of the same shape.

    Raises
    ------
    DataError
        If the images have another type.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> fa.datasets.pixels(np.array([[0, 255]], np.uint8)).tolist()
    [[0.0, 1.0]]
    """
    with data_errors():
        images = array("pixels", "images", images)
    if images.dtype == np.uint8:
        return np.divide(images, 255, dtype=np.float32)
    if np.issubdtype(images.dtype, np.floating):
        return images.astype(np.float32, copy=False)
    raise DataError(f"pixels: images must be uint8 (0 to 255) or floats (0 to 1), got {images.dtype}")


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
