"""What several inputs are shown: a dict of samples, one entry an input, by its name; a single input needs no dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spikefa._checks import array, shown
from spikefa.errors import ArgumentError
from spikefa.presentation.samples import Samples, steps_of, validate

Shown = Samples | Mapping[str, Samples]


def count_of(samples: Shown) -> int:
    """Return how many samples there are."""
    return len(next(iter(samples.values())) if isinstance(samples, Mapping) else samples)


def some_of(samples: Shown, index: Any) -> Shown:
    """Return the samples of an index: a slice, or numbers."""
    if isinstance(samples, Mapping):
        return {name: own[index] for name, own in samples.items()}
    return samples[index]


def by_input(samples: Shown, inputs: Sequence[Any]) -> list[Samples]:
    """Return the samples of each input."""
    return [samples[one.name] if isinstance(samples, Mapping) else samples for one in inputs]


def longest(samples: Shown, dt: float) -> int | None:
    """Return for how many steps there is something new to show; None if all are images, which stay."""
    lasts = [steps_of(own, dt) for own in (samples.values() if isinstance(samples, Mapping) else [samples])]
    return max((steps for steps in lasts if steps is not None), default=None)


def validated(samples: Any, inputs: Sequence[Any], dt: float) -> Shown:
    """Return samples that inputs can be shown.

    Parameters
    ----------
    samples : ndarray (n, units) or (n, steps, units), SpikeTrains, or dict of these
        With several inputs, a dict that has samples for each, by its name.
    inputs : sequence of Input
    dt : float
        Length of a step in seconds.

    Raises
    ------
    ArgumentError
        If they are of another form, shape or type, or outside the limits.
    """
    _check_names(samples, inputs)
    if not isinstance(samples, Mapping):
        return _of(inputs[0], samples, dt)
    found = {one.name: _of(one, samples[one.name], dt) for one in inputs}
    counts = {name: len(own) for name, own in found.items()}
    if len(set(counts.values())) > 1:
        raise ArgumentError(f"Stimulus: images must be as many for each input, got {counts}")
    return found


def require_images(samples: Any, inputs: Sequence[Any]) -> None:
    """Refuse samples that are no images (n, pixels).

    Raises
    ------
    ArgumentError
        If they are of another form.
    """
    _check_names(samples, inputs)
    for one, own in zip(inputs, by_input(samples, inputs), strict=True):
        images = array("Stimulus", "images", own)
        if images.ndim != 2:
            raise ArgumentError(f"Stimulus: images must be (n, {one.units}) for input {one.name!r}, got {images.shape}")


def _check_names(samples: Any, inputs: Sequence[Any]) -> None:
    names = [one.name for one in inputs]
    listed = ", ".join(map(repr, names))
    if not isinstance(samples, Mapping):
        if len(inputs) > 1:
            raise ArgumentError(
                f"Stimulus: images must be a dict of arrays for the inputs {listed}, got {shown(samples)}"
            )
    elif set(samples) != set(names):
        raise ArgumentError(f"Stimulus: images must be for the inputs {listed}, got {shown(list(samples))}")


def _of(one: Any, samples: Any, dt: float) -> Samples:
    return validate(samples, one.units, f"input {one.name!r}", one.limits, dt)
