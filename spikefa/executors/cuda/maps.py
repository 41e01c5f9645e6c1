"""Lowering of projections whose synapses share weights, and of what learns them: convolutions and pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spikefa.engine.convolution import ConvolutionalWeights
from spikefa.engine.cuda import kernels, maps
from spikefa.engine.cuda.fusion import Loop
from spikefa.engine.cuda.launching import bound
from spikefa.engine.cuda.products import product
from spikefa.engine.pooling import MaxPooling, PoolingWeights
from spikefa.engine.weights import TransposedWeights
from spikefa.engine.window import Window
from spikefa.executors.cuda.executor import CudaExecutor
from spikefa.executors.cuda.lowering import Launch, Lowered
from spikefa.plasticity.updater import PlasticityUpdater, UpdateTerm
from spikefa.projections.projection import Projection


def shared_projection(executor: CudaExecutor, part: Projection) -> Lowered:
    """Compute what arrives through a convolution or pooling, or its way back."""
    memory, weights = executor.memory, part.weights
    back = isinstance(weights, TransposedWeights)
    if back:
        weights = weights.source
    activity = memory.read(part.pre.array(part.pre.output_variable))
    current, bias = memory.write(part.post.array(part.into)), memory.read(part.bias_array)
    arguments = part.adds, current.size // bias.size, bias, current
    add_bias = Loop(kernels.add_bias, current.size, arguments, written=(current,))
    make = _pooling if isinstance(weights, PoolingWeights) else _convolution
    add_product = make(executor, weights, back, activity, current, part.post.streams)
    return Lowered([Launch(add_bias), Launch(add_product)])


def update_shared(
    executor: CudaExecutor, updater: PlasticityUpdater, values: Any, bias: Any, term: UpdateTerm, scale: float
) -> Callable[[float], None]:
    """Return a function of beta that updates shared weights, ``values = beta * values + scale * windows @ post.T``."""
    memory, window, streams = executor.memory, updater.weights.window, updater.post.streams
    pre, post = memory.read(term.pre), memory.read(term.post)
    rows, n_maps, columns = updater.weights.values.shape[0], window.post[0], post.size // window.post[0]
    windows, lay_out = _laid_out(executor, window, pre, streams)
    add_product = product(values, windows, post, (rows, n_maps, columns), (False, True), scale)
    executor.products.append(add_product)
    ones = memory.read(executor.ones(columns))
    update_bias = product(bias, post, ones, (n_maps, 1, columns), (False, True), scale * term.bias_pre)

    def update(factor: float) -> None:
        lay_out()
        add_product(factor)
        if updater.learn_bias:
            update_bias(factor)

    return update


def _convolution(
    executor: CudaExecutor, weights: ConvolutionalWeights, back: bool, activity: Any, current: Any, streams: int
) -> Callable[[], None]:
    window, values = weights.window, executor.memory.read(weights.values)
    rows, n_maps = weights.values.shape
    if not back:
        windows, before = _laid_out(executor, window, activity, streams)
        shape = n_maps, current.size // n_maps, rows
        add_product = product(current, values, windows, shape, (True, False), 1.0)
        executor.products.append(add_product)

        def propagate() -> None:
            before()
            add_product(1.0)

        return propagate
    columns = activity.size // n_maps
    windows = executor.scratch(rows * columns)
    multiply = product(windows, values, activity, (rows, columns, n_maps), (False, False), 1.0)
    executor.products.append(multiply)
    after = bound(maps.add_windows, current.size, streams, _geometry(window), windows, current)

    def propagate_back() -> None:
        multiply(0.0)
        after()

    return propagate_back


def _pooling(
    executor: CudaExecutor, weights: PoolingWeights, back: bool, activity: Any, current: Any, streams: int
) -> Callable[[], None]:
    window, memory, by_winners = weights.window, executor.memory, isinstance(weights, MaxPooling)
    geometry = window.field, window.stride, *window.pre[1:], *window.post[1:]
    winners = (memory.read if back else memory.write)(weights.winners)
    if back:
        return bound(maps.add_back, current.size, streams, geometry, by_winners, winners, activity, current)
    if by_winners:
        return bound(maps.add_largest, current.size, streams, geometry, activity, winners, current)
    return bound(maps.add_mean, current.size, streams, geometry, activity, current)


def _laid_out(executor: CudaExecutor, window: Window, source: Any, streams: int) -> tuple[Any, Callable[[], None]]:
    """Return memory for the windows of all places, and what lays them out there."""
    size = window.pre[0] * window.field**2 * window.post[1] * window.post[2] * streams
    columns = executor.scratch(size)
    return columns, bound(maps.lay_out, size, streams, _geometry(window), source, columns)


def _geometry(window: Window) -> tuple[int, ...]:
    return *window.geometry, *window.pre[1:], *window.post[1:]
