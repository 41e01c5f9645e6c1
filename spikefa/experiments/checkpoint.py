"""Checkpoints: everything a run needs to go on bit for bit, in one HDF5 file written whole.

A checkpoint may be damaged, or come from somebody else. So only what the network has is read of it, after its shape was
compared, and a value that no training can have made is refused by name.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from spikefa import _hdf5
from spikefa._atomic_write import write_whole
from spikefa.errors import CheckpointError
from spikefa.experiments.checkpoint_values import (
    Arrays,
    check_finite,
    check_progress,
    check_values,
    check_weights,
    some_of,
)

if TYPE_CHECKING:
    from spikefa.core.network import Network  # reading a table of metrics needs no Brian2

FORMAT, VERSION = "spikefa checkpoint", 3
#: Earlier versions, and the commit of the repository that reads them.
EARLIER_VERSIONS = {2: "6c29802"}
_GROUPS = ("parameters", "activity", "stimulus", "synapses", "progress")
#: Bytes that an array may have whose size the network does not say: rows of metrics, synapses made dense.
_MOST = 2**30


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
    with h5py.File(held, "w", libver=_hdf5.LAYOUT) as f:
        f.attrs.update(format=_hdf5.texts([FORMAT]), model=_hdf5.texts([model_digest or ""]))
        f.attrs.update(version=VERSION, step=network.step)
        f.attrs.update(streams=network.streams, seed=network.seed)
        for group, arrays in _state(network).items():
            for name, array in arrays.items():
                _write(f, f"{group}/{name}", array)
        for p in network.projections:
            if f"synapses/{p.name}" in f:
                f[f"synapses/{p.name}"].attrs["shape"] = p.shape
        f.create_group("progress")
        for name, value in progress.items():
            _write(f, f"progress/{name}", value)
    # Released at once: an error that is kept keeps this frame, and the interpreter dies of a buffer that outlives it.
    with held.getbuffer() as data:
        write_whole(path, data, "the checkpoint")


def load(
    path: Path, network: Network, model_digest: str | None = None, needs: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Read a checkpoint into a network, which stays untouched unless all of it fits.

    Parameters
    ----------
    path : Path
    network : Network
        Built by the same model with the same parameters and number of streams.
    model_digest : str, optional
        Digest of the model's source, to be compared.
    needs : mapping, optional
        What the progress must have, each number and array of the shape and kind given here.

    Returns
    -------
    dict
        The progress that was saved.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, of another version, model, seed or number of streams, or holds a value that no
        training makes, such as a weight that is not finite; the message names the value.
    """
    state = _state(network)
    with _opened(path) as f:
        _check_header(path, f, network, model_digest)
        step = _hdf5.attribute(f, "step", int)
        read = {
            group: {name: _read_as(path, f, f"{group}/{name}", array) for name, array in arrays.items()}
            for group, arrays in state.items()
        }
        extra = {g: [n for n in _names(f, g) if n not in arrays] for g, arrays in state.items()}
        progress = {name: _read(f, f"progress/{name}") for name in _hdf5.names(f, "progress")}
    for group, found in extra.items():
        if found:
            raise CheckpointError(f"{path}: is a checkpoint of another model; it also has {some_of(found)} in {group}")
    check_values(path, network, step, state, read)
    if needs is not None:
        check_progress(path, network, step, progress, needs)
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
        If there is no such file, or it does not have them in the network's shapes, or a weight is not finite.
    """
    projections = [p for p in network.projections if p.state_arrays()]
    average = None if network.weight_average is None else network.weight_average.state_name
    with _opened(path) as f:
        for p in projections:
            name = f"parameters/{p.state_name}"
            if averaged and average is not None:
                mean = f"parameters/{average}.{p.name}"
                name = mean if f"{mean}.W" in f else name
            W, b = _read_weights(path, f, p.name, name, p.weights_shape)
            check_weights(path, p, "W", p.W, W)
            check_weights(path, p, "b", p.b, b)
            p.W, p.b = W, b


def read_weights(path: Path, averaged: bool = True) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Read the weights and biases without their network.

    Parameters
    ----------
    path : Path
    averaged : bool
        Whether to take averaged weights, of the projections of which the checkpoint has them.

    Returns
    -------
    dict
        The projection's name -> its weights (n_pre, n_post), 0 where there is no synapse, and its biases (n_post,). Of
        a convolution they are (maps in, field, field, maps out) and (maps out,).

    Raises
    ------
    CheckpointError
        If there is no such file, or it does not hold weights.
    """
    from spikefa.plasticity.weight_average import WeightAverage  # imports Brian2

    found = {}
    with _opened(path) as f:
        there = set(_hdf5.names(f, "parameters"))
        for name in sorted(there):
            projection, _, last = name.rpartition(".")
            if last != "W" or "." in projection:
                continue
            mean = f"{WeightAverage.state_name}.{projection}"
            own = mean if averaged and f"{mean}.W" in there else projection
            found[projection] = _read_weights(path, f, projection, f"parameters/{own}", None)
    return found


def read_metrics_text(path: Path) -> str:
    """Return the table of metrics as it was when the checkpoint was written; empty if there was none.

    Raises
    ------
    CheckpointError
        If there is no such file, or it is damaged.
    """
    with _opened(path) as f:
        return text_of(_read(f, "progress/metrics"))


def read_model(path: Path) -> str:
    """Return the digest, or the words, of what a checkpoint is of; empty without one.

    Raises
    ------
    CheckpointError
        If there is no such file, or it is damaged.
    """
    with _opened(path) as f:
        return _hdf5.attribute(f, "model", str)


def array_of(text: str) -> np.ndarray:
    """Return a text as an array of bytes, which a checkpoint can hold."""
    return np.frombuffer((text or "\n").encode(), np.uint8)  # HDF5 has no checksum of an empty array


def text_of(array: np.ndarray) -> str:
    """Return the text of an array of bytes."""
    return np.asarray(array, np.uint8).tobytes().decode().lstrip("\n")


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Open a checkpoint; what then fails is said to be its fault."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no checkpoint there")
    try:
        with open(path, "rb") as held, h5py.File(held, "r") as f:
            _check_format(path, f)
            if extra := sorted(set(_hdf5.names(f)) - set(_GROUPS)):
                raise CheckpointError(f"{path}: is a checkpoint of another model; it also has {some_of(extra)}")
            yield f
    except CheckpointError:
        raise
    except KeyError as error:
        raise CheckpointError(f"{path}: is a checkpoint of another model, or damaged ({error.args[0]})") from error
    except (OSError, RuntimeError, TypeError, ValueError, IndexError) as error:
        raise CheckpointError(f"{path}: is damaged or no checkpoint ({error})") from error


def _write(f: h5py.File, name: str, value: Any) -> None:
    """Write a number or an array with a checksum; HDF5 has checksums of arrays only."""
    f.create_dataset(name, data=np.atleast_1d(value), fletcher32=True).attrs["scalar"] = np.ndim(value) == 0


def _read(f: h5py.File, name: str, shape: tuple[int, ...] | None = None) -> Any:
    """Read what `_write` wrote."""
    scalar = bool(_hdf5.attribute(_hdf5.plain(f, name), "scalar", bool))
    found = _hdf5.read(f, name, (1,) if scalar else shape, _MOST if shape is None else 2**62)
    return found[0] if scalar else found


def _read_as(path: Path, f: h5py.File, name: str, array: np.ndarray) -> np.ndarray:
    """Read an array of the network's shape and type."""
    found = _hdf5.plain(f, name)
    if found.shape != array.shape or found.dtype != array.dtype:
        raise CheckpointError(
            f"{path}: is a checkpoint of another model: {name.partition('/')[2]} must be {array.dtype} {array.shape}, "
            f"got {found.dtype} {found.shape}"
        )
    return _hdf5.read(f, name, array.shape, 2**62)


def _read_weights(
    path: Path, f: h5py.File, projection: str, name: str, shape: tuple[int, ...] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Read weights (n_pre, n_post), four-dimensional if shared, of `shape` unless it is None, and biases."""
    sparse = projection in _names(f, "synapses")
    if sparse:
        found = tuple(_hdf5.attributes(_hdf5.plain(f, f"synapses/{projection}"), "shape", int, 2))
    else:
        found = _hdf5.plain(f, f"{name}.W").shape
    if shape is not None and found != shape:
        own = name.removeprefix("parameters/")
        raise CheckpointError(f"{path}: is a checkpoint of another model: {own}.W must be {shape}, got {found}")
    shape = found
    if not sparse:
        W = _hdf5.read(f, f"{name}.W", shape, 2**62)
    else:
        values = _hdf5.read(f, f"{name}.W")
        if math.prod(shape) * values.itemsize > _MOST or min(shape) < 1:
            raise ValueError(f"the shape of {projection} must be below {_MOST:,} bytes, got {shape}")
        pre, post = _hdf5.read(f, f"synapses/{projection}", (2, values.size))
        if min(pre.min(initial=0), post.min(initial=0)) < 0:
            raise ValueError(f"the synapses of {projection} must be counted from 0")
        W = np.zeros(shape, values.dtype)
        W[pre, post] = values
    if W.ndim not in (2, 4):
        raise ValueError(f"{name}.W must have two or four dimensions, got {W.shape}")
    b = _hdf5.read(f, f"{name}.b", W.shape[-1:])
    for own, array in ((f"{name}.W", W), (f"{name}.b", b)):
        check_finite(path, own, array)
    return W, b


def _names(f: h5py.File, group: str) -> list[str]:
    return _hdf5.names(f, group) if group in f else []


def _check_format(path: Path, f: h5py.File) -> None:
    if not {"format", "version"} <= set(f.attrs):
        raise CheckpointError(f"{path}: is HDF5, but no spikefa checkpoint")
    version = _hdf5.attribute(f, "version", int)
    if version in EARLIER_VERSIONS:
        raise CheckpointError(
            f"{path}: has format version {version} of an earlier spikefa; commit {EARLIER_VERSIONS[version]} of its "
            "repository reads it"
        )
    if _hdf5.attribute(f, "format", str) != FORMAT:
        raise CheckpointError(f"{path}: is HDF5, but no spikefa checkpoint")
    if version != VERSION:
        raise CheckpointError(f"{path}: has format version {version}, and this spikefa reads version {VERSION}")


def _check_header(path: Path, f: h5py.File, network: Network, model_digest: str | None) -> None:
    its_own = f.attrs.get_id("model").dtype.kind == "S" and _hdf5.attribute(f, "model", str)
    if model_digest is not None and its_own != model_digest:
        raise CheckpointError(f"{path}: was written by another version of the model file")
    for name in ("streams", "seed"):
        found = _hdf5.attribute(f, name, int)
        if found != getattr(network, name):
            raise CheckpointError(f"{path}: has {name} {found}, and the network {getattr(network, name)}")


def _state(network: Network) -> Arrays:
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
