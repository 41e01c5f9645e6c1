"""Images: an array (n, pixels), or with several inputs a dict of such arrays, one an input, by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spikefa._checks import array, shown
from spikefa.errors import ArgumentError

Images = np.ndarray | Mapping[str, np.ndarray]


def count_of(images: Images) -> int:
    """Return how many images there are."""
    return len(next(iter(images.values())) if isinstance(images, Mapping) else images)


def some_of(images: Images, index: Any) -> Images:
    """Return the images of an index: a slice, or numbers."""
    if isinstance(images, Mapping):
        return {name: own[index] for name, own in images.items()}
    return images[index]


def by_input(images: Images, inputs: Sequence[Any]) -> list[np.ndarray]:
    """Return the images of each input."""
    return [images[one.name] if isinstance(images, Mapping) else images for one in inputs]


def validated(images: Any, inputs: Sequence[Any]) -> Images:
    """Return images that inputs can be shown.

    Parameters
    ----------
    images : array_like (n, pixels), or dict of these
        `uint8`, or floats within the input's limits. With several inputs, a dict that has images for each, by its name.
    inputs : sequence of Input

    Raises
    ------
    ArgumentError
        If they are of another form, shape or type, or outside the limits.
    """
    if not isinstance(images, Mapping):
        if len(inputs) > 1:
            names = ", ".join(repr(one.name) for one in inputs)
            raise ArgumentError(
                f"Stimulus: images must be a dict of arrays for the inputs {names}, got {shown(images)}"
            )
        return _of(inputs[0], images)
    names = [one.name for one in inputs]
    if set(images) != set(names):
        raise ArgumentError(
            f"Stimulus: images must be for the inputs {', '.join(map(repr, names))}, got {shown(list(images))}"
        )
    found = {one.name: _of(one, images[one.name]) for one in inputs}
    counts = {name: len(own) for name, own in found.items()}
    if len(set(counts.values())) > 1:
        raise ArgumentError(f"Stimulus: images must be as many for each input, got {counts}")
    return found


def _of(one: Any, images: Any) -> np.ndarray:
    """Return the images of one input if it can be shown them."""
    images = array("Stimulus", "images", images)
    if images.ndim != 2 or images.shape[1] != one.units:
        raise ArgumentError(f"Stimulus: images must be (n, {one.units}) for input {one.name!r}, got {images.shape}")
    if images.dtype == np.uint8:
        return images
    low, high = one.limits or (-np.inf, np.inf)
    rule = f"in [{low:g}, {high:g}]" if one.limits else "finite"
    if images.dtype.kind != "f":
        raise ArgumentError(f"Stimulus: images must be uint8 or floats {rule}, got {images.dtype}")
    bad = ~((images >= low) & (images <= high) & np.isfinite(images))  # NaN is bad too
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ArgumentError(
            f"Stimulus: pixels must be {rule}, got {images[row, column]} at image {row}, pixel {column}"
        )
    return images
