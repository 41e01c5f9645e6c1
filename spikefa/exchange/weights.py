"""Weights and biases of a network in files of numpy and safetensors."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from spikefa._atomic_write import write_whole
from spikefa._checks import one_of, real_array, text
from spikefa._checks import path as checked_path
from spikefa.core.network import Network, require_network
from spikefa.errors import DataError, did_you_mean
from spikefa.exchange.libraries import library
from spikefa.projections.projection import Projection

#: Suffixes of the files that weights are written to.
WEIGHT_FILES = (".npz", ".safetensors")


def save_weights(network: Network | Mapping[str, np.ndarray], path: str | os.PathLike) -> None:
    r"""Write the weights and biases of all projections that have their own.

    Arrays are called ``PROJECTION.W`` (n_pre, n_post), 0 where there is no synapse, and ``PROJECTION.b`` (n_post,).

    Parameters
    ----------
    network : Network, or dict of such arrays by their names
    path : path
        Ends in ``.npz`` or ``.safetensors``.

    Raises
    ------
    ArgumentError
        If the ending is another, safetensors is not installed, or there is something else than names and real arrays.
    OSError
        If it cannot be written.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> projection = fa.Projection(net, image, output, fa.uniform(0.5))
    >>> fa.exchange.save_weights(net, "weights.npz")
    """
    owner = "save_weights"
    path = _checked(owner, path)
    given = network if isinstance(network, Mapping) else _weights(require_network(owner, network))
    arrays = {
        text(owner, "each name", name): np.ascontiguousarray(real_array(owner, f"{name!r}", array))
        for name, array in given.items()
    }
    if path.suffix == ".npz":
        held = io.BytesIO()
        np.savez(held, **arrays)
        data = held.getvalue()
    else:
        data = library("safetensors.numpy", "safetensors").save(arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, data, "the weights")


def load_weights(network: Network, path: str | os.PathLike) -> None:
    r"""Give a network the weights and biases of a file; all of them or, after an error, none.

    Parameters
    ----------
    network : Network
    path : path
        What `save_weights` wrote, or other software with the same names.

    Raises
    ------
    ArgumentError
        If the ending is another, safetensors is not installed, or weights are out of a projection's bounds or mask.
    DataError
        If the file cannot be read, or its names, shapes or values are not those that the network can have.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> projection = fa.Projection(net, image, output, fa.uniform(0.5))
    >>> fa.exchange.save_weights(net, "weights.npz")
    >>> fa.exchange.load_weights(net, "weights.npz")
    """
    path = _checked("load_weights", path)
    own, found = _weights(require_network("load_weights", network)), _read(path)
    for name in [*own, *found]:
        if name not in found:
            raise DataError(f"{path}: must have {name!r}, got {sorted(found)}")
        if name not in own:
            raise DataError(
                f"{path}: must have no other names than {sorted(own)}, got {name!r}{did_you_mean(name, own)}"
            )
        if found[name].shape != own[name].shape or found[name].dtype.kind != "f":
            raise DataError(
                f"{path}: {name} must be floats {own[name].shape}, got {found[name].dtype} {found[name].shape}"
            )
        if not np.isfinite(found[name]).all():
            raise DataError(f"{path}: {name} must be finite, got {np.sum(~np.isfinite(found[name]))} that are not")
    try:
        _give(network, found)
    except Exception:
        _give(network, own)
        raise


def _checked(owner: str, path: str | os.PathLike) -> Path:
    path = checked_path(owner, "path", path)
    one_of(owner, f"the suffix of {str(path)!r}", path.suffix, WEIGHT_FILES)
    return path


def _own_weights(network: Network) -> list[Projection]:
    return [projection for projection in network.projections if projection.state_arrays()]


def _weights(network: Network) -> dict[str, np.ndarray]:
    """Return copies of the weights and biases by their names."""
    found = {}
    for projection in _own_weights(network):
        found |= {f"{projection.name}.W": projection.W.copy(), f"{projection.name}.b": projection.b.copy()}
    return found


def _give(network: Network, arrays: Mapping[str, np.ndarray]) -> None:
    for projection in _own_weights(network):
        projection.W, projection.b = arrays[f"{projection.name}.W"], arrays[f"{projection.name}.b"]


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.suffix == ".npz":
            with open(path, "rb") as f, np.load(f, allow_pickle=False) as held:  # it leaves a damaged one open
                return {name: held[name] for name in held.files}
        return library("safetensors.numpy", "safetensors").load(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected a file of weights, found none") from error
    # What numpy, zipfile and safetensors raise of damaged files.
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, _damaged()) as error:
        raise DataError(f"{path}: not a whole file of weights ({' '.join(str(error).split())})") from error


def _damaged() -> type[Exception]:
    """Return what safetensors raises, if it is installed."""
    try:
        return library("safetensors", "safetensors").SafetensorError
    except ValueError:
        return ValueError
