"""Checkpoints: everything a run needs to go on bit for bit, in one HDF5 file written whole."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spikefa._atomic_write import write_whole
from spikefa.core.network import Network
from spikefa.errors import CheckpointError

FORMAT, VERSION = "spikefa checkpoint", 2
#: HDF5's layout since 1.10, whose headers have checksums, attributes and the sizes of arrays among them.
_LAYOUT = ("v110", "v110")


def save(path: Path, network: Network, progress: Mapping[str, Any], model_digest: str | None = None) -> None:
    """Write the weights, the activity, the step counter and the progress of a run.

    Parameters
    ----------
    path : Path
    network : Network
        Between two presentations, with a task.
    progress : mapping
        Numbers and arrays of the trainer.
    model_digest : str, optional
        Digest of the model's source, which `load` may compare.

    Raises
    ------
    OSError
        If the file cannot be written; the one before is untouched.
    """
    held = io.BytesIO()  # h5py's own writing leaves a broken file, or worse, on a full disk
    with h5py.File(held, "w", libver=_LAYOUT) as f:
        f.attrs.update(format=FORMAT, version=VERSION, model=model_digest or "", step=network.step)
        f.attrs.update(streams=network.streams, seed=network.seed)
        for group, arrays in _state(network).items():
            for name, array in arrays.items():
                _write(f, f"{group}/{name}", array)
        f.create_group("progress")
        for name, value in progress.items():
            _write(f, f"progress/{name}", value)
    # Released at once: an error that is kept keeps this frame, and the interpreter dies of a buffer that outlives it.
    with held.getbuffer() as data:
        write_whole(path, data, "the checkpoint")


def load(path: Path, network: Network, model_digest: str | None = None, needs: Iterable[str] = ()) -> dict[str, Any]:
    """Read a checkpoint into a network, which stays untouched unless all of it fits.

    Parameters
    ----------
    path : Path
    network : Network
        Built by the same model with the same parameters and number of streams.
    model_digest : str, optional
        Digest of the model's source, to be compared.
    needs : iterable of str
        Names of what must be among the progress.

    Returns
    -------
    dict
        The progress that was saved.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, of another version, model, seed or number of streams.
    """
    held = _bytes_of(path)
    try:
        with h5py.File(held, "r") as f:
            _check_header(path, f, network, model_digest)
            state = _state(network)
            read = {group: {name: _read(f, f"{group}/{name}") for name in arrays} for group, arrays in state.items()}
            extra = {g: [n for n in f[g] if n not in arrays] for g, arrays in state.items() if g in f}
            progress = {name: _read(f, f"progress/{name}") for name in f["progress"]}
            step = int(f.attrs["step"])
    except CheckpointError:
        raise
    except KeyError as error:
        raise CheckpointError(f"{path}: is a checkpoint of another model, or damaged ({error.args[0]})") from error
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: is damaged or no checkpoint ({error})") from error
    if missing := sorted(set(needs) - set(progress)):
        raise CheckpointError(f"{path}: is damaged, its progress must have {missing}, got {sorted(progress)}")
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
    network.begin()
    for group, arrays in state.items():
        for name, array in arrays.items():
            array[...] = read[group][name]
    network.step = step
    return progress


def load_weights(path: Path, network: Network, averaged: bool = True) -> None:
    """Read only the weights and biases; the number of streams may be another.

    Parameters
    ----------
    path : Path
    network : Network
        Built by the same model with the same parameters.
    averaged : bool
        Whether to take averaged weights, if the checkpoint has them.

    Raises
    ------
    CheckpointError
        If there is no such file, or it does not have them in the network's shapes.
    """
    held = _bytes_of(path)
    try:
        with h5py.File(held, "r") as f:
            for projection in (p for p in network.projections if p.state_arrays()):
                name = f"parameters/{projection.state_name}"
                if averaged and network.weight_average is not None:
                    mean = f"parameters/{network.weight_average.state_name}.{projection.name}"
                    name = mean if f"{mean}.W" in f else name
                W, b = _read(f, f"{name}.W"), _read(f, f"{name}.b")
                if f"synapses/{projection.name}" in f:
                    values, W = W, np.zeros(projection.shape, W.dtype)
                    W[tuple(_read(f, f"synapses/{projection.name}"))] = values
                projection.W, projection.b = W, b
    except (OSError, KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path}: does not hold this network's weights ({error})") from error


def _bytes_of(path: Path) -> io.BytesIO:
    if not path.is_file():
        raise CheckpointError(f"{path}: no checkpoint there")
    return io.BytesIO(path.read_bytes())


def _write(f: h5py.File, name: str, value: Any) -> None:
    """Write a number or an array with a checksum; HDF5 has checksums of arrays only."""
    f.create_dataset(name, data=np.atleast_1d(value), fletcher32=True).attrs["scalar"] = np.ndim(value) == 0


def _read(f: h5py.File, name: str) -> Any:
    """Read what `_write` wrote."""
    found = f[name]
    return found[0] if found.attrs["scalar"] else found[()]


def _check_header(path: Path, f: h5py.File, network: Network, model_digest: str | None) -> None:
    if f.attrs.get("format") != FORMAT:
        raise CheckpointError(f"{path}: is HDF5, but no spikefa checkpoint")
    if f.attrs["version"] != VERSION:
        raise CheckpointError(
            f"{path}: has format version {f.attrs['version']}, and this spikefa reads version {VERSION}"
        )
    if model_digest is not None and f.attrs["model"] != model_digest:
        raise CheckpointError(f"{path}: was written by another version of the model file")
    for name in ("streams", "seed"):
        if f.attrs[name] != getattr(network, name):
            raise CheckpointError(f"{path}: has {name} {f.attrs[name]}, and the network {getattr(network, name)}")


def _state(network: Network) -> dict[str, dict[str, np.ndarray]]:
    return {
        "parameters": network.parameters(),
        "activity": network.state(),
        "stimulus": {network.readout.takes: network.stimulus.targets},
        "synapses": {
            p.name: np.stack(p.synapses()).astype(np.int32)
            for p in network.projections
            if p.state_arrays() and p.weights.sparse
        },
    }
