"""Lowering: what becomes of each kind of object on the device; one function a kind, registered by its type."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from brian2 import BrianObject
from brian2.groups.group import CodeRunner

from spikefa.engine.cuda.fusion import Loop


@dataclass
class Launch:
    """What one object launches in a step, or in a presentation's last step alone.

    That is `call(plan())`, where `plan` says what differs from step to step; `call()` where there is none. A `Loop` is
    launched together with those next to it.
    """

    call: Callable[..., None] | Loop
    plan: Callable[[], Hashable] | None = None
    last: bool = False


@dataclass
class Lowered:
    """An object on the device: launches in every step, and what the host does after them."""

    launches: list[Launch] = field(default_factory=list)
    then: Callable[[], None] | None = None


#: Type -> function of (executor, object), which returns None where the object has to run on the host.
_LOWERINGS: dict[type, Callable[[Any, Any], Lowered | None]] = {}


def lowers(*kinds: type) -> Callable[[Callable], Callable]:
    """Return a decorator that registers the lowering of objects of exactly these types.

    By the exact type: what a subclass changes, the device does not know. Subclasses of `CodeRunner` that run as it does
    are lowered as it is.
    """

    def decorate(function: Callable) -> Callable:
        _LOWERINGS.update(dict.fromkeys(kinds, function))
        return function

    return decorate


def lowered(executor: Any, obj: BrianObject) -> Lowered | None:
    """Return what becomes of an object; None if it has to run on the host."""
    kind = type(obj)
    if kind not in _LOWERINGS and isinstance(obj, CodeRunner) and kind.run is CodeRunner.run:
        kind = CodeRunner
    if kind in _LOWERINGS:
        return _LOWERINGS[kind](executor, obj)
    return Lowered() if kind.run is BrianObject.run else None  # what does nothing itself, such as a group


#: Optimizer type -> function of (memory, updater, biases), which returns the launches that move the weights, or the
#: biases, by what was gathered.
_OPTIMIZERS: dict[type, Callable[..., list[Callable[[], None]]]] = {}


def lowers_optimizer(kind: type) -> Callable[[Callable], Callable]:
    """Return a decorator that registers the lowering of an optimizer; others run on the host."""

    def decorate(function: Callable) -> Callable:
        _OPTIMIZERS[kind] = function
        return function

    return decorate


def optimizer_lowering(optimizer: Any) -> Callable[..., list[Callable[[], None]]] | None:
    """Return the function that lowers an optimizer's move; None if it has to run on the host."""
    return _OPTIMIZERS.get(type(optimizer))
