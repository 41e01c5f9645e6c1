"""What every section needs: taking turns, medians and quartiles, the time of a step inside one run."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np
from brian2 import BrianObject

from spikefa.bench.other_processes import OtherProcesses
from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.experiments.model_file import Model

#: MNIST: fraction of the pixels that are not black, and the range (uniform) of those.
LIT, DIMMEST = 0.191, 0.36

#: What values are multiplied by for a unit.
SCALES = {"ms": 1e3, "MB": 1e-6, "GB/s": 1e-9, "Gop/s": 1e-9}

#: Share of the processors that other processes may use in a measurement, and how often one is tried.
QUIET, TRIES = 0.05, 3

#: Sizes of `Setting.quickly`, for those of the names that the model's ``Params`` have.
QUICK_SIZES = {"pixels": 64, "hidden": (40, 40), "outputs": 20}


@dataclass
class Disturbances:
    """How many measurements other processes disturbed: they were repeated, or `kept` after `TRIES`."""

    measured: int = 0
    repeated: int = 0
    kept: int = 0
    worst: float = 0.0

    def __str__(self) -> str:
        said = (
            f"Other processes used more than {QUIET:.0%} of the processors: {self.repeated} measurements were repeated"
        )
        if self.kept:
            said += f", and {self.kept} of {self.measured} kept although they used up to {self.worst:.0%}"
        return f"{said}."


@dataclass(frozen=True)
class Setting:
    """What is measured, and how often.

    Parameters
    ----------
    model : Model
    preset : str, optional
        A named set of the model's parameters; else they are as published.
    quick : bool
        Small sizes and few turns on the same code path: the numbers mean nothing.
    streams : int
        Number of streams, in what is measured with many.
    turns : int
        How often the things that are compared take turns.
    seconds : float
        Length aimed at for a turn of steps.
    pause : float
        Seconds between turns, in which the threads of the last one go to sleep.
    compiled : bool
        Whether PyTorch is also measured compiled, which takes it a minute to begin.
    disturbances : Disturbances
        What other processes did to the measurements of the section that is under way.
    """

    model: Model
    preset: str | None = None
    quick: bool = False
    streams: int = 100
    turns: int = 9
    seconds: float = 2.0
    pause: float = 0.2
    compiled: bool = True
    disturbances: Disturbances = field(default_factory=Disturbances, compare=False)

    @classmethod
    def quickly(cls, model: Model, preset: str | None = None) -> Setting:
        """Return a setting of small sizes and few turns."""
        return cls(model, preset, quick=True, streams=10, turns=2, seconds=0.01, pause=0.0)

    def params(self, **changes: Any) -> Any:
        """Return the model's parameters, small if quick, with those changes that it has names for."""
        return self.model.params(self.known({**(QUICK_SIZES if self.quick else {}), **changes}), self.preset)

    def known(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return the changes whose names are parameters of the model."""
        names = {field.name for field in dataclasses.fields(self.model.module.Params)}
        return {name: value for name, value in changes.items() if name in names}

    def network(self, streams: int | None = None, **changes: Any) -> Network:
        """Build a network that is shown synthetic images without end, and has done a few steps (compiled)."""
        network = build(self.model, self.params(**changes), streams or self.streams)
        show_synthetic(network)
        network.run_steps(2 * network.stimulus.steps_per_image)
        return network

    def steps(self, network: Network, timer: StepTimer) -> int:
        """Return how many steps (whole presentations, at least two) last about `seconds`."""
        each = network.stimulus.steps_per_image
        step = timer.mean_of(2 * each)
        return each * max(2, min(round(self.seconds / step / each), 100))


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of what was measured in several turns."""

    median: float
    low: float
    high: float
    turns: int

    @classmethod
    def of(cls, values: Sequence[float] | np.ndarray) -> Spread:
        """Summarise values."""
        low, median, high = np.percentile(np.asarray(values, float), [25, 50, 75])
        return cls(float(median), float(low), float(high), len(values))


@dataclass(frozen=True)
class Row:
    """One measured thing; `spread` is None if it could not be measured, and `note` says why."""

    what: str
    unit: str
    spread: Spread | None
    note: str = ""


@dataclass
class Section:
    """The rows of one section, by key, and remarks on how they were got; `on_row` is called after each row."""

    rows: dict[str, Row] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    on_row: Callable[[], None] = lambda: None

    def add(self, key: str, what: str, unit: str, values: Iterable[float], note: str = "") -> None:
        """Add a row from the values of the turns, in seconds, bytes or bytes a second."""
        scaled = np.atleast_1d(np.asarray(values, float)) * SCALES.get(unit, 1)
        self.rows[key] = Row(what, unit, Spread.of(scaled), note)
        self.on_row()

    def missing(self, key: str, what: str, note: str) -> None:
        """Add a row for what cannot be measured here."""
        self.rows[key] = Row(what, "", None, note)
        self.on_row()


class StepTimer(Part, BrianObject):
    """Measures the steps of a run: from the end of one to the end of the next.

    The first step of each `run` is left out: it contains the set-up of the run. What the timer itself
    does between its two readings of the clock is in no step.

    Parameters
    ----------
    network : Network
        It joins it.
    watched : sequence of ndarray
        In every measured step, the elements of these that are not zero are counted, and those of them that were not
        zero in the step before either.
    """

    reads_events = False
    only_reads = True

    def __init__(self, network: Network, watched: Sequence[np.ndarray] = ()):
        super().__init__(clock=network.clock, when="end", order=1000, name=f"{network.name}_step_timer")
        self.network, self.watched = network, list(watched)
        self.reset()
        network.join(self)

    def reset(self) -> None:
        """Forget the steps measured."""
        self.spans: list[float] = []
        self._processor = [0.0, 0.0]  # processor time at the first and last reading
        self.active_counts, self.again_counts = np.zeros((2, len(self.watched)))

    def before_run(self, run_namespace: dict) -> None:
        """Note that the next step is a run's first."""
        super().before_run(run_namespace)
        self._left: float | None = None
        self._before = [array != 0 for array in self.watched]

    def run(self) -> None:
        """Take the time."""
        entered = time.perf_counter()
        self._processor[self._left is not None] = time.process_time()
        if self._left is not None:
            self.spans.append(entered - self._left)
        for number, array in enumerate(self.watched):
            active = array != 0
            if self._left is not None:
                self.active_counts[number] += np.count_nonzero(active)
                self.again_counts[number] += np.count_nonzero(active & self._before[number])
            self._before[number] = active
        self._left = time.perf_counter()

    def mean_of(self, steps: int, **options: Any) -> float:
        """Run `steps` steps and one before them; return the mean seconds of a step."""
        self.reset()
        self.network.run_steps(steps + 1, **options)
        return float(np.mean(self.spans))

    @property
    def cores_busy(self) -> float:
        """Processor time of all threads over time, in the last run: how many processors were at work."""
        return (self._processor[1] - self._processor[0]) / sum(self.spans)

    @property
    def mean_active(self) -> np.ndarray:
        """Mean number of elements not zero, of each watched array."""
        return self.active_counts / len(self.spans)

    @property
    def mean_again(self) -> np.ndarray:
        """Mean number of elements not zero in two steps running, of each watched array."""
        return self.again_counts / len(self.spans)


def take_turns(jobs: Mapping[str, Callable[[], float]], setting: Setting) -> dict[str, np.ndarray]:
    """Run the jobs in turn, A B A B ..., and return what each returned.

    A job that ran while other processes used the machine is repeated, a few times.

    Returns
    -------
    dict
        Name -> ndarray (turns,).
    """
    values: dict[str, list[float]] = {name: [] for name in jobs}
    tries = 1 if setting.quick else TRIES
    for _ in range(setting.turns):
        for name, job in jobs.items():
            for left in range(tries)[::-1]:
                time.sleep(setting.pause)
                others = OtherProcesses()
                value, share = job(), others.share
                if share <= QUIET or not left:
                    break
                setting.disturbances.repeated += 1
            values[name].append(value)
            setting.disturbances.measured += 1
            if share > QUIET:
                setting.disturbances.kept += 1
                setting.disturbances.worst = max(setting.disturbances.worst, share)
    return {name: np.array(list_) for name, list_ in values.items()}


def mean_seconds(call: Callable[[], Any], count: int) -> float:
    """Return the mean seconds of `count` calls, after one more that is not measured."""
    call()
    began = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - began) / count


def synthetic_images(count: int, pixels: int, seed: int = 0) -> np.ndarray:
    """Return images ``(count, pixels)``, uint8, of MNIST's mean (13 %) and fraction of lit pixels (19 %)."""
    rng = np.random.default_rng(seed)
    bright = rng.integers(round(255 * DIMMEST), 256, (count, pixels), dtype=np.uint8)
    return bright * (rng.random((count, pixels), np.float32) < LIT)


def build(model: Model, params: Any, streams: int) -> Network:
    """Build a model's network; if it asks for training images, they are synthetic."""
    return model.build(params, streams, 0, lambda: synthetic_images(2000, params.pixels))


def show_synthetic(network: Network, count: int = 2000, seed: int = 0) -> None:
    """Show the network randomly chosen synthetic images with random labels or targets, without end."""
    show_without_end(network, synthetic_images(count, network.input.units, seed), seed)


def show_without_end(network: Network, images: np.ndarray, seed: int = 0) -> None:
    """Show the network randomly chosen images ``(n, pixels)`` with random labels or targets, without end."""
    rng = np.random.default_rng(seed)
    classes, units = network.readout.classes, network.layers[-1].units
    answers = rng.integers(0, classes, len(images)) if classes else rng.random((len(images), units))

    def source() -> tuple[np.ndarray, np.ndarray]:
        index = rng.integers(0, len(images), network.streams)
        return images[index], answers[index]

    network.stimulus.show(source, ahead=True)


def all_threads() -> int:
    """Return how many threads numba's pool has."""
    return numba.config.NUMBA_NUM_THREADS
