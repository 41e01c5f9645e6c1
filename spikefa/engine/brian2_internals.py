"""Everything that spikefa takes from inside Brian2, where Brian2 has no public way.

Each function says what it relies on. ``tests/engine/test_brian2_internals.py`` holds Brian2 to it, one test each, and
fails with a sentence when a new version of Brian2 changes it.

Methods that override what Brian2 calls under a private name stand where they belong, and have their tests there, too:
``_full_state`` and ``_restore_from_full_state`` (``spikefa.core.part``), by which `Network.store` keeps an object's
state; ``VariableView.set_item`` and ``get_item`` (``spikefa.populations.seeded_views``), by which strings are set;
``_check_for_invalid_values`` (``spikefa.populations.population``), which `NeuronGroup` calls after a run; the
keyword ``_uses_refractory`` of templates and the class ``LazyArange`` of unit numbers
(``spikefa.engine.brian2_target``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from brian2 import BrianObject, Clock, Network
from brian2.codegen.codeobject import CodeObject
from brian2.core.base import BrianObjectException
from brian2.core.functions import FunctionImplementationContainer
from brian2.equations.equations import EQUATIONS, SUBEXPRESSION
from brian2.groups.group import CodeRunner, Group
from brian2.groups.neurongroup import NeuronGroup, StateUpdater
from brian2.groups.subgroup import Subgroup
from brian2.synapses.synapses import SynapticPathway
from pyparsing import ParseException

#: Name of the array where Brian2 puts a step's events, int32 (neurons + 1,), the count last. They are forgotten at the
#: end of a run.
EVENTS = "_spikespace"

#: How Brian2's integration methods draw the noise ``xi`` of a step, a line of abstract code.
_NOISE = r"^({name} = dt\*\*\.5 \* )randn\(\)$"


class _SeededStateUpdater(StateUpdater):
    """Brian2's integration, with noise of a population's own draws in the place of its generator's."""

    noise: Mapping[str, str]
    reads_events = False

    def update_abstract_code(self, run_namespace: dict) -> None:
        """Write the code of a step; called by Brian2 before a run."""
        super().update_abstract_code(run_namespace)
        self.abstract_code = with_noise(self.name, self.abstract_code, self.noise)


def with_noise(owner: str, code: str, noise: Mapping[str, str]) -> str:
    """Return abstract code with draws of one's own for the noises of stochastic equations.

    Relies on the line ``xi = dt**.5 * randn()``, which Brian2's methods write for each noise.

    Parameters
    ----------
    owner : str
        Name of the state updater, for the message.
    code : str
    noise : mapping
        Name of each noise, such as ``xi``, and the draw that gives it, such as ``randn_1()``.

    Raises
    ------
    NotImplementedError
        If Brian2 writes the line otherwise.
    """
    for name, draw in noise.items():
        code, found = re.subn(_NOISE.format(name=name), rf"\g<1>{draw}", code, flags=re.M)
        if found != 1:
            raise NotImplementedError(f"{owner}: no draw of the noise {name!r} in Brian2's code")
    return code


@lru_cache(maxsize=256)  # layers have the same equations, and to parse them takes a tenth of the time to build them
def right_sides(equations: str) -> Mapping[str, tuple[str, bool]] | None:
    """Return each equation's right side, and whether it is a subexpression, by the variable's name.

    Nothing is evaluated, as Brian2 does when it reads equations. None if the text is no equations. Relies on the
    grammar ``EQUATIONS`` and the names that it gives to its parts.
    """
    try:
        parsed = EQUATIONS.parse_string(equations, parse_all=True)
    except ParseException:
        return None
    named = {one["identifier"]: (one.get("expression"), one.get_name() == SUBEXPRESSION) for one in parsed}
    sides = {name: (" ".join(text.split()), sub) for name, (text, sub) in named.items() if text is not None}
    return MappingProxyType(sides)


def seed_noise(group: NeuronGroup, noise: Mapping[str, str]) -> None:
    """Let a group's integration draw its noise by draws of one's own, see `with_noise`.

    Relies on the class of ``group.state_updater``, which the group makes itself: it is changed to a subclass.
    """
    if type(group.state_updater) is not StateUpdater:
        raise NotImplementedError(f"{group.name}: Brian2's state updater is a {type(group.state_updater).__name__}")
    group.state_updater.__class__ = _SeededStateUpdater
    group.state_updater.noise = dict(noise)


def code_objects(runner: CodeRunner) -> Iterable[CodeObject]:
    """Return the code objects of a runner or monitor, which Brian2 makes before a run.

    Relies on ``CodeRunner._code_objects``.
    """
    return runner._code_objects


def refractoriness(group: NeuronGroup) -> Any:
    """Return how long, or as long as what, a group's neurons are refractory, as it was stated; False if never.

    Relies on ``NeuronGroup._refractory``.
    """
    return group._refractory


def belongs_to(obj: BrianObject, network_id: str) -> None:
    """Let an object belong to a network, or Brian2 warns when it is dropped and never ran.

    Relies on ``BrianObject._network``.
    """
    obj._network = network_id


def network_of(obj: BrianObject) -> str | None:
    """Return the id of the network that an object has run in, or belongs to; None before that.

    Relies on ``BrianObject._network``.
    """
    return obj._network


def set_clock(obj: BrianObject, clock: Clock) -> None:
    """Let an object that has not run yet run with a clock.

    Relies on ``BrianObject._clock``, of which ``BrianObject.clock`` is the value.
    """
    obj._clock = clock


def whole_group(subgroup: Subgroup) -> Group | None:
    """Return the group that a subgroup is of; None if nothing else holds it and it is gone.

    Relies on ``Subgroup.source``, a weak proxy, which gives methods bound to the group itself.
    """
    try:
        return subgroup.source.state.__self__
    except ReferenceError:
        return None


def spikes_under_way(pathway: SynapticPathway) -> tuple:
    """Return a copy of the spikes that a pathway has still to deliver.

    Relies on ``SynapticPathway.queue`` and the queue's ``_full_state``.
    """
    return pathway.queue._full_state()


def set_spikes_under_way(pathway: SynapticPathway, spikes: tuple | None) -> None:
    """Set the spikes that a pathway has still to deliver, as `spikes_under_way` returned them; None for no spikes.

    Relies on the queue's ``_restore_from_full_state``.
    """
    pathway.queue._restore_from_full_state(spikes)


def run_has_ended() -> None:
    """Tell Brian2 that no network runs, after an error in a run too, or its handler would swallow the next Ctrl-C.

    Relies on ``Network._globally_running``, which `Network.run` sets back only at an orderly end.
    """
    Network._globally_running = False


def steps_left(clock: Clock) -> int:
    """Return how many steps of a run are left, the current one among them.

    Relies on ``Clock._i_end``, the number of the step after the run's last.
    """
    if clock._i_end is None:  # no object of the run has this clock
        return 0
    return clock._i_end - clock.variables["timestep"].get_value()[0]


def failed_object(error: BrianObjectException) -> str:
    """Return the name of the object that Brian2 could not prepare.

    Relies on ``BrianObjectException._brian_objname``.
    """
    return error._brian_objname


def allow_numpy_functions(target: type[CodeObject]) -> None:
    """Give a target a numpy implementation of any Python function, as Brian2 gives its own numpy target.

    `create_runner_codeobj` makes that exception for `NumpyCodeObject` only and refuses the function for every other
    target, before a target could fall back. Relies on ``FunctionImplementationContainer.__getitem__``, which is
    wrapped, and its ``_function``.
    """
    stock_getitem = FunctionImplementationContainer.__getitem__

    def getitem(self: FunctionImplementationContainer, key: Any) -> Any:
        if key is target:
            try:
                return stock_getitem(self, key)
            except KeyError:
                self.add_numpy_implementation(self._function.pyfunc)
        return stock_getitem(self, key)

    FunctionImplementationContainer.__getitem__ = getitem
