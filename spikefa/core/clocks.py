"""Clocks: the network's, and what a script made with Brian2's default clock keeps its time, or is said not to."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from brian2 import BrianObject, Clock, NetworkOperation, Quantity, get_device, second
from brian2.utils.logger import get_logger

from spikefa._checks import refuse
from spikefa.core.changes import stock_groups
from spikefa.engine.brian2_internals import set_clock

logger = get_logger(f"brian2.{__name__}")  # shown, caught and silenced as Brian2's own


class NetworkClock(Clock):
    """The clock of a network, whose steps keep the duration that it was made with.

    Delays, durations and the decay of traces are counted in its steps when parts are made.

    For each object that is made, Brian2 writes its clock into the log: to format the same quantity anew was a
    quarter of the time that it takes to build a network.
    """

    _made = False

    def __init__(self, dt: Quantity, name: str):
        super().__init__(dt=dt, name=name)
        self._made = True

    def _set_dt(self, dt: Quantity) -> None:
        self._set_dt_(dt)

    def _set_dt_(self, dt_: float | Quantity) -> None:
        if self._made:
            refuse("Network", "dt", f"stay {self.dt}, in which its parts count time", dt_)
        Clock._set_dt_(self, float(dt_))

    # Properties of a group can be set where they are its own class's.
    dt, dt_ = property(Clock.dt.fget, _set_dt), property(Clock.dt_.fget, _set_dt_)

    def __repr__(self) -> str:
        return _shown(self.dt_, self.name)


@lru_cache(maxsize=8)
def _shown(dt: float, name: str) -> str:
    return f"Clock(dt={dt * second!r}, name={name!r})"


def keep_time(objects: Iterable[BrianObject], clock: Clock) -> None:
    """Let operations without a clock run once a step of the network, and warn of groups that have other steps.

    In Brian2, what is made without ``dt`` or ``clock`` has the default clock, whose steps are 0.1 ms. An object with a
    clock that it was given is left alone.
    """
    default = get_device().defaultclock
    objects = [obj for obj in objects if obj.clock is default and obj.clock is not clock]
    for obj in objects:
        if isinstance(obj, NetworkOperation):
            set_clock(obj, clock)
    if default.dt_ == clock.dt_:
        return
    for obj in stock_groups(objects):
        logger.warn(
            f"{type(obj).__name__} '{obj.name}' runs on Brian2's default clock, in steps of {default.dt_ * second!s}, "
            f"and the network in steps of {clock.dt_ * second!s}; make it with clock=net.clock, or give it a dt",
            name_suffix="default_clock",
        )
