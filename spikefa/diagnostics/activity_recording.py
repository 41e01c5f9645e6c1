"""Activity recordings: what a network does while a few images are shown for many steps each."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np

from spikefa import _checks, _hdf5
from spikefa._atomic_write import write_whole
from spikefa.errors import ArgumentError, DataError
from spikefa.exchange import Activity, Signal, to_neo, to_nwb

_OWNER = "ActivityRecording"
_FORMAT, _VERSION = "spikefa activity recording", 3
#: Versions that `load` reads; those of 2 do not say which images of the test set were shown, nor have they gaps.
_READ = (2, 3)
#: Bytes that an array of a recording may have: 2,000 steps of 50 units have 100,000.
_MOST = 2**26


@dataclass(frozen=True, eq=False)
class ActivityRecording:
    """One activity recording: spikes and potentials while a few images are shown for many steps each.

    The arrays are copied and made read-only.

    Raises
    ------
    ArgumentError
        If an attribute is not as described; the message names it, the rule and the value.

    Examples
    --------
    >>> import spikefa as fa
    >>> run = fa.open_run("runs/digits")
    >>> recording = run.recordings()[-1]
    >>> recording.hidden, recording.output
    (('h1',), 'output')
    >>> sorted(recording.trials())
    ['image', 'label', 'start', 'stop', 'stream']
    """

    label: str
    """Title of the stage, such as "60,000 images"."""
    images_seen: int
    """Training images the network had seen."""
    images: np.ndarray
    """The images shown, (n_images, height, width), in [0, 1]."""
    labels: np.ndarray
    """Class of each image, (n_images,)."""
    steps_per_image: int
    """Steps from image to image, a gap after each included."""
    dt: float
    """Length of a step in ms."""
    spikes: dict[str, np.ndarray]
    """Spikes by layer, bool (steps, units_shown): the hidden layers bottom up, the output last."""
    output_classes: np.ndarray
    """Class of each unit shown of the output, in ascending order."""
    v: dict[str, np.ndarray]
    """Potential (PSP) of one neuron of each hidden layer, (steps,)."""
    delta: dict[str, np.ndarray]
    """Modulatory signal of that same neuron, (steps,)."""
    units: dict[str, str] = field(default_factory=dict)
    """Unit of `v`, such as "mV", of each hidden layer whose potential has one."""
    image_numbers: np.ndarray | None = None
    """Number of each image in the test set, (n_images,); None if it is not known."""
    gap_steps: int = 0
    """Steps after each image, of its `steps_per_image`, in which nothing is shown."""

    def __post_init__(self) -> None:
        def store(name: str, value: object) -> None:
            object.__setattr__(self, name, value)  # frozen for all others

        store("label", _checks.text(_OWNER, "label", self.label))
        store("images_seen", _checks.whole(_OWNER, "images_seen", self.images_seen))
        store("steps_per_image", _checks.positive_int(_OWNER, "steps_per_image", self.steps_per_image, "steps"))
        store("dt", _checks.in_range(_OWNER, "dt", self.dt, 0, open_low=True, rule="be a positive number of ms"))

        images = _reals("images", self.images, "(n_images, height, width)", 3)
        if images.size == 0:
            raise ArgumentError(f"{_OWNER}: images must hold at least one image, got shape {images.shape}")
        # Written so that NaN fails too.
        if not (images.min() >= 0 and images.max() <= 1):
            raise ArgumentError(f"{_OWNER}: images must lie in [0, 1], got {images.min():g} .. {images.max():g}")
        store("images", images)
        labels = _classes("labels", self.labels)
        if len(labels) != len(images):
            raise ArgumentError(f"{_OWNER}: labels must have {len(images)} classes, one an image, got {len(labels)}")
        store("labels", labels)
        if self.image_numbers is not None:
            numbers = _classes("image_numbers", self.image_numbers)
            if len(numbers) != len(images):
                raise ArgumentError(f"{_OWNER}: image_numbers must be {len(images)}, one an image, got {len(numbers)}")
            store("image_numbers", numbers)
        store("gap_steps", _checks.whole(_OWNER, "gap_steps", self.gap_steps, 0, self.steps_per_image - 1))

        for name in ("spikes", "v", "delta", "units"):
            if not isinstance(getattr(self, name), Mapping):
                _checks.refuse(_OWNER, name, "map layers to arrays", getattr(self, name))
        if not self.spikes:
            raise ArgumentError(f"{_OWNER}: spikes must have at least the output layer, got none")
        store("spikes", {_layer_name(k): self._spikes_of(k, s) for k, s in self.spikes.items()})
        classes, shown = _classes("output_classes", self.output_classes), self.spikes[self.output].shape[1]
        if len(classes) != shown:
            raise ArgumentError(
                f"{_OWNER}: output_classes must have one class a unit shown of {self.output!r} ({shown}), "
                f"got {len(classes)}"
            )
        if np.any(np.diff(classes) < 0):
            raise ArgumentError(f"{_OWNER}: output_classes must be in ascending order, got {classes.tolist()}")
        store("output_classes", classes)
        for name in ("v", "delta"):
            traces = getattr(self, name)
            if set(traces) != set(self.hidden):
                raise ArgumentError(
                    f"{_OWNER}: {name} must have one trace for each hidden layer {list(self.hidden)}, "
                    f"got {list(traces)}"
                )
            store(name, {k: self._trace_of(name, k, traces[k]) for k in self.hidden})
        for layer, unit in self.units.items():
            _checks.one_of(_OWNER, "a layer in units", layer, self.hidden)
            _checks.text(_OWNER, f"units[{layer!r}]", unit)
        store("units", dict(self.units))

    def _spikes_of(self, layer: str, spikes: np.ndarray) -> np.ndarray:
        name, given = f"spikes[{layer!r}]", np.asarray(spikes)
        if given.ndim != 2 or given.shape[0] != self.steps or given.shape[1] == 0:
            raise ArgumentError(
                f"{_OWNER}: {name} must have shape (steps, units_shown) with "
                f"{len(self.images)} images x {self.steps_per_image} = {self.steps} steps, got {given.shape}"
            )
        if given.dtype != bool and not (given.dtype.kind in "iuf" and np.isin(given, (0, 1)).all()):
            raise ArgumentError(f"{_OWNER}: {name} must be true or false, got values of {given.dtype}")
        return _frozen(given, bool)

    def _trace_of(self, name: str, layer: str, trace: np.ndarray) -> np.ndarray:
        values = _reals(f"{name}[{layer!r}]", trace, "(steps,)", 1)
        if len(values) != self.steps:
            raise ArgumentError(f"{_OWNER}: {name}[{layer!r}] must have {self.steps} steps, got {len(values)}")
        return values

    @property
    def hidden(self) -> tuple[str, ...]:
        """Names of the hidden layers, bottom up."""
        return tuple(self.spikes)[:-1]

    @property
    def output(self) -> str:
        """Name of the output layer."""
        return tuple(self.spikes)[-1]

    @property
    def steps(self) -> int:
        """Number of steps recorded."""
        return len(self.images) * self.steps_per_image

    @property
    def duration(self) -> float:
        """Time recorded, in ms."""
        return self.steps * self.dt

    @property
    def t(self) -> np.ndarray:
        """Time at which each step starts, in ms, (steps,)."""
        return np.arange(self.steps) * self.dt

    def trials(self) -> dict[str, np.ndarray]:
        """Return which image was shown when: a row an image, as `TrialMonitor.table` has them.

        Returns
        -------
        dict
            ``image``, its number in the test set, or in the recording if that is not known; ``stream``, which is 0;
            ``start`` and ``stop`` in ms, without the gap after it; ``label``.
        """
        count = len(self.images)
        image = np.arange(count) if self.image_numbers is None else self.image_numbers
        start = np.arange(count) * self.steps_per_image * self.dt
        stop = start + (self.steps_per_image - self.gap_steps) * self.dt
        stream = np.zeros(count, np.int64)
        return {"image": image, "stream": stream, "start": start, "stop": stop, "label": self.labels}

    def activity(self, name: str = "") -> Activity:
        """Return what other software can read of it: spikes, potentials, deltas, and the trials as epochs.

        Parameters
        ----------
        name : str
            Put before the label, such as the name of the run.
        """
        signals = {}
        for layer in self.hidden:
            unit = self.units.get(layer, "")
            signals |= {f"{layer}.v": Signal(self.v[layer], unit), f"{layer}.delta": Signal(self.delta[layer])}
        trials, each = self.trials(), self.steps_per_image
        return Activity(
            f"{name} {self.label}".strip(),
            self.dt / 1e3,
            self.spikes,
            signals,
            tuple((q * each, each - self.gap_steps, str(label)) for q, label in enumerate(self.labels)),
            f"spikefa: spikes of some units after {self.images_seen:,} training images",
            {"image": trials["image"], "stream": trials["stream"]},
        )

    def to_neo(self) -> Any:
        """Return the recording as a `neo.Block` of one segment.

        Each unit is a spike train, those that never spiked included; potentials and deltas are analog signals; the
        epoch "stimulus" has the class of each image, and as array annotations its number and stream.

        Raises
        ------
        ArgumentError
            If Neo is not installed.
        """
        return to_neo(self.activity())

    def to_nwb(self) -> Any:
        """Return the recording as a `pynwb.NWBFile`.

        Each unit is a row of ``units``, those that never spiked included; potentials and deltas are time series; the
        class of each image is the label of a trial, which also has its number and stream.

        Raises
        ------
        ArgumentError
            If pynwb is not installed.
        """
        return to_nwb(self.activity())

    def save(self, path: str | os.PathLike) -> None:
        """Write the recording to `path` as HDF5: all of it or, on an error, nothing.

        Raises
        ------
        OSError
            If the file cannot be written (no such folder, no permission, disk full), naming it.
        """
        held = io.BytesIO()
        with h5py.File(held, "w", libver=_hdf5.LAYOUT) as f:
            f.attrs.update({"format": _hdf5.texts([_FORMAT]), "label": _hdf5.texts([self.label]), "version": _VERSION})
            f.attrs["layers"] = _hdf5.texts(list(self.spikes))
            f.attrs.update(images_seen=self.images_seen, steps_per_image=self.steps_per_image, dt=self.dt)
            f.attrs["gap_steps"] = self.gap_steps
            if self.units:
                f.attrs["units"] = _hdf5.texts([self.units.get(layer, "") for layer in self.hidden])
            arrays = {name: getattr(self, name) for name in ("images", "labels", "output_classes")}
            unknown = self.image_numbers is None
            arrays["image_numbers"] = np.full(len(self.images), -1) if unknown else self.image_numbers
            for group in ("spikes", "v", "delta"):
                arrays |= {f"{group}/{layer}": x for layer, x in getattr(self, group).items()}
            for name, x in arrays.items():
                f.create_dataset(name, data=x, compression="gzip", fletcher32=True)
        write_whole(_checks.path(_OWNER, "path", path), held.getvalue(), "the activity recording")

    @classmethod
    def load(cls, path: str | os.PathLike) -> ActivityRecording:
        """Read a recording that `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        DataError
            If it is not an activity recording, or is truncated or damaged, or holds more than one does; the message
            names the file.
        """
        path = _checks.path(_OWNER, "path", path)
        try:
            with open(path, "rb") as held, h5py.File(held, "r") as f:
                if not {"format", "version"} <= set(f.attrs):
                    raise ValueError("HDF5 of another kind")
                if (version := _hdf5.attribute(f, "version", int)) not in _READ:
                    raise ValueError(f"version {version}, this spikefa reads {_READ[0]} and {_READ[1]}")
                if _hdf5.attribute(f, "format", str) != _FORMAT:
                    raise ValueError("HDF5 of another kind")
                return cls(**_read(f), **(_read_trials(f) if version == _VERSION else {}))
        except FileNotFoundError:
            raise
        # h5py reports damage as any of these, depending on where in the file it lies.
        except (OSError, KeyError, TypeError, ValueError, RuntimeError) as e:
            raise DataError(f"{path}: not a whole activity recording of spikefa ({e})") from e


def _read(f: h5py.File) -> dict[str, object]:
    """Read what `save` wrote, each array once its shape is the one that the others promise."""
    layers = [_layer_name(name) for name in _hdf5.attributes(f, "layers", str)]
    images_seen, steps_per_image = (_hdf5.attribute(f, name, int) for name in ("images_seen", "steps_per_image"))
    images, labels, classes = (_plain(f, name) for name in ("images", "labels", "output_classes"))
    steps = len(images) * steps_per_image if images.ndim else 0
    units = _hdf5.attributes(f, "units", str) if "units" in f.attrs else [""] * len(layers[:-1])

    def of_layers(group: str, names: list[str]) -> dict[str, np.ndarray]:
        if sorted(_hdf5.names(f, group)) != sorted(names):
            raise ValueError(f"{group} must have {names}, got {_hdf5.names(f, group)[:9]}")
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


def _plain(f: h5py.File, name: str) -> np.ndarray:
    return _hdf5.read(f, name, most=_MOST, gzip=True)


def _frozen(x: np.ndarray, dtype: type) -> np.ndarray:
    x = np.array(x, dtype=dtype)
    x.setflags(write=False)
    return x


def _reals(name: str, value: object, shape: str, ndim: int) -> np.ndarray:
    x = _checks.real_array(_OWNER, name, value)
    if x.ndim != ndim:
        raise ArgumentError(f"{_OWNER}: {name} must have shape {shape}, got {x.shape}")
    return _frozen(x, np.float32 if x.dtype == np.float32 else np.float64)


def _classes(name: str, value: object) -> np.ndarray:
    x = np.asarray(value)
    if x.ndim != 1 or x.dtype.kind not in "iu" or np.any(x < 0):
        raise ArgumentError(f"{_OWNER}: {name} must be a vector of classes from 0, got {x.dtype} {x.shape}")
    return _frozen(x, np.int64)


def _layer_name(name: object) -> str:
    if not isinstance(name, str) or not name or "/" in name or name == ".":
        _checks.refuse(_OWNER, "a layer's name in spikes", "be a text without '/'", name)
    return name
