"""Several small kernels in one launch: what a launch costs is more than what most of them compute.

Kernels here are loops in which a thread takes places of its own, the same ones in each loop of as many places. So
loops may follow each other in one kernel if what one writes is used by another at the same places alone, or not at all.
They stay separate loops, each compiled as it was: the numbers are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from numba import cuda

from spikefa.engine.cuda.launching import bound

#: The most arguments of a launch: an array takes 56 bytes, and a launch before CUDA 12.1 at most 4,096.
MOST_ARGUMENTS = 64


@dataclass(frozen=True, eq=False)
class Loop:
    """A kernel that is one loop over places, with its arguments.

    Parameters
    ----------
    kernel : function decorated with ``cuda.jit``
    size : int
        Places of the loop.
    arguments : tuple
    written : tuple of device arrays
        What it writes, place i in pass i of the loop.
    own : tuple of device arrays
        What it reads there, in the same way. It may read any other argument everywhere.
    """

    kernel: Callable
    size: int
    arguments: tuple
    written: tuple
    own: tuple = ()

    def goes_with(self, other: Loop) -> bool:
        """Whether both may be in one kernel, in either order."""
        return self._leaves(other) and other._leaves(self)

    def _leaves(self, other: Loop) -> bool:
        """Whether it writes nothing that another loop uses at other places."""
        same = (*other.written, *other.own) if self.size == other.size else ()
        return not any(_among(array, other.arguments) and not _among(array, same) for array in self.written)


def launches(loops: Sequence[Loop]) -> list[Callable[[], None]]:
    """Return as few launches as possible that do what loops do one after the other."""
    groups: list[list[Loop]] = []
    for loop in loops:
        arguments = len(loop.arguments) + sum(len(other.arguments) for other in (groups[-1] if groups else ()))
        if groups and arguments <= MOST_ARGUMENTS and all(map(loop.goes_with, groups[-1])):
            groups[-1].append(loop)
        else:
            groups.append([loop])
    return [_launch(group) for group in groups]


def _launch(loops: list[Loop]) -> Callable[[], None]:
    if len(loops) == 1:
        return bound(loops[0].kernel, loops[0].size, *loops[0].arguments)
    kernel = _joined(tuple(loop.kernel for loop in loops), tuple(len(loop.arguments) for loop in loops))
    return bound(kernel, max(loop.size for loop in loops), *(a for loop in loops for a in loop.arguments))


def _among(array: Any, values: Sequence[Any]) -> bool:
    return any(array is value for value in values)


@cache
def _joined(kernels: tuple[Callable, ...], counts: tuple[int, ...]) -> Callable:
    """Return a kernel that calls kernels in turn, each with so many of its arguments."""
    names = [f"loop{k}" for k in range(len(kernels))]
    given = [[f"a{k}_{i}" for i in range(count)] for k, count in enumerate(counts)]
    calls = "\n".join(f"    {name}({', '.join(own)})" for name, own in zip(names, given, strict=True))
    namespace = dict(zip(names, map(_device_function, kernels), strict=True))
    exec(f"def kernel({', '.join(a for own in given for a in own)}):\n{calls}\n", namespace)
    return cuda.jit(namespace["kernel"])


@cache
def _device_function(kernel: Callable) -> Callable:
    return cuda.jit(device=True)(kernel.py_func)
