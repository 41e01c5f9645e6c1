"""Lowering of parts: one function for each kind of part that the device knows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from brian2.groups.group import CodeRunner

from spikefa.engine.brian2_internals import code_objects
from spikefa.engine.brian2_target.target import NumbaCodeObject
from spikefa.engine.cuda import kernels
from spikefa.engine.cuda.code import prepare
from spikefa.engine.cuda.fusion import Loop
from spikefa.engine.cuda.launching import bound
from spikefa.engine.cuda.products import product
from spikefa.engine.packed import PackedWeights
from spikefa.errors import ArgumentError
from spikefa.executors.cuda.executor import CudaExecutor
from spikefa.executors.cuda.lowering import Launch, Lowered, lowers, optimizer_lowering
from spikefa.executors.cuda.maps import shared_projection, update_shared
from spikefa.executors.cuda.packed import packed_product
from spikefa.plasticity.updater import PlasticityUpdater, UpdateTerm
from spikefa.plasticity.weight_average import WeightAverage
from spikefa.populations.population import SpikesToOutput
from spikefa.populations.softmax import Softmax
from spikefa.presentation.readout import ClassReadout, Readout, RegressionReadout
from spikefa.presentation.stimulus import SilentError, Stimulus
from spikefa.projections.convolution import Convolution
from spikefa.projections.derived import TiedProjection
from spikefa.projections.pooling import Pooling
from spikefa.projections.port import Port
from spikefa.projections.projection import Projection
from spikefa.projections.reciprocal import ReciprocalProjection


@lowers(CodeRunner)
def equations(executor: CudaExecutor, runner: CodeRunner) -> Lowered | None:
    """Launch the kernels of a state update, threshold, reset or ``run_regularly``."""
    codes = code_objects(runner)
    if not all(isinstance(code, NumbaCodeObject) for code in codes):
        return None
    loops = [prepare(code.code, executor.memory) for code in codes]
    return None if None in loops else Lowered([Launch(loop) for loop in loops])


@lowers(SpikesToOutput)
def spikes_to_output(executor: CudaExecutor, marker: SpikesToOutput) -> Lowered:
    """Mark the units that had an event."""
    output, events = executor.memory.write(marker.output), executor.memory.events(marker.events)
    return Lowered([Launch(Loop(kernels.mark, output.size, (events, output), written=(output,), own=(events,)))])


@lowers(Softmax)
def softmax(executor: CudaExecutor, part: Softmax) -> Lowered:
    """Divide the result among the units of each group."""
    memory, layer = executor.memory, part.layer
    v, y = (layer.array(name) for name in (part.potential, part.result))
    columns = part.groups * layer.streams
    return Lowered([Launch(bound(kernels.softmax, columns, columns, memory.read(v), memory.write(y)))])


@lowers(Stimulus)
def stimulus(executor: CudaExecutor, part: Stimulus) -> Lowered:
    """Let the host switch the images, and bring the new ones to the device."""

    def stimulate() -> None:
        switched = part.ends_presentation
        part.run()
        if part.changes_within:
            raise ArgumentError("Network: device 'cuda' shows images that stay, got samples or targets that change")
        if executor.needs_targets and not part.teaches:
            raise ArgumentError("Network: on device 'cuda' every image needs a target while the error runs, got none")
        if switched:
            arrays = [one.array(one.stimulus_variable) for one in part.inputs]
            arrays += [error.array("target") for error in part.errors]
            executor.memory.upload(arrays)

    if part.gap:
        raise ArgumentError(f"Network: device 'cuda' knows no gaps between images, got one of {part.gap} steps")
    return Lowered(then=stimulate)


@lowers(SilentError)
def silent_error(executor: CudaExecutor, part: SilentError) -> Lowered:
    """Do nothing: images without targets are refused."""
    executor.needs_targets = True
    return Lowered()


@lowers(Projection, TiedProjection, ReciprocalProjection, Convolution, Pooling)
def projection(executor: CudaExecutor, part: Projection) -> Lowered | None:
    """Compute ``current = bias + W.T @ activity``, a product by cuBLAS."""
    if executor.is_on_host(part) or part.spares_refractory:
        return None
    if part.weights.shared:
        return shared_projection(executor, part)
    memory, streams, weights = executor.memory, part.post.streams, part.weights
    n_pre, n_post = part.shape
    activity = memory.read(part.pre.array(part.pre.output_variable))
    current = memory.write(part.post.array(part.into))
    bias = memory.read(part.bias_array)
    arguments = part.adds, streams, bias, current
    add_bias = Loop(kernels.add_bias, current.size, arguments, written=(current,))
    shape = n_post, streams, n_pre
    if isinstance(weights, PackedWeights):
        return Lowered([Launch(add_bias), *packed_product(executor, part, weights, activity, current)])
    add_product = product(current, memory.read(weights.values), activity, shape, (weights.pre_major, False), 1.0)
    executor.products.append(add_product)
    return Lowered([Launch(add_bias), Launch(partial(add_product, 1.0))])


@lowers(Port)
def port(executor: CudaExecutor, part: Port) -> Lowered | None:
    """Launch nothing, unless no projection is active: then the host clears the port."""
    return None if part.closed else Lowered()


@lowers(PlasticityUpdater)
def plasticity(executor: CudaExecutor, updater: PlasticityUpdater) -> Lowered | None:
    """Add a rule's outer products to the weights, or to what its optimizer gathers and then moves them by."""
    if updater.lr_factor == 0:
        return Lowered()
    optimizer, gathers = updater.plasticity.optimizer, updater.change is not None
    move = optimizer_lowering(optimizer)
    traced = any(state.side == "pre" for state in updater.plasticity.text.states)  # the bias has traces of its own
    if updater.terms is None or traced or executor.is_on_host(updater) or (gathers and move is None):
        return None
    memory = executor.memory
    arrays = (updater.change, updater.bias_change) if gathers else (updater.weights.values, updater.bias)
    values, bias = map(memory.write, arrays)
    updates = [
        _update(executor, updater, values, bias, term, scale)
        for term, scale in zip(updater.terms, updater.scales, strict=True)
    ] or [_decay(updater, values, bias)]
    moves = [launch for biases in (False, True) for launch in move(memory, updater, biases)] if gathers else []

    clips = _clips(executor, updater)

    def learn(factor: float = optimizer.carried) -> None:
        for update in updates:
            update(factor)
            factor = 1.0
        for launch in (*moves, *clips):
            launch()

    return Lowered([Launch(learn, None if gathers else updater.next_decay_factor)])


def _update(
    executor: CudaExecutor, updater: PlasticityUpdater, values: Any, bias: Any, term: UpdateTerm, scale: float
) -> Callable[[float], None]:
    memory, weights, streams = executor.memory, updater.weights, updater.post.streams
    if weights.shared:
        return update_shared(executor, updater, values, bias, term, scale)
    pre, post = memory.read(term.pre), memory.read(term.post)
    (n_pre, n_post), rows, columns = weights.shape, post, pre
    shape = n_post, n_pre, streams
    if weights.pre_major:
        rows, columns, shape = pre, post, (n_pre, n_post, streams)
    add_product = product(values, rows, columns, shape, (False, True), scale)
    executor.products.append(add_product)
    ones = memory.read(executor.ones(streams))  # bias = factor * bias + scale * sum of post over streams
    update_bias = product(bias, post, ones, (n_post, 1, streams), (False, True), scale * term.bias_pre)
    present = executor.present(weights)
    clear = None
    if present is not None:
        clear = bound(kernels.clear_absent, values.size, memory.read(present), values)

    def update(factor: float) -> None:
        add_product(factor)
        if clear is not None:
            clear()
        if updater.learn_bias:
            update_bias(factor)

    return update


def _clips(executor: CudaExecutor, updater: PlasticityUpdater) -> list[Callable[[], None]]:
    """Return what keeps the weights in their bounds, and at 0 where there is no synapse."""
    if updater.bounds is None:
        return []
    low, high = updater.bounds
    values, present = executor.memory.write(updater.weights.values), executor.present(updater.weights)
    clips = [bound(kernels.clip_in_place, values.size, low, high, values)]
    if present is not None and not low <= 0 <= high:
        clips.append(bound(kernels.clear_absent, values.size, executor.memory.read(present), values))
    return clips


def _decay(updater: PlasticityUpdater, values: Any, bias: Any) -> Callable[[float], None]:
    scaled = [values, bias] if updater.learn_bias else [values]
    scale = [bound(kernels.scale_in_place, array.size, array) for array in scaled]

    def decay(factor: float) -> None:
        if factor != 1:
            for launch in scale:
                launch(factor)

    return decay


@lowers(ClassReadout, RegressionReadout)
def readout(executor: CudaExecutor, part: Readout) -> Lowered:
    """Sum the last layer's output on the device; the host scores it at a presentation's end."""
    memory, network = executor.memory, executor.network
    outputs = [memory.read(layer.array(layer.output_variable)) for layer in network.layers]
    activity = memory.write(part.summed)
    units = part.layer.units // len(part.summed)
    add = Loop(kernels.add_groups, activity.size, (network.streams, units, outputs[-1], activity), written=(activity,))
    clear = bound(kernels.clear, activity.size, activity)
    sums = executor.partial_sums(len(outputs))
    device_sums = memory.write(sums)
    sum_up = [
        bound(kernels.partial_sums, kernels.PARTS, output, number * kernels.PARTS, device_sums)
        for number, output in enumerate(outputs)
    ]

    def finish() -> None:
        if not network.stimulus.last_step:
            return
        try:
            executor.score()  # the presentation before
        except BaseException:
            clear()  # this one is not scored
            raise
        fetched = memory.fetch([part.summed, sums])
        clear()
        targets, step = network.stimulus.shown_targets, network.step
        targets = None if targets is None else targets.copy()  # the next ones will be in their place

        def score() -> None:
            summed, rows = fetched()
            means = [row.sum() / output.size for row, output in zip(rows, outputs, strict=True)]
            part.finish(summed, means, targets, step)
            part.end_presentation()

        executor.score_later(score)

    return Lowered([*(Launch(sum_up_layer, last=True) for sum_up_layer in sum_up), Launch(add)], finish)


@lowers(WeightAverage)
def average(executor: CudaExecutor, part: WeightAverage) -> Lowered:
    """Bring the means nearer to the weights."""
    memory = executor.memory
    approach = [
        bound(kernels.approach, mean.size, memory.write(mean), memory.read(values))
        for mean, values in part.means_and_values()
    ]

    def sample() -> None:
        fraction = part.next_fraction()
        if fraction is not None:
            for launch in approach:
                launch(fraction)

    return Lowered(then=sample)
