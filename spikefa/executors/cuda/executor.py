"""Runs the steps of a network on the device; the only active object of a run.

A network is built on the processor as ever. In a run with ``device="cuda"`` its state lies on the device, and all its
objects are inactive but one, `CudaExecutor`, which does their work in their order. What the device knows (`lowering`)
is launched there; any other object runs on the host at its place, with the arrays brought there and back: right, but
slow. If no object is of that kind, all steps of a presentation are launched at once, as a CUDA graph from the second
time on; and the host scores one while the device does the next, unless something is called in between.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np
from brian2 import BrianObject, EventMonitor, PopulationRateMonitor, StateMonitor
from numba import cuda

from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.engine.brian2_internals import code_objects, steps_left
from spikefa.engine.cuda import kernels
from spikefa.engine.cuda.fusion import Loop, launches
from spikefa.engine.cuda.graphs import Graphs
from spikefa.engine.cuda.launching import stream
from spikefa.engine.cuda.memory import Memory
from spikefa.engine.weights import TransposedWeights, Weights
from spikefa.errors import ArgumentError
from spikefa.executors.cuda.lowering import Launch, lowered
from spikefa.plasticity.updater import PlasticityUpdater
from spikefa.populations.unit_slice import UnitSlice
from spikefa.projections.projection import Projection

MONITORS = (StateMonitor, EventMonitor, PopulationRateMonitor)

#: Sparse weights are dense on the device, where products are fast, unless they would have more numbers than this.
DENSE_BELOW = 1 << 28


class CudaExecutor(Part, BrianObject):
    """Does a network's steps on the device; the only active object of a run.

    Parameters
    ----------
    network : Network

    Raises
    ------
    ArgumentError
        If the network's equations are not of the numba target.
    """

    reads_events = False

    def __init__(self, network: Network):
        if network.target != "numba":
            raise ArgumentError(f"Network: device 'cuda' needs the target 'numba', got {network.target!r}")
        super().__init__(clock=network.clock, when="start", order=0, name=f"{network.name}_device")
        self.network, self.memory = network, Memory()
        self.products: list[Callable[[float], None]] = []  # those of a step, functions of beta
        self._inactive: list[BrianObject] = []
        self._ones: dict[int, np.ndarray] = {}
        self._rooms: dict[str, Any] = {}
        self._constants: dict[str, np.ndarray] = {}
        self._scratch: Any = None
        self._sums = np.zeros((0, 0))
        self._unscored: Callable[[], None] | None = None  # scores the presentation that was launched last
        self._dense: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # place and mask of the synapses of sparse weights

    def begin(self) -> None:
        """Take over the active objects, which are ready to run."""
        if delayed := [
            projection.title for projection in self.network.projections if projection.delay_steps is not None
        ]:
            raise ArgumentError(f"Network: on device 'cuda' no projection can have a delay, got {', '.join(delayed)}")
        if sliced := [p.title for p in self.network.projections if isinstance(p.pre, UnitSlice)]:
            raise ArgumentError(
                f"Network: on device 'cuda' projections must be from whole populations, got {', '.join(sliced)}"
            )
        objects = [obj for obj in self.network.sorted_objects if obj.active and obj is not self]
        for obj in objects:
            if obj.clock is not self.network.clock:
                raise ArgumentError(
                    f"Network: on device 'cuda' every object must have the network's clock, and {obj.name!r} has "
                    f"another, {obj.clock.name!r}"
                )
        self.needs_targets = False  # known when the parts are lowered
        self.memory.begin()
        self._spread(objects)
        self.products = []
        self._parts: list[_Segment | Callable[[], None]] = []
        whole = self.network.stimulus in objects  # whether the host does nothing within a presentation
        for obj in objects:
            found = lowered(self, obj)
            whole = whole and found is not None
            launches, then = ([], lambda obj=obj: self._on_host(obj)) if found is None else (found.launches, found.then)
            if launches:
                if not (self._parts and isinstance(self._parts[-1], _Segment)):
                    self._parts.append(_Segment(self))
                self._parts[-1].launches += launches
            if then is not None:
                self._parts.append(then)
        segments = [part for part in self._parts if isinstance(part, _Segment)]
        self._whole = whole and len(segments) == 1
        if not self._whole:  # after all that the host does, which has a clock of its own
            segments = [_Segment(self)]
            self._parts += segments
        segments[0].launches.append(self._advance())
        for part in self._parts:
            if isinstance(part, _Segment):
                part.fuse()
        for obj in objects:
            obj.active = False
        self._inactive, self.active = objects, True

    def end(self) -> None:
        """Bring everything to the host and give the objects back."""
        inactive, self._inactive = self._inactive, []
        if inactive:
            for obj in inactive:
                obj.active = True
            try:
                self.score()
            finally:
                self.memory.download()

    def run(self) -> None:
        """Do one step; or all of a presentation, if it is its first."""
        for part in self._parts:
            part()

    def whole_presentation(self) -> int | None:
        """Return how many steps a presentation has, if it may be launched now as a whole; else None.

        It may be in its first step, if the host does nothing within it and the run is long enough.
        """
        stimulus, clock = self.network.stimulus, self.network.clock
        if not self._whole:
            return None
        steps, left = stimulus.steps_per_image, steps_left(clock)
        return steps if stimulus.first_step and left >= steps else None

    def ends_presentation(self) -> bool:
        """Whether the current step is a presentation's last."""
        return self.network.stimulus is not None and self.network.stimulus.last_step

    # Scoring, which may lag behind by a presentation.

    def score(self) -> None:
        """Score the presentation that is not scored yet, if there is one."""
        unscored, self._unscored = self._unscored, None
        if unscored is not None:
            unscored()

    def score_later(self, score: Callable[[], None]) -> None:
        """Score a presentation that ends, by a function: now, or once the device has the next one to do.

        Now if the next one is not launched as a whole, or if something is called before it that may look at what was
        counted.
        """
        self._unscored = score
        stimulus, readout = self.network.stimulus, self.network.readout
        another = steps_left(self.network.clock) > stimulus.steps_per_image  # this step is still among those left
        if not (self._whole and another and stimulus.gives_ahead and readout.on_presentation is None):
            self.score()

    def _spread(self, objects: list[BrianObject]) -> None:
        """Let sparse weights, and what else lies as they do, be dense on the device."""
        average = self.network.weight_average
        follow = average.means_and_values() if average in objects else []
        for projection in self.network.projections:
            weights = projection.weights
            n_pre, n_post = projection.shape
            if isinstance(weights, TransposedWeights) or not weights.sparse or n_pre * n_post > DENSE_BELOW:
                continue
            if id(weights) not in self._dense:
                pre, post = weights.synapses()
                place = pre * n_post + post if weights.pre_major else post * n_pre + pre
                present = np.zeros(n_pre * n_post, bool)
                present[place] = True
                self._dense[id(weights)] = place, present
            place, present = self._dense[id(weights)]
            arrays = [weights.values, *(mean for mean, values in follow if values is weights.values)]
            if projection.learning is not None and projection.learning.change is not None:
                arrays += [projection.learning.change, *projection.learning.memories]
            for array in arrays:
                self.memory.spread(array, place, present.size)

    # What lowerings ask for.

    def is_on_host(self, part: Projection | PlasticityUpdater) -> bool:
        """Return whether a part's weights are sparse and too many to be dense on the device."""
        weights = part.weights
        source = weights.source if isinstance(weights, TransposedWeights) else weights
        return source.sparse and id(source) not in self._dense

    def present(self, weights: Weights) -> np.ndarray | None:
        """Return the mask of weights as they lie on the device; None without one."""
        return self._dense[id(weights)][1] if weights.sparse else weights.present

    def partial_sums(self, count: int) -> np.ndarray:
        """Return memory for the partial sums of so many layers' outputs, the same in every run."""
        if len(self._sums) != count:
            self._sums = np.zeros((count, kernels.PARTS))
        return self._sums

    def room(self, owner: str, size: int, dtype: type) -> Any:
        """Return memory of the device for what an owner makes in each step, the same in every run."""
        if owner not in self._rooms:
            self._rooms[owner] = cuda.device_array(size, dtype, stream=stream())
        return self._rooms[owner]

    def constant(self, owner: str, values: np.ndarray) -> Any:
        """Return the device's copy of what an owner computes anew before each run."""
        self._constants.setdefault(owner, np.empty(values.shape, values.dtype))[...] = values
        return self.memory.read(self._constants[owner])

    def ones(self, count: int) -> np.ndarray:
        """Return so many ones, the same in every run; a product with them is a sum."""
        return self._ones.setdefault(count, np.ones(count, self.network.dtype))

    def scratch(self, size: int) -> Any:
        """Return memory of the device for what nobody needs after its launch."""
        if self._scratch is None or self._scratch.size < size:
            self._scratch = cuda.device_array(size, self.network.dtype, stream=stream())
        return self._scratch[:size]

    def _advance(self) -> Launch:
        clock, memory = self.network.clock.variables, self.memory
        step, t = (memory.read(clock[name].get_value()) for name in ("timestep", "t"))  # the host has its own
        dt = memory.read(clock["dt"].get_value())
        return Launch(Loop(kernels.advance, 1, (step, t, dt), written=(step, t)))

    # On the host.

    def _on_host(self, obj: BrianObject) -> None:
        """Run an object with its arrays on the host; it may say that it is not ``due``, or ``only_reads``."""
        if not getattr(obj, "due", True):
            return
        arrays = None
        if isinstance(obj, MONITORS):
            variables = [v for code in code_objects(obj) for v in code.variables.values()]
            arrays = [v.get_value() for v in variables if getattr(v, "array", False) and not v.dynamic]
        self.memory.download(arrays)
        obj.run()
        if not (isinstance(obj, MONITORS) or getattr(obj, "only_reads", False)):
            self.memory.upload()


class _Segment:
    """Launches between two things that happen on the host."""

    def __init__(self, device: CudaExecutor):
        self.device, self.graphs = device, Graphs()
        self.launches: list[Launch] = []
        self._ahead = 0  # steps that are launched already

    def fuse(self) -> None:
        """Join small kernels that follow each other."""
        fused = []
        for joined, group in groupby(self.launches, lambda launch: isinstance(launch.call, Loop) and not launch.last):
            fused += [Launch(call) for call in launches([launch.call for launch in group])] if joined else group
        self.launches = fused

    def __call__(self) -> None:
        if self._ahead:
            self._ahead -= 1
            return
        planned = [launch.plan for launch in self.launches if launch.plan is not None]
        steps = self.device.whole_presentation()
        plans = tuple([tuple([plan() for plan in planned]) for _ in range(steps or 1)])
        if steps:
            self.graphs.run(plans, lambda: self._launch(plans, True))
        else:
            self._launch(plans, self.device.ends_presentation())
        self._ahead = len(plans) - 1

    def _launch(self, plans: tuple[tuple, ...], ends: bool) -> None:
        """Launch so many steps, of which the last one may end a presentation."""
        for number, plan in enumerate(plans, start=1):
            values = iter(plan)
            for launch in self.launches:
                if launch.plan is not None:
                    launch.call(next(values))
                elif not launch.last or (ends and number == len(plans)):
                    launch.call()
