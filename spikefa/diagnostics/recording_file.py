"""The file of an activity recording: HDF5, of which no more is read than it promises."""

from __future__ import annotations

import io
from typing import Any

import h5py
import numpy as np

from spikefa import _checks, _hdf5

_FORMAT, _VERSION = "spikefa activity recording", 4
#: The oldest version that is read. Files of 2 do not say which images of the test set were shown, nor have they gaps;
#: those of 2 and 3 do not say which units were.
_OLDEST = 2
#: Bytes that an array of a recording may have: 2,000 steps of 50 units have 100,000.
_MOST = 2**26


def packed(recording: Any) -> bytes:
    """Return an `ActivityRecording`, whose module imports this one, as the bytes of its file."""
    held = io.BytesIO()
    with h5py.File(held, "w", libver=_hdf5.LAYOUT) as f:
        f.attrs.update({"format": _hdf5.texts([_FORMAT]), "label": _hdf5.texts([recording.label]), "version": _VERSION})
        f.attrs["layers"] = _hdf5.texts(list(recording.spikes))
        for name in ("images_seen", "steps_per_image", "dt", "gap_steps"):
            f.attrs[name] = getattr(recording, name)
        if recording.units:
            f.attrs["units"] = _hdf5.texts([recording.units.get(layer, "") for layer in recording.hidden])
        f.attrs["traced_units"] = np.array([recording.traced_units.get(layer, -1) for layer in recording.hidden], int)
        arrays = {name: getattr(recording, name) for name in ("images", "labels", "output_classes")}
        unknown = recording.image_numbers is None
        arrays["image_numbers"] = np.full(len(recording.images), -1) if unknown else recording.image_numbers
        for group in ("spikes", "v", "delta"):
            arrays |= {f"{group}/{layer}": x for layer, x in getattr(recording, group).items()}
        for layer, spikes in recording.spikes.items():
            arrays[f"unit_numbers/{layer}"] = recording.unit_numbers.get(layer, np.full(spikes.shape[1], -1))
        for name, x in arrays.items():
            f.create_dataset(name, data=x, compression="gzip", fletcher32=True)
    return held.getvalue()


def read(f: h5py.File) -> dict[str, object]:
    """Return what `packed` wrote, by the names of the recording's attributes.

    Raises
    ------
    OSError, KeyError, TypeError, ValueError, RuntimeError
        If it is no such file, or damaged: whatever h5py makes of it.
    """
    if not {"format", "version"} <= set(f.attrs):
        raise ValueError("HDF5 of another kind")
    if not _OLDEST <= (version := _hdf5.attribute(f, "version", int)) <= _VERSION:
        raise ValueError(f"version {version}, this spikefa reads {_OLDEST} to {_VERSION}")
    if _hdf5.attribute(f, "format", str) != _FORMAT:
        raise ValueError("HDF5 of another kind")
    found = _read_activity(f)
    if version >= 3:
        found |= _read_trials(f)
    if version >= 4:
        found |= _read_unit_numbers(f, list(found["spikes"]))
    return found


def layer_name(name: object) -> str:
    """Return the name of a layer, once it can be one in the file.

    Raises
    ------
    ArgumentError
        If it cannot.
    """
    if not isinstance(name, str) or not name or "/" in name or name == ".":
        _checks.refuse("ActivityRecording", "a layer's name in spikes", "be a text without '/'", name)
    return name


def _read_activity(f: h5py.File) -> dict[str, object]:
    """Read what every version has, each array once its shape is the one that the others promise."""
    layers = [layer_name(name) for name in _hdf5.attributes(f, "layers", str)]
    images_seen, steps_per_image = (_hdf5.attribute(f, name, int) for name in ("images_seen", "steps_per_image"))
    images, labels, classes = (_plain(f, name) for name in ("images", "labels", "output_classes"))
    steps = len(images) * steps_per_image if images.ndim else 0
    units = _hdf5.attributes(f, "units", str) if "units" in f.attrs else [""] * len(layers[:-1])

    def of_layers(group: str, names: list[str]) -> dict[str, np.ndarray]:
        _check_names(f, group, names)
        for name in names:
            if (shape := _hdf5.plain(f, f"{group}/{name}", gzip=True).shape)[:1] != (steps,):
                raise ValueError(f"{group}/{name} must have {steps} steps, got {shape}")
        return {name: _plain(f, f"{group}/{name}") for name in names}

    return {
        "label": _hdf5.attribute(f, "label", str),
        "images_seen": images_seen,
        "steps_per_image": steps_per_image,
        "dt": _hdf5.attribute(f, "dt", float),
        "images": images,
        "labels": labels,
        "output_classes": classes,
        "spikes": of_layers("spikes", layers),
        "v": of_layers("v", layers[:-1]),
        "delta": of_layers("delta", layers[:-1]),
        "units": {name: unit for name, unit in zip(layers[:-1], units, strict=True) if unit},
    }


def _read_trials(f: h5py.File) -> dict[str, object]:
    """Read what version 3 has in addition."""
    numbers, gap = _plain(f, "image_numbers"), _hdf5.attribute(f, "gap_steps", int)
    return {"image_numbers": None if np.all(numbers == -1) else numbers, "gap_steps": gap}


def _read_unit_numbers(f: h5py.File, layers: list[str]) -> dict[str, object]:
    """Read what version 4 has in addition; -1 stands for units that are not known."""
    _check_names(f, "unit_numbers", layers)
    numbers, hidden = {name: _plain(f, f"unit_numbers/{name}") for name in layers}, layers[:-1]
    if len(found := _hdf5.attributes(f, "traced_units", int)) != len(hidden):
        raise ValueError(f"traced_units must be {len(hidden)}, one a hidden layer, got {len(found)}")
    traced = dict(zip(hidden, found, strict=True))
    return {
        "unit_numbers": {} if all(np.all(x == -1) for x in numbers.values()) else numbers,
        "traced_units": {} if all(number == -1 for number in traced.values()) else traced,
    }


def _check_names(f: h5py.File, group: str, names: list[str]) -> None:
    if not names and f.get(group, getlink=True) is None:  # of a network without hidden layers
        return
    if sorted(_hdf5.names(f, group)) != sorted(names):
        raise ValueError(f"{group} must have {names}, got {_hdf5.names(f, group)[:9]}")


def _plain(f: h5py.File, name: str) -> np.ndarray:
    return _hdf5.read(f, name, most=_MOST, gzip=True)
