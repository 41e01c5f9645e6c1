"""Lowering of optimizers: kernels that move weights by what the updates of a step gathered."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spikefa.engine.cuda import kernels
from spikefa.engine.cuda.launching import bound
from spikefa.engine.cuda.memory import Memory
from spikefa.executors.cuda.lowering import lowers_optimizer
from spikefa.plasticity.optimizers.adam import Adam
from spikefa.plasticity.optimizers.momentum import Momentum
from spikefa.plasticity.optimizers.rmsprop import RMSprop
from spikefa.plasticity.updater import PlasticityUpdater

Moves = list[Callable[[], None]]


def _arrays(
    updater: PlasticityUpdater, biases: bool
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...], np.ndarray]:
    if biases:
        return updater.bias, updater.bias_change, updater.bias_memories, updater.bias_counters
    return updater.weights.values, updater.change, updater.memories, updater.counters


@lowers_optimizer(Momentum)
def momentum(memory: Memory, updater: PlasticityUpdater, biases: bool) -> Moves:
    """``change -= decay * W``, and ``W += change`` unless they are biases that do not learn."""
    values, change, _, _ = _arrays(updater, biases)
    moves = updater.learn_bias or not biases
    arrays = memory.write(change), memory.write(values)
    return [bound(kernels.move_with_momentum, arrays[1].size, updater.decay, *arrays, moves)]


@lowers_optimizer(RMSprop)
def rmsprop(memory: Memory, updater: PlasticityUpdater, biases: bool) -> Moves:
    """See `kernels.move_normalised`."""
    if biases and not updater.learn_bias:
        return []
    values, change, memories, _ = _arrays(updater, biases)
    numbers = updater.decay, updater.plasticity.optimizer.decay, updater.lr
    arrays = [memory.write(array) for array in (change, *memories, values)]
    return [bound(kernels.move_normalised, arrays[-1].size, *numbers, *arrays)]


@lowers_optimizer(Adam)
def adam(memory: Memory, updater: PlasticityUpdater, biases: bool) -> Moves:
    """See `kernels.move_adam`."""
    if biases and not updater.learn_bias:
        return []
    values, change, memories, counters = _arrays(updater, biases)
    rule = updater.plasticity.optimizer
    corrections = memory.write(counters)
    arrays = [memory.write(array) for array in (change, *memories, values)]
    numbers = updater.decay, rule.beta1, rule.beta2, rule.epsilon, updater.lr
    return [
        bound(kernels.correct_means, 1, rule.beta1, rule.beta2, corrections),
        bound(kernels.move_adam, arrays[-1].size, *numbers, corrections, *arrays),
    ]
