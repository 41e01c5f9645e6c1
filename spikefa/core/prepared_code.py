"""The code that Brian2 writes before a run, kept for the next run if nothing has changed of which it is written.

Brian2 writes the code of every equation, threshold and reset before each run, which takes longer than a step. It
depends on the equations, on constants in namespaces, on the clock and on preferences: these are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Number
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from brian2 import BrianObject, Function, Unit, prefs
from brian2.core.variables import ArrayVariable
from brian2.groups.group import CodeRunner
from brian2.groups.neurongroup import NeuronGroup, Resetter, StateUpdater, SubexpressionUpdater, Thresholder
from brian2.units.fundamentalunits import get_dimensions

from spikefa.engine.brian2_internals import refractoriness

#: Preferences of which code is written.
PREFERENCES = (
    "codegen.target",
    "codegen.loop_invariant_optimisations",
    "core.default_float_dtype",
    "core.default_integer_dtype",
    "legacy.refractory_timing",
)


class PreparedCode:
    """What the code of each runner of a network was last written from."""

    def __init__(self):
        self._written_from: WeakKeyDictionary[CodeRunner, tuple] = WeakKeyDictionary()

    @contextmanager
    def kept(self, groups: Iterable[NeuronGroup], run_namespace: Mapping[str, Any]) -> Iterator[None]:
        """Within it, a runner of one of the groups keeps its code if it would be the same.

        Relies on ``CodeRunner.create_code_objects``, which is called before a run and is replaced meanwhile.

        Parameters
        ----------
        groups : iterable of NeuronGroup
        run_namespace : mapping
            The run's constants by name, for what a group's own namespace lacks.
        """
        groups = list(groups)
        runners = {obj for group in groups for obj in group.contained_objects if _is_of_a_group(obj)}
        common = tuple(prefs[name] for name in PREFERENCES), tuple(_constants(group.namespace) for group in groups)
        create = CodeRunner.create_code_objects

        def create_unless_same(runner: CodeRunner, namespace: Mapping[str, Any]) -> None:
            if runner not in runners:
                create(runner, namespace)
                return
            if self._written_from.get(runner) == _source(common, runner, namespace):
                return
            create(runner, namespace)
            self._written_from[runner] = _source(common, runner, namespace)

        CodeRunner.create_code_objects = create_unless_same
        try:
            yield
        finally:
            CodeRunner.create_code_objects = create


def _is_of_a_group(obj: BrianObject) -> bool:
    """Whether an object runs code of the group that contains it, and not of synapses."""
    return isinstance(obj, StateUpdater | Thresholder | Resetter | SubexpressionUpdater) or type(obj) is CodeRunner


def _source(common: tuple, runner: CodeRunner, run_namespace: Mapping[str, Any]) -> tuple:
    """Return all that the code of a runner depends on; comparable."""
    group = runner.group
    event = getattr(runner, "event", None)
    stated = (
        type(runner),
        runner.abstract_code,
        runner.user_code,
        group.events.get(event),
        group.event_codes.get(event),
        str(refractoriness(group)),
        _Same(group.equations),
        _Same(getattr(runner, "method_choice", None)),
        str(getattr(runner, "method_options", None)),
        runner.clock.dt_,
    )
    words = set(re.findall(r"[A-Za-z_]\w*", f"{stated} {group.equations} {runner.abstract_code} {runner.user_code}"))
    variables = {} if runner.codeobj is None else runner.codeobj.variables
    names = sorted(words | set(variables))
    from_group = tuple((name, _Same(group.variables[name])) for name in names if name in group.variables)
    outside = [name for name in names if name in run_namespace and name not in group.variables]
    from_run = tuple((name, _value(run_namespace[name])) for name in outside)
    arrays = tuple((name, _array(var)) for name, var in variables.items() if isinstance(var, ArrayVariable))
    return common, stated, from_run, from_group, arrays


def _constants(namespace: Mapping[str, Any]) -> tuple:
    return tuple((name, _value(namespace[name])) for name in sorted(namespace))


def _value(value: Any) -> Any:
    """Return a constant, function or unit as what is the same as long as the code is; else what never is."""
    if isinstance(value, Function | Unit) or (callable(value) and not hasattr(value, "values")):
        return _Same(value)
    if isinstance(value, Number | np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return type(value), np.asarray(value).item(), get_dimensions(value)
    return (type(value), value) if isinstance(value, str) else object()


def _array(variable: ArrayVariable) -> tuple:
    """Return an array's identity, and its value if code may hold that of a constant."""
    array = variable.get_value()
    return _Same(array), array.item() if variable.scalar and variable.constant else None


class _Same:
    """Equal to what holds the same object."""

    def __init__(self, value: Any):
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    __hash__ = None
