"""The values of a checkpoint: those that no training can have made are refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikefa.errors import ArgumentError, CheckpointError

if TYPE_CHECKING:
    from spikefa.core.network import Network
    from spikefa.projections.projection import Projection

#: Weights beyond this are as good as infinite: inputs to a unit are sums of a thousand of them. Training stops there.
LARGEST_WEIGHT = 1e4
#: Beyond so many steps, float64 cannot hold their number, and so the time, exactly.
MOST_STEPS = 2**53
#: Arrays by group and name.
Arrays = dict[str, dict[str, np.ndarray]]


def check_values(path: Path, network: Network, step: int, state: Arrays, read: Arrays) -> None:
    """Refuse values that training would have stopped at, or that cannot be shown, before any is written to a network.

    Parameters
    ----------
    path : Path
        For messages.
    network : Network
    step : int
    state, read : dict
        The network's own arrays, and those of the checkpoint, by group and name.

    Raises
    ------
    CheckpointError
        If a value cannot be; the message names it.
    """
    if not 0 <= step <= MOST_STEPS:
        raise CheckpointError(f"{path}: step must be a whole number, from 0 to 2**53, got {step}")
    for name, found in read["synapses"].items():
        if not np.array_equal(found, state["synapses"][name]):
            raise CheckpointError(f"{path}: is a checkpoint of another model: {name} has other synapses")
    for group in ("parameters", "activity"):
        for name, found in read[group].items():
            if np.isfinite(state[group][name]).all():  # a state may begin at infinity, such as a time that never was
                check_finite(path, name, found)
    now = step * network.clock.dt_
    for name, found in read["activity"].items():
        if name.endswith(".lastspike") and found.size and found.max() > now:
            raise CheckpointError(
                f"{path}: {name} must be at most {now:g} s, that of the checkpoint, got {found.max():g}"
            )
    for name in _learned(network):
        found = read["parameters"][name]
        if found.size and np.abs(found).max() > LARGEST_WEIGHT:
            at = np.unravel_index(np.abs(found).argmax(), found.shape)
            raise CheckpointError(
                f"{path}: {name} must be within {LARGEST_WEIGHT:g}, beyond which training stops, got {found[at]:g} at "
                f"{tuple(map(int, at))}"
            )
    for projection in network.projections:
        for of in "Wb":
            if (name := f"{projection.state_name}.{of}") in read["parameters"]:
                check_weights(path, projection, of, state["parameters"][name], read["parameters"][name])
    (targets,) = read["stimulus"].values()
    try:
        network.readout.validate_targets(targets, network.streams)
    except ArgumentError as error:
        raise CheckpointError(f"{path}: is damaged ({error})") from error


def check_weights(path: Path, projection: Projection, of: str, own: np.ndarray, found: np.ndarray) -> None:
    """Refuse weights that a projection cannot have: off its mask, out of its bounds, or beyond all fixed ones."""
    title = f"{path}: {projection.state_name}.{of}"
    most = max(LARGEST_WEIGHT, float(np.abs(own).max(initial=0)))
    if (largest := float(np.abs(found).max(initial=0))) > most:
        raise CheckpointError(f"{title} must be within {most:g}, got {largest:g}")
    if of == "b":
        return
    if projection.masked and found.shape == projection.shape:
        mask = projection.mask
        if (absent := found[~mask & (found != 0)]).size:
            raise CheckpointError(f"{title} must be 0 where there is no synapse, got {absent[0]:g}")
        found = found[mask]
    for limit, side in zip(projection.bounds or (), (-1, 1), strict=False):
        # Means of weights at a bound may be beyond it by a rounding.
        if limit is not None and (side * (found - limit) > 1e-6 * max(1.0, abs(limit))).any():
            got = f"{found.min():g} to {found.max():g}"
            raise CheckpointError(f"{title} must be within the bounds {projection.bounds}, got {got}")


def _learned(network: Network) -> list[str]:
    """Return the names of weights and biases that training holds within bounds, of their changes and their means."""
    learning = [p for p in network.projections if p.learning is not None and p.state_arrays()]
    names = [f"{p.state_name}.{of}" for p in learning for of in "Wb"]
    names += [f"{p.learning.state_name}.{of}" for p in learning for of in ("pending", "change", "bias_change")]
    if network.weight_average is not None:
        names += [f"{network.weight_average.state_name}.{p.name}.{of}" for p in learning for of in "Wb"]
    return [name for name in names if name in network.parameters()]


def check_finite(path: Path, name: str, found: np.ndarray) -> None:
    """Refuse an array with a number that is not finite."""
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        at = tuple(map(int, np.argwhere(~np.isfinite(found))[0]))
        raise CheckpointError(f"{path}: {name.removeprefix('parameters/')} must be finite, got {found[at]} at {at}")


def check_progress(path: Path, network: Network, step: int, progress: dict[str, Any], needs: Mapping[str, Any]) -> None:
    """Refuse a progress that lacks something, or has a number that is negative, not finite, or of another shape.

    So it refuses a number of images that the network cannot have seen in its steps.
    """
    if missing := sorted(set(needs) - set(progress)):
        raise CheckpointError(f"{path}: is damaged, its progress must have {missing}, got {sorted(progress)}")
    if extra := sorted(set(progress) - set(needs)):
        raise CheckpointError(f"{path}: is a checkpoint of another model; it also has {some_of(extra)} in progress")
    for name, needed in needs.items():
        found, needed = np.asarray(progress[name]), np.asarray(needed)
        alike = found.shape == needed.shape or (name == "metrics" and found.ndim == 1)  # rows differ in length
        if found.dtype.kind != needed.dtype.kind or not alike:
            raise CheckpointError(
                f"{path}: {name} must be {needed.dtype} {needed.shape}, got {found.dtype} {found.shape}"
            )
        check_finite(path, name, found)
        if found.ndim == 0 and found < 0:
            raise CheckpointError(f"{path}: {name} must be at least 0, got {found}")
    seen, streams, steps = int(progress["images_seen"]), network.streams, network.stimulus.steps_per_presentation
    if seen % streams:
        raise CheckpointError(f"{path}: images_seen must be a multiple of the {streams} streams, got {seen}")
    if seen // streams * steps != step:
        raise CheckpointError(f"{path}: step must be {seen // streams * steps} after {seen} images, got {step}")
    if "wrong" in needs and progress["wrong"] > progress["shown"]:
        raise CheckpointError(
            f"{path}: wrong must be at most the images shown, {progress['shown']}, got {progress['wrong']}"
        )


def some_of(names: list[str]) -> str:
    """Return the first names of a list, in words."""
    return f"{names[:3]}" + (f" and {len(names) - 3} more" if len(names) > 3 else "")
