"""Activity recordings: what a network does while a few images are shown for many steps each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np

from spikefa import _checks
from spikefa._atomic_write import write_whole
from spikefa.diagnostics import recording_file
from spikefa.errors import ArgumentError, DataError
from spikefa.exchange import Activity, Signal, to_neo, to_nwb

_OWNER = "ActivityRecording"


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
    unit_numbers: dict[str, np.ndarray] = field(default_factory=dict)
    """Number in its layer of each unit of `spikes`, (units_shown,), of every layer; empty if they are not known."""
    traced_units: dict[str, int] = field(default_factory=dict)
    """Number in its layer of the neuron of `v` and `delta`, of each hidden layer; empty if they are not known."""

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
        labels = _wholes("labels", self.labels, "classes")
        if len(labels) != len(images):
            raise ArgumentError(f"{_OWNER}: labels must have {len(images)} classes, one an image, got {len(labels)}")
        store("labels", labels)
        if self.image_numbers is not None:
            numbers = _wholes("image_numbers", self.image_numbers, "numbers")
            if len(numbers) != len(images):
                raise ArgumentError(f"{_OWNER}: image_numbers must be {len(images)}, one an image, got {len(numbers)}")
            store("image_numbers", numbers)
        store("gap_steps", _checks.whole(_OWNER, "gap_steps", self.gap_steps, 0, self.steps_per_image - 1))

        for name in ("spikes", "v", "delta", "units", "unit_numbers", "traced_units"):
            if not isinstance(getattr(self, name), Mapping):
                _checks.refuse(_OWNER, name, "map layers to arrays", getattr(self, name))
        if not self.spikes:
            raise ArgumentError(f"{_OWNER}: spikes must have at least the output layer, got none")
        store("spikes", {recording_file.layer_name(k): self._spikes_of(k, s) for k, s in self.spikes.items()})
        classes, shown = _wholes("output_classes", self.output_classes, "classes"), self.spikes[self.output].shape[1]
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
        self._check_known("unit_numbers", tuple(self.spikes))
        self._check_known("traced_units", self.hidden)
        store("unit_numbers", {k: self._numbers_of(k) for k in self.spikes} if self.unit_numbers else {})
        traced = self.traced_units
        traced = {k: _checks.whole(_OWNER, f"traced_units[{k!r}]", traced[k]) for k in self.hidden if traced}
        store("traced_units", traced)

    def _check_known(self, name: str, layers: tuple[str, ...]) -> None:
        known = getattr(self, name)
        if known and set(known) != set(layers):
            raise ArgumentError(f"{_OWNER}: {name} must be of {list(layers)}, or empty, got {list(known)}")

    def _numbers_of(self, layer: str) -> np.ndarray:
        name, shown = f"unit_numbers[{layer!r}]", self.spikes[layer].shape[1]
        numbers = _wholes(name, self.unit_numbers[layer], "unit numbers")
        if len(numbers) != shown or len(np.unique(numbers)) != shown:
            _checks.refuse(_OWNER, name, f"be {shown} different numbers, one a unit shown", numbers.tolist())
        return numbers

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

        Units have their numbers in the network, or are counted from 0 if these are not known.

        Parameters
        ----------
        name : str
            Put before the label, such as the name of the run.
        """
        signals = {}
        for layer in self.hidden:
            unit = self.units.get(layer, "")
            number = self.traced_units.get(layer)
            signals[f"{layer}.v"] = Signal(self.v[layer], unit, number)
            signals[f"{layer}.delta"] = Signal(self.delta[layer], unit_number=number)
        trials, each = self.trials(), self.steps_per_image
        counted = "" if self.unit_numbers else ", counted from 0 since their numbers are not known,"
        return Activity(
            f"{name} {self.label}".strip(),
            self.dt / 1e3,
            self.spikes,
            signals,
            tuple((q * each, each - self.gap_steps, str(label)) for q, label in enumerate(self.labels)),
            f"spikefa: spikes of some units{counted} after {self.images_seen:,} training images",
            {"image": trials["image"], "stream": trials["stream"]},
            self.unit_numbers,
        )

    def to_neo(self) -> Any:
        """Return the recording as a `neo.Block` of one segment.

        Each unit is a spike train, those that never spiked included; potentials and deltas are analog signals; their
        annotation ``unit`` is the unit's number. The epoch "stimulus" has the class of each image, and as array
        annotations its number and stream.

        Raises
        ------
        ArgumentError
            If Neo is not installed.
        """
        return to_neo(self.activity())

    def to_nwb(self) -> Any:
        """Return the recording as a `pynwb.NWBFile`.

        Each unit is a row of ``units`` with its number, those that never spiked included; potentials and deltas are
        time series; the class of each image is the label of a trial, which also has its number and stream.

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
        path = _checks.path(_OWNER, "path", path)
        write_whole(path, recording_file.packed(self), "the activity recording")

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
                return cls(**recording_file.read(f))
        except FileNotFoundError:
            raise
        # h5py reports damage as any of these, depending on where in the file it lies.
        except (OSError, KeyError, TypeError, ValueError, RuntimeError) as e:
            raise DataError(f"{path}: not a whole activity recording of spikefa ({e})") from e


def _frozen(x: np.ndarray, dtype: type) -> np.ndarray:
    x = np.array(x, dtype=dtype)
    x.setflags(write=False)
    return x


def _reals(name: str, value: object, shape: str, ndim: int) -> np.ndarray:
    x = _checks.real_array(_OWNER, name, value)
    if x.ndim != ndim:
        raise ArgumentError(f"{_OWNER}: {name} must have shape {shape}, got {x.shape}")
    return _frozen(x, np.float32 if x.dtype == np.float32 else np.float64)


def _wholes(name: str, value: object, what: str) -> np.ndarray:
    x = np.asarray(value)
    if x.ndim != 1 or x.dtype.kind not in "iu" or np.any(x.astype(np.int64) < 0):  # too large ones are negative there
        raise ArgumentError(f"{_OWNER}: {name} must be a vector of {what} from 0, got {x.dtype} {x.shape}")
    return _frozen(x, np.int64)
