"""What a run leaves to look at: display recordings and the table of metrics."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from spikefa._atomic_write import write_whole
from spikefa.errors import ArgumentError

__all__ = ["METRICS_COLUMNS", "Display", "read_metrics"]

_FORMAT, _VERSION = "spikefa display", 1


@dataclass(frozen=True, eq=False)
class ActivityRecording:
    """One display recording: what is seen while a few images are shown for many steps each.

    The arrays are copied and made read-only.

    Raises
    ------
    ArgumentError
        If a field is not as described; the message names the field, the rule and the value.
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
    """Steps each image is shown for."""
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

    def __post_init__(self) -> None:
        keep = object.__setattr__
        if not isinstance(self.label, str):
            raise ArgumentError(f"ActivityRecording.label: must be a string, got {self.label!r}")
        keep(self, "images_seen", _whole("images_seen", self.images_seen, 0))
        keep(self, "steps_per_image", _whole("steps_per_image", self.steps_per_image, 1))
        try:
            dt = float(self.dt)
        except (TypeError, ValueError):
            dt = float("nan")
        if not (np.isfinite(dt) and dt > 0):
            raise ArgumentError(f"ActivityRecording.dt: must be a positive number of ms, got {self.dt!r}")
        keep(self, "dt", dt)

        images = _reals("images", self.images, "(n_images, height, width)", 3)
        if images.size == 0:
            raise ArgumentError(f"ActivityRecording.images: must hold at least one image, got shape {images.shape}")
        # Written so that NaN fails too.
        if not (images.min() >= 0 and images.max() <= 1):
            raise ArgumentError(f"ActivityRecording.images: must lie in [0, 1], got {images.min():g} .. {images.max():g}")
        keep(self, "images", images)
        labels = _classes("labels", self.labels)
        if len(labels) != len(images):
            raise ArgumentError(
                f"ActivityRecording.labels: must have {len(images)} classes, one an image, got {len(labels)}"
            )
        keep(self, "labels", labels)

        for name in ("spikes", "v", "delta"):
            if not isinstance(getattr(self, name), Mapping):
                raise ArgumentError(f"ActivityRecording.{name}: must map layers to arrays, got {getattr(self, name)!r}")
        if not self.spikes:
            raise ArgumentError("ActivityRecording.spikes: must have at least the output layer, got none")
        keep(self, "spikes", {_layer_name(k): self._spikes_of(k, s) for k, s in self.spikes.items()})
        classes = _classes("output_classes", self.output_classes)
        if len(classes) != self.spikes[self.output].shape[1]:
            raise ArgumentError(
                f"ActivityRecording.output_classes: must have one class a unit shown of {self.output!r} "
                f"({self.spikes[self.output].shape[1]}), got {len(classes)}"
            )
        if np.any(np.diff(classes) < 0):
            raise ArgumentError(f"ActivityRecording.output_classes: must be in ascending order, got {classes.tolist()}")
        keep(self, "output_classes", classes)
        for name in ("v", "delta"):
            traces = getattr(self, name)
            if set(traces) != set(self.hidden):
                raise ArgumentError(
                    f"ActivityRecording.{name}: must have one trace for each hidden layer {list(self.hidden)}, "
                    f"got {list(traces)}"
                )
            keep(self, name, {k: self._trace_of(name, k, traces[k]) for k in self.hidden})

    def _spikes_of(self, layer: str, spikes: np.ndarray) -> np.ndarray:
        given = np.asarray(spikes)
        if given.ndim != 2 or given.shape[0] != self.steps or given.shape[1] == 0:
            raise ArgumentError(
                f"ActivityRecording.spikes[{layer!r}]: must have shape (steps, units_shown) with "
                f"{len(self.images)} images x {self.steps_per_image} = {self.steps} steps, got {given.shape}"
            )
        if given.dtype != bool and not (given.dtype.kind in "iuf" and np.isin(given, (0, 1)).all()):
            raise ArgumentError(f"ActivityRecording.spikes[{layer!r}]: must be true or false, got values of {given.dtype}")
        return _frozen(given, bool)

    def _trace_of(self, name: str, layer: str, trace: np.ndarray) -> np.ndarray:
        values = _reals(f"{name}[{layer!r}]", trace, "(steps,)", 1)
        if len(values) != self.steps:
            raise ArgumentError(f"ActivityRecording.{name}[{layer!r}]: must have {self.steps} steps, got {len(values)}")
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

    def save(self, path: str | os.PathLike) -> None:
        """Write the recording to `path` as HDF5: all of it or, on an error, nothing.

        Raises
        ------
        OSError
            If the file cannot be written (no such folder, no permission, disk full), naming it.
        """
        held = io.BytesIO()
        with h5py.File(held, "w") as f:
            f.attrs.update(format=_FORMAT, version=_VERSION, layers=list(self.spikes), label=self.label)
            f.attrs.update(images_seen=self.images_seen, steps_per_image=self.steps_per_image, dt=self.dt)
            arrays = {name: getattr(self, name) for name in ("images", "labels", "output_classes")}
            for group in ("spikes", "v", "delta"):
                arrays |= {f"{group}/{layer}": x for layer, x in getattr(self, group).items()}
            for name, x in arrays.items():
                f.create_dataset(name, data=x, compression="gzip", fletcher32=True)
        write_whole(path, held.getvalue(), "the display recording")

    @classmethod
    def load(cls, path: str | os.PathLike) -> ActivityRecording:
        """Read a recording that `save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is not a display recording, or is truncated or damaged; the message names the file.
        """
        held = io.BytesIO(Path(path).read_bytes())
        try:
            with h5py.File(held, "r") as f:
                if f.attrs.get("format") != _FORMAT:
                    raise ValueError("HDF5 of another kind")
                if f.attrs["version"] != _VERSION:
                    raise ValueError(f"version {f.attrs['version']}, this spikefa reads {_VERSION}")
                layers = [str(name) for name in f.attrs["layers"]]
                return cls(
                    label=str(f.attrs["label"]),
                    images_seen=int(f.attrs["images_seen"]),
                    steps_per_image=int(f.attrs["steps_per_image"]),
                    dt=float(f.attrs["dt"]),
                    **{name: f[name][()] for name in ("images", "labels", "output_classes")},
                    spikes={name: f["spikes"][name][()] for name in layers},
                    **{kind: {k: f[kind][k][()] for k in layers[:-1]} for kind in ("v", "delta")},
                )
        # h5py reports damage as any of these, depending on where in the file it lies.
        except (OSError, KeyError, TypeError, ValueError, RuntimeError) as e:
            raise ArgumentError(f"{path}: not a whole display recording of spikefa ({e})") from e


def _frozen(x: np.ndarray, dtype: type) -> np.ndarray:
    x = np.array(x, dtype=dtype)
    x.setflags(write=False)
    return x


def _whole(field: str, value: object, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ArgumentError(f"ActivityRecording.{field}: must be a whole number, at least {least}, got {value!r}")
    return int(value)


def _reals(field: str, value: object, shape: str, ndim: int) -> np.ndarray:
    x = np.asarray(value)
    if x.dtype.kind not in "biuf":
        raise ArgumentError(f"ActivityRecording.{field}: must hold real numbers, got dtype {x.dtype}")
    if x.ndim != ndim:
        raise ArgumentError(f"ActivityRecording.{field}: must have shape {shape}, got {x.shape}")
    return _frozen(x, np.float32 if x.dtype == np.float32 else np.float64)


def _classes(field: str, value: object) -> np.ndarray:
    x = np.asarray(value)
    if x.ndim != 1 or x.dtype.kind not in "iu" or np.any(x < 0):
        raise ArgumentError(f"ActivityRecording.{field}: must be a vector of classes from 0, got {x.dtype} {x.shape}")
    return _frozen(x, np.int64)


def _layer_name(name: object) -> str:
    if not isinstance(name, str) or not name or "/" in name or name == ".":
        raise ArgumentError(f"ActivityRecording.spikes: a layer's name must be a string without '/', got {name!r}")
    return name
