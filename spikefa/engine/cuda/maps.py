"""Kernels of convolutions and pooling. Arrays are flat, ``(maps, height, width, streams)``; see `kernels`.

A `geometry` is that of `spikefa.engine.kernels.convolution`, with a height and a width after it: field, padding, step,
divide, sign, height and width of the maps that send, height and width of those that receive.
"""

from __future__ import annotations

from numba import cuda


@cuda.jit
def lay_out(streams, geometry, source, columns):
    """Lay out the windows of all places, ``(maps * field * field, places * streams)``, 0 where they stick out."""
    field, padding, step, divide, sign, height, width, rows, width_out = geometry
    places = rows * width_out
    for i in range(cuda.grid(1), columns.size, cuda.gridsize(1)):
        row, place = i // (places * streams), i // streams % places
        position = row % (field * field)
        y = place // width_out * step + sign * (position // field - padding)
        x = place % width_out * step + sign * (position % field - padding)
        columns[i] = 0
        if y >= 0 and x >= 0 and y % divide == 0 and x % divide == 0 and y < height * divide and x < width * divide:
            at = (row // (field * field) * height + y // divide) * width + x // divide
            columns[i] = source[at * streams + i % streams]


@cuda.jit
def add_windows(streams, geometry, columns, current):
    """Add to each place of the maps that send what lies in its places of all windows; the way back of `lay_out`."""
    field, padding, step, divide, sign, height, width, rows, width_out = geometry
    places = rows * width_out
    for i in range(cuda.grid(1), current.size, cuda.gridsize(1)):
        x, y, m = i // streams % width, i // (streams * width) % height, i // (streams * width * height)
        total = current.dtype.type(0)
        for position in range(field * field):
            down = y * divide - sign * (position // field - padding)
            along = x * divide - sign * (position % field - padding)
            inside = down >= 0 and along >= 0 and down % step == 0 and along % step == 0
            if inside and down < rows * step and along < width_out * step:
                place = down // step * width_out + along // step
                total += columns[((m * field * field + position) * places + place) * streams + i % streams]
        current[i] += total


@cuda.jit
def add_largest(streams, geometry, source, winners, current):
    """Add the largest of each window, and say where in the window it was, the first of equals."""
    field, stride, height, width, rows, width_out = geometry
    for i in range(cuda.grid(1), current.size, cuda.gridsize(1)):
        x, y, m = i // streams % width_out, i // (streams * width_out) % rows, i // (streams * width_out * rows)
        begin = ((m * height + y * stride) * width + x * stride) * streams + i % streams
        best, won = source[begin], 0
        for k in range(1, field * field):
            here = source[begin + (k // field * width + k % field) * streams]
            if here > best:
                best, won = here, k
        winners[i] = won
        current[i] += best


@cuda.jit
def add_mean(streams, geometry, source, current):
    """Add the mean of each window."""
    field, stride, height, width, rows, width_out = geometry
    number = current.dtype.type
    for i in range(cuda.grid(1), current.size, cuda.gridsize(1)):
        x, y, m = i // streams % width_out, i // (streams * width_out) % rows, i // (streams * width_out * rows)
        begin = ((m * height + y * stride) * width + x * stride) * streams + i % streams
        total = number(0)
        for k in range(field * field):
            total += source[begin + (k // field * width + k % field) * streams]
        current[i] += number(1 / field**2) * total


@cuda.jit
def add_back(streams, geometry, by_winners, winners, post, current):
    """Add to each place what its windows receive: all where it was the largest, or its share of the mean."""
    field, stride, height, width, rows, width_out = geometry
    number = current.dtype.type
    for i in range(cuda.grid(1), current.size, cuda.gridsize(1)):
        x, y, m = i // streams % width, i // (streams * width) % height, i // (streams * width * height)
        total = number(0)
        for k in range(field * field):
            down, along = y - k // field, x - k % field
            if down < 0 or along < 0 or down % stride != 0 or along % stride != 0:
                continue
            if down // stride >= rows or along // stride >= width_out:
                continue
            window = ((m * rows + down // stride) * width_out + along // stride) * streams + i % streams
            if not by_winners:
                total += number(1 / field**2) * post[window]
            elif winners[window] == k:
                total += post[window]
        current[i] += total
