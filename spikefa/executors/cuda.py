"""The same network on a GPU: its objects become launches, in the order of its schedule.

A network is built on the processor as ever. In a run with ``device="cuda"`` its state lies on the device, and all its
objects are inactive but one, `CudaExecutor`, which does their work in their order. What the device knows (equations,
projections, rules that are sums of outer products, softmax, readouts, averages) is launched there; any other object
runs on the host at its place, with the arrays brought there and back: right, but slow. Where there is none of
those, all steps of a presentation are launched at once, as a CUDA graph from the second time on.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import BrianObject, EventMonitor, PopulationRateMonitor, StateMonitor
from brian2.groups.group import CodeRunner

from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.engine.brian2_target.target import NumbaCodeObject
from spikefa.engine.cuda import kernels
from spikefa.engine.cuda.code import prepare
from spikefa.engine.cuda.graphs import Graphs
from spikefa.engine.cuda.launching import bound
from spikefa.engine.cuda.memory import Memory
from spikefa.engine.cuda.products import product
from spikefa.errors import ArgumentError
from spikefa.plasticity.updater import PlasticityUpdater
from spikefa.plasticity.weight_average import WeightAverage
from spikefa.populations.population import SpikesToOutput
from spikefa.populations.softmax import Softmax
from spikefa.presentation.readout import ClassReadout, Readout, RegressionReadout
from spikefa.presentation.stimulus import Stimulus
from spikefa.projections.derived import TiedProjection
from spikefa.projections.projection import Projection

MONITORS = (StateMonitor, EventMonitor, PopulationRateMonitor)

#: Sparse weights are dense on the device, where products are fast, unless they would have more numbers than this.
DENSE_BELOW = 1 << 28


@dataclass
class Launch:
    """What one object launches in a step, or in a presentation's last step alone.

    That is `call(plan())`, where `plan` says what differs from step to step; `call()` where there is none.
    """

    call: Callable[..., None]
    plan: Callable[[], Hashable] | None = None
    last: bool = False


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
        self._ones = np.ones(network.streams, network.dtype)
        self._sums = np.zeros((0, 0))
        self._dense: dict[str, tuple[np.ndarray, np.ndarray]] = {}  # place and mask of the synapses of sparse weights

    def begin(self) -> None:
        """Take over the active objects, which are ready to run."""
        objects = [obj for obj in self.network.sorted_objects if obj.active and obj is not self]
        for obj in objects:
            if obj.clock is not self.network.clock:
                raise ArgumentError(
                    f"Network: on device 'cuda' every object must have the network's clock, and {obj.name!r} has "
                    f"another, {obj.clock.name!r}"
                )
        self.memory.begin()
        self._spread(objects)
        self.products = []
        self._parts: list[_Segment | Callable[[], None]] = []
        whole = any(type(obj) is Stimulus for obj in objects)  # whether the host does nothing within a presentation
        for obj in objects:
            launches, then = self._translated(obj)
            whole = whole and (launches is not None or type(obj) is Stimulus)
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
        for obj in objects:
            obj.active = False
        self._inactive, self.active = objects, True  # an evaluation makes all inactive that it does not know

    def end(self) -> None:
        """Bring everything to the host and give the objects back."""
        inactive, self._inactive = self._inactive, []
        if inactive:
            for obj in inactive:
                obj.active = True
            self.memory.download()

    def run(self) -> None:
        """Do one step; or all of a presentation, if it is its first."""
        for part in self._parts:
            part()

    def whole_presentation(self) -> int:
        """How many steps a presentation has that may be launched now, as a whole; else 0.

        That is where one begins, nothing looks on, and the run is long enough.
        """
        stimulus, clock = self.network.stimulus, self.network.clock
        if not self._whole:
            return 0
        steps, left = stimulus.steps_per_image, clock._i_end - clock.variables["timestep"].get_value()[0]
        return steps if stimulus.first_step and left >= steps else 0

    def ends_presentation(self) -> bool:
        """Whether the current step is a presentation's last."""
        return self.network.stimulus is not None and self.network.stimulus.last_step

    def _spread(self, objects: list[BrianObject]) -> None:
        """Let sparse weights, and what else lies as they do, be dense on the device."""
        follow = [pair for obj in objects if type(obj) is WeightAverage for pair in obj.means_and_values()]
        for projection in self.network.projections:
            n_pre, n_post = projection.shape
            if not projection.sparse or n_pre * n_post > DENSE_BELOW:
                continue
            if projection.name not in self._dense:
                pre, post = projection.synapses()
                place = pre * n_post + post if projection.pre_major else post * n_pre + pre
                present = np.zeros(n_pre * n_post, bool)
                present[place] = True
                self._dense[projection.name] = place, present
            place, present = self._dense[projection.name]
            arrays = [projection.stored, *(mean for mean, values in follow if values is projection.stored)]
            if projection.learning is not None and projection.learning._velocity is not None:
                arrays += [projection.learning._velocity, *(projection.learning._squares or ())[:1]]
            for array in arrays:
                self.memory.spread(array, place, present.size)

    # What becomes of each object: launches in every step (None: it runs on the host), and what the host does after.

    def _translated(self, obj: BrianObject) -> tuple[list[Launch] | None, Callable[[], None] | None]:
        # By the exact type: what a subclass changes, the device does not know.
        launches, then = None, None
        if isinstance(obj, CodeRunner) and type(obj).run is CodeRunner.run:
            launches = self._code(obj)
        elif type(obj) in (Projection, TiedProjection):
            launches = self._projection(obj)
        elif type(obj) is PlasticityUpdater:
            launches = self._learning(obj)
        elif type(obj) is SpikesToOutput:
            output = self.memory.write(obj._output)
            launches = [Launch(bound(kernels.mark, output.size, self.memory.events(obj._events), output))]
        elif type(obj) is Softmax:
            v, y = (obj.layer.array(name) for name in (obj.potential, obj.result))
            columns = obj.groups * obj.layer.streams
            launches = [Launch(bound(kernels.softmax, columns, columns, self.memory.read(v), self.memory.write(y)))]
        elif type(obj) is Stimulus:
            then = lambda: self._stimulate(obj)
        elif type(obj) in (ClassReadout, RegressionReadout):
            launches, then = self._readout(obj)
        elif type(obj) is WeightAverage:
            launches, then = self._average(obj)
        elif type(obj).run is BrianObject.run:
            launches = []  # it does nothing itself, such as a group
        if launches is None and then is None:
            then = lambda: self._on_host(obj)
        return launches, then

    def _advance(self) -> Launch:
        clock, memory = self.network.clock.variables, self.memory
        step, t = (memory.read(clock[name].get_value()) for name in ("timestep", "t"))  # the host has its own
        return Launch(bound(kernels.advance, 1, step, t, memory.read(clock["dt"].get_value())))

    def _code(self, runner: CodeRunner) -> list[Launch] | None:
        if not all(isinstance(code, NumbaCodeObject) for code in runner._code_objects):
            return None
        launches = [prepare(code.code, self.memory) for code in runner._code_objects]
        return None if None in launches else [Launch(launch) for launch in launches]

    def _projection(self, projection: Projection) -> list[Launch] | None:
        shared = isinstance(projection, TiedProjection)
        source = projection.source if shared else projection
        if source.sparse and source.name not in self._dense:
            return None
        memory, streams = self.memory, projection.post.streams
        n_pre, n_post = projection.shape
        bias = memory.read(source.b if not shared or projection.bias else projection.b)
        activity = memory.read(projection.pre.array(projection.pre.output_variable))
        current = memory.write(projection.post.array(projection.post.current_variable))
        add_bias = bound(kernels.add_bias, current.size, projection._add, streams, bias, current)
        shape = n_post, streams, n_pre
        add_product = product(current, memory.read(source.stored), activity, shape, (projection.pre_major, False), 1.0)
        self.products.append(add_product)

        def propagate() -> None:
            add_bias()
            add_product(1.0)

        return [Launch(propagate)]

    def _learning(self, learning: PlasticityUpdater) -> list[Launch] | None:
        if learning.lr_factor == 0:
            return []
        memory, projection, momentum = self.memory, learning.projection, learning.plasticity.momentum
        if learning._loop is not None or (projection.sparse and projection.name not in self._dense):
            return None
        gathers = learning._velocity is not None
        weights, bias = memory.write(projection.stored), memory.write(projection.b)
        targets = (weights, bias)
        if gathers:
            targets = (memory.write(learning._velocity), memory.write(learning._bias_velocity))
        updates = [
            self._update(learning, *targets, f, g, scale, one)
            for (_, f, g, one), scale in zip(learning._factors, learning._scales, strict=True)
        ] or [self._decay(learning, *targets)]
        moves = self._moves(learning, targets, (weights, bias)) if gathers else []

        def learn(keep: float = momentum) -> None:
            for update in updates:
                update(keep)
                keep = 1.0
            for move in moves:
                move()

        return [Launch(learn, None if gathers else learning.next_keep)]

    def _moves(self, learning: PlasticityUpdater, changes: tuple[Any, Any], moved: tuple[Any, Any]) -> list[Callable[[], None]]:
        """Move weights and biases by what the step has gathered for them."""
        decay, rule = 1 - learning._keep, learning.plasticity
        moves = (True, learning.learn_bias)
        if learning._squares is None:
            return [
                bound(kernels.move_with_momentum, values.size, decay, change, values, moving)
                for change, values, moving in zip(changes, moved, moves, strict=True)
            ]
        rates = decay, rule.rmsprop, rule.lr * learning.lr_factor
        squares = [self.memory.write(square) for square in learning._squares]
        return [
            bound(kernels.move_normalised, values.size, *rates, *arrays, values)
            for *arrays, values, moving in zip(changes, squares, moved, moves, strict=True)
            if moving
        ]

    def _update(self, learning: PlasticityUpdater, weights: Any, bias: Any, f: Any, g: Any, scale: float, one: float):
        memory, projection, streams = self.memory, learning.projection, learning.projection.post.streams
        pre, post = memory.read(f), memory.read(g)
        (n_pre, n_post), rows, columns = projection.shape, post, pre
        shape = n_post, n_pre, streams
        if projection.pre_major:
            rows, columns, shape = pre, post, (n_pre, n_post, streams)
        add_product = product(weights, rows, columns, shape, (False, True), scale)
        self.products.append(add_product)
        ones = memory.read(self._ones)  # bias = keep * bias + scale * sum of post over streams
        update_bias = product(bias, post, ones, (n_post, 1, streams), (False, True), scale * one)
        clear = None
        present = self._dense[projection.name][1] if projection.sparse else projection._present
        if present is not None:
            clear = bound(kernels.clear_absent, weights.size, memory.read(present), weights)

        def update(keep: float) -> None:
            add_product(keep)
            if clear is not None:
                clear()
            if learning.learn_bias:
                update_bias(keep)

        return update

    def _decay(self, learning: PlasticityUpdater, weights: Any, bias: Any):
        scaled = [weights, bias] if learning.learn_bias else [weights]
        scale = [bound(kernels.scale_in_place, values.size, values) for values in scaled]

        def decay(keep: float) -> None:
            if keep != 1:
                for launch in scale:
                    launch(keep)

        return decay

    def _readout(self, readout: Readout) -> tuple[list[Launch], Callable[[], None]]:
        memory, network = self.memory, self.network
        outputs = [memory.read(layer.array(layer.output_variable)) for layer in network.layers]
        activity = memory.write(readout._activity)
        units = readout.layer.units // len(readout._activity)
        add = bound(kernels.add_groups, activity.size, network.streams, units, outputs[-1], activity)
        if len(self._sums) != len(outputs):
            self._sums = np.zeros((len(outputs), kernels.PARTS))
        sums, device_sums = self._sums, memory.write(self._sums)
        sum_up = [
            bound(kernels.partial_sums, kernels.PARTS, output, number * kernels.PARTS, device_sums)
            for number, output in enumerate(outputs)
        ]

        def finish() -> None:
            if network.stimulus.last_step:
                memory.download([readout._activity, sums])
                readout.finish([row.sum() / output.size for row, output in zip(sums, outputs, strict=True)])
                memory.upload([readout._activity])

        return [Launch(add), *(Launch(sum_up_layer, last=True) for sum_up_layer in sum_up)], finish

    def _average(self, average: WeightAverage) -> tuple[list[Launch], Callable[[], None]]:
        memory = self.memory
        approach = [
            bound(kernels.approach, mean.size, memory.write(mean), memory.read(values))
            for mean, values in average.means_and_values()
        ]

        def sample() -> None:
            fraction = average.next_fraction()
            if fraction is not None:
                for launch in approach:
                    launch(fraction)

        return [], sample

    # On the host.

    def _stimulate(self, stimulus: Stimulus) -> None:
        switched = stimulus.last_step
        stimulus.run()
        if switched:
            arrays = [stimulus.input.array(stimulus.input.stimulus_variable)]
            arrays += [] if stimulus.error is None else [stimulus.error.array("target")]
            self.memory.upload(arrays)

    def _on_host(self, obj: BrianObject) -> None:
        """Run an object with its arrays on the host; it may say that it is not ``due``, or ``only_reads``."""
        if not getattr(obj, "due", True):
            return
        arrays = None
        if isinstance(obj, MONITORS):
            variables = [v for code in obj._code_objects for v in code.variables.values()]
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
