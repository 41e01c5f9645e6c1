"""Kernels of projections, rules and readouts around the matrix products. Arrays are flat, and know nothing of Brian2.

Each number is written by one thread, and each sum runs in an order fixed by the shapes: results do not depend on the
number of threads.
"""

from __future__ import annotations

import math

import numpy as np
from numba import cuda

from spikefa.engine.cuda import SIMULATED

#: Partial sums that `partial_sums` makes of an array; few in the simulator, whose loops are Python's.
PARTS = 64 if SIMULATED else 4096


@cuda.jit
def advance(step, t, dt):
    """Go to the next step: `step` int64 (1,), `t` and `dt` float64 (1,)."""
    if cuda.grid(1) == 0:
        step[0] += 1
        t[0] = step[0] * dt[0]


@cuda.jit
def add_bias(add, streams, bias, current):
    """Set ``current = bias``, or ``current += bias`` where `add`; bias (n_post,), current (n_post, streams)."""
    for i in range(cuda.grid(1), current.size, cuda.gridsize(1)):
        b = bias[i // streams]
        current[i] = current[i] + b if add else b


@cuda.jit
def clear(values):
    """``values = 0``."""
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        values[i] = 0


@cuda.jit
def scale_in_place(values, factor):
    """``values *= factor``."""
    number = values.dtype.type
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        values[i] *= number(factor)


@cuda.jit
def clip_in_place(low, high, values):
    """``values = min(max(values, low), high)``; NaN stays."""
    number = values.dtype.type
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        if values[i] < number(low):
            values[i] = number(low)
        elif values[i] > number(high):
            values[i] = number(high)


@cuda.jit
def move_with_momentum(decay, velocity, values, moves):
    """``velocity -= decay * values``, and ``values += velocity`` where it `moves`."""
    number = values.dtype.type
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        velocity[i] -= number(decay) * values[i]
        if moves:
            values[i] += velocity[i]


@cuda.jit
def move_normalised(decay, mean_decay, lr, velocity, square, values):
    """``values += lr * change / root of its mean square``, with ``change = velocity - decay * values``.

    The mean `square` keeps a fraction of itself and is brought up to date, and so is `velocity`.
    """
    number = values.dtype.type
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        change = velocity[i] - number(decay) * values[i]
        velocity[i] = change
        square[i] = number(mean_decay) * square[i] + number(1 - mean_decay) * change * change
        values[i] += number(lr) * change / (math.sqrt(square[i]) + number(1e-8))


@cuda.jit
def correct_means(beta1, beta2, corrections):
    """``correction = beta * correction + (1 - beta)`` of Adam's two means; float64 (2,)."""
    if cuda.grid(1) == 0:
        corrections[0] = beta1 * corrections[0] + (1 - beta1)
        corrections[1] = beta2 * corrections[1] + (1 - beta2)


@cuda.jit
def move_adam(decay, beta1, beta2, epsilon, lr, corrections, change, first, second, values):
    """``values += lr * (first / corrections[0]) / (sqrt(second / corrections[1]) + epsilon)``.

    `first` and `second` are means of ``change - decay * values`` and of its square, and are brought up to date.
    """
    number = values.dtype.type
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        moved = change[i] - number(decay) * values[i]
        change[i] = moved
        first[i] = number(beta1) * first[i] + number(1 - beta1) * moved
        second[i] = number(beta2) * second[i] + number(1 - beta2) * moved * moved
        root = math.sqrt(second[i] / number(corrections[1]))
        values[i] += number(lr) * (first[i] / number(corrections[0])) / (root + number(epsilon))


@cuda.jit
def approach(average, values, fraction):
    """``average += fraction * (values - average)``."""
    number = values.dtype.type
    for i in range(cuda.grid(1), values.size, cuda.gridsize(1)):
        average[i] += number(fraction) * (values[i] - average[i])


@cuda.jit
def clear_absent(present, weights):
    """``weights = 0`` where `present` is False."""
    for i in range(cuda.grid(1), weights.size, cuda.gridsize(1)):
        if not present[i]:
            weights[i] = 0


@cuda.jit
def mark(events, output):
    """``output`` = 1 for the units that had an event, else 0."""
    for i in range(cuda.grid(1), output.size, cuda.gridsize(1)):
        output[i] = 1 if events[i] else 0


@cuda.jit
def add_groups(streams, units, output, activity):
    """Add each group's summed output (groups * units, streams) to `activity` float64 (groups, streams)."""
    number = output.dtype.type
    for i in range(cuda.grid(1), activity.size, cuda.gridsize(1)):
        group, k = i // streams, i % streams
        total = number(0)
        for j in range(group * units, (group + 1) * units):
            total += output[j * streams + k]
        activity[i] += total


@cuda.jit
def partial_sums(values, first, sums):
    """``sums[first + p]`` = sum of ``values[p::PARTS]`` in float64."""
    for p in range(cuda.grid(1), PARTS, cuda.gridsize(1)):
        total = np.float64(0)
        for i in range(p, values.size, PARTS):
            total += values[i]
        sums[first + p] = total


@cuda.jit
def softmax(columns, v, y):
    """``y = exp(v) / sum of exp(v)`` over the rows of every column; v and y (members, groups x streams)."""
    number = y.dtype.type
    for k in range(cuda.grid(1), columns, cuda.gridsize(1)):
        largest = v[k]
        for i in range(k, v.size, columns):
            largest = max(largest, v[i])
        total = np.float64(0)
        for i in range(k, v.size, columns):
            total += math.exp(np.float64(v[i] - largest))
        for i in range(k, v.size, columns):
            y[i] = number(math.exp(np.float64(v[i] - largest)) / total)
