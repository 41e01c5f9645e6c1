"""Checkpoints: everything a run needs to go on bit for bit, in one HDF5 file written whole."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .files import write_whole
from .layers import EVENTS
from .network import Network

FORMAT, VERSION = "spikefa checkpoint", 1


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message names the file and the reason."""


def save(path: Path, network: Network, progress: Mapping[str, Any], model: str) -> None:
    """Write the weights, the activity, the step counter and the progress of a run.

    Parameters
    ----------
    path : Path
    network : Network
        Between two presentations.
    progress : mapping
        Numbers and arrays of the trainer.
    model : str
        Digest of the model's source.

    Raises
    ------
    OSError
        If the file cannot be written; the one before is untouched.
    """
    held = io.BytesIO()  # h5py's own writing leaves a broken file, or worse, on a full disk
    with h5py.File(held, "w") as f:
        f.attrs.update(format=FORMAT, version=VERSION, model=model, step=network.step)
        f.attrs.update(streams=network.streams, seed=network.seed)
        for group, arrays in _state(network).items():
            for name, array in arrays.items():
                f.create_dataset(f"{group}/{name}", data=array, fletcher32=array.ndim > 0)
        f.create_group("progress")
        for name, value in progress.items():
            f.create_dataset(f"progress/{name}", data=value)
    write_whole(path, held.getbuffer(), "the checkpoint")


def load(path: Path, network: Network, model: str | None = None) -> dict[str, Any]:
    """Read a checkpoint into a network, which stays untouched unless all of it fits.

    Parameters
    ----------
    path : Path
    network : Network
        Built by the same model with the same parameters and number of streams.
    model : str, optional
        Digest of the model's source, to be compared.

    Returns
    -------
    dict
        The progress that was saved.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, of another version, model, seed or number of streams.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no checkpoint there")
    held = io.BytesIO(path.read_bytes())
    try:
        with h5py.File(held, "r") as f:
            _check_header(path, f, network, model)
            state = _state(network)
            read = {group: {name: f[f"{group}/{name}"][()] for name in arrays} for group, arrays in state.items()}
            extra = {g: [n for n in f[g] if n not in arrays] for g, arrays in state.items() if g in f}
            progress = {name: f[f"progress/{name}"][()] for name in f["progress"]}
            step = int(f.attrs["step"])
    except CheckpointError:
        raise
    except KeyError as error:
        raise CheckpointError(f"{path}: is a checkpoint of another model ({error.args[0]})") from error
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: is damaged or no checkpoint ({error})") from error
    # Earlier checkpoints had the scratch array of the last step's events.
    extra["activity"] = [name for name in extra.get("activity", ()) if not name.endswith(f".{EVENTS}")]
    for group, arrays in state.items():
        if extra.get(group):
            raise CheckpointError(f"{path}: is a checkpoint of another model; it also has {extra[group]}")
        for name, array in arrays.items():
            found = read[group][name]
            if found.shape != array.shape or found.dtype != array.dtype:
                raise CheckpointError(
                    f"{path}: is a checkpoint of another model: {name} must be {array.dtype} {array.shape}, "
                    f"got {found.dtype} {found.shape}"
                )
            if group == "synapses" and not np.array_equal(found, array):
                raise CheckpointError(f"{path}: is a checkpoint of another model: {name} has other synapses")
    for group, arrays in state.items():
        for name, array in arrays.items():
            array[...] = read[group][name]
    network.step = step
    return progress


def load_weights(path: Path, network: Network, average: bool = True) -> None:
    """Read only the weights and biases, averaged ones where there are and if asked, whatever the number of streams.

    Raises
    ------
    CheckpointError
        If the file does not have them in the network's shapes.
    """
    try:
        with h5py.File(io.BytesIO(path.read_bytes()), "r") as f:
            for projection in (p for p in network.projections if p.state_arrays()):
                mean = f"parameters/average.{projection.name}"
                name = mean if average and f"{mean}.W" in f else f"parameters/{projection.name}"
                W, b = f[f"{name}.W"][()], f[f"{name}.b"][()]
                if f"synapses/{projection.name}" in f:
                    values, W = W, np.zeros(projection.shape, W.dtype)
                    W[tuple(f[f"synapses/{projection.name}"][()])] = values
                projection.W, projection.b = W, b
    except (OSError, KeyError, IndexError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: does not hold this network's weights ({error})") from error


def _check_header(path: Path, f: h5py.File, network: Network, model: str | None) -> None:
    if f.attrs.get("format") != FORMAT:
        raise CheckpointError(f"{path}: is HDF5, but no spikefa checkpoint")
    if f.attrs["version"] != VERSION:
        raise CheckpointError(
            f"{path}: has format version {f.attrs['version']}, and this spikefa reads version {VERSION}"
        )
    if model is not None and f.attrs["model"] != model:
        raise CheckpointError(f"{path}: was written by another version of the model file")
    for name in ("streams", "seed"):
        if f.attrs[name] != getattr(network, name):
            raise CheckpointError(f"{path}: has {name} {f.attrs[name]}, and the network {getattr(network, name)}")


def _state(network: Network) -> dict[str, dict[str, np.ndarray]]:
    return {
        "parameters": network.parameters(),
        "activity": network.activity(),
        "stimulus": {network.readout.takes: network.stimulus.targets},
        "synapses": {p.name: np.stack(p.synapses()).astype(np.int32) for p in network.projections if p.sparse},
    }
