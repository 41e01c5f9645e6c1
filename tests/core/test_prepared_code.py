"""Code that is kept from run to run is that of a network that never ran."""

import numpy as np
import pytest
from brian2 import Function, TimedArray, linked_var, ms, mV, prefs
from brian2.groups.group import CodeRunner

import spikefa as fa

EQUATIONS = """
dv/dt = (c * gain + drive - v) / tau : volt
gain = k * 2 : 1
drive : volt
c : volt (shared, constant)
s : 1
"""
SECOND = """
u = g * m : 1
g : 1 (linked)
seen : 1
"""


def doubled(x):
    return 2 * x


def tripled(x):
    return 3 * x


class Model:
    """Two populations, of which one reads a subexpression of the other."""

    def __init__(self, target):
        self.net = net = fa.Network(target=target, seed=3)
        self.own = {"tau": 5 * ms, "k": 1.5, "limit": 2 * mV, "f": Function(doubled, arg_units=[1], return_unit=1)}
        self.first = fa.Population(
            net, "first", 4, EQUATIONS, threshold="v > limit * f(1)", reset="v = 0*mV", namespace=self.own
        )
        self.first.c = 3 * mV
        self.second = fa.Population(
            net, "second", 4, SECOND, output="seen", threshold=None, namespace={"m": 2.0, "k": 1.5}
        )
        self.second.g = linked_var(self.first, "gain")
        self.second.run_regularly("seen = u + outer", when="end")

    def run(self, outer=1.0):
        self.net.run(5 * ms, namespace={"outer": outer})

    def state(self):
        return [np.array(self.first.v_), np.array(self.second.seen)]


def set_own(name, value):
    return lambda model: model.first.namespace.__setitem__(name, value)


CHANGES = {
    "a constant": set_own("tau", 2 * ms),
    "a constant of a threshold": set_own("limit", 1 * mV),
    "a constant of a subexpression": set_own("k", 2.5),
    "a constant of a linked one": lambda model: model.second.namespace.__setitem__("k", 2.5),
    "a function": set_own("f", Function(tripled, arg_units=[1], return_unit=1)),
    "a constant of the other": lambda model: model.second.namespace.__setitem__("m", 7.0),
    "a shared constant": lambda model: setattr(model.first, "c", 9 * mV),
    "a variable": lambda model: setattr(model.first, "drive", 4 * mV),
    "the method": lambda model: setattr(model.first.state_updater, "method_choice", "exponential_euler"),
    "a threshold": lambda model: model.first.events.__setitem__("spike", "v > limit / 2"),
    "a reset": lambda model: model.first.event_codes.__setitem__("spike", "v = 1*mV"),
    "an operation's code": lambda model: setattr(model.second.contained_objects[-1], "abstract_code", "seen = 5 * u"),
}


@pytest.mark.parametrize("target", ["numpy", "numba"])
def test_what_is_changed_between_runs_counts(target):
    changes = CHANGES if target == "numpy" else {name: CHANGES[name] for name in ("a constant", "a shared constant")}
    for name, change in changes.items():
        ran, fresh, unchanged = Model(target), Model(target), Model(target)
        for model in (ran, unchanged):
            model.run()
            model.run()
            model.net.step = 0
            model.first.v = 0 * mV
            model.first.namespace = dict(model.first.namespace)
        for model in (ran, fresh):
            change(model)
        for model in (ran, fresh, unchanged):
            model.run()
        pairs = zip(ran.state(), fresh.state(), strict=True)
        assert all(np.array_equal(one, other) for one, other in pairs), name
        pairs = zip(ran.state(), unchanged.state(), strict=True)
        assert any(not np.array_equal(one, other) for one, other in pairs), name


def test_constants_of_the_run_count():
    model = Model("numpy")
    seen = []
    for outer in (1.0, 1.0, 4.0):
        model.run(outer)
        seen.append(model.second.seen[0])
    assert np.diff(seen) == pytest.approx([0, 3])


def test_names_around_a_run_may_be_of_anything():
    model = Model("numpy")
    outer, local, c, tau, x = 1.0, "a text", "another", np.arange(3), None
    for _ in range(2):
        model.net.run(2 * ms)
    assert (outer, local, c, x) == (1.0, "a text", "another", None) and len(tau) == 3


def test_code_is_written_once(monkeypatch):
    written = []
    create = CodeRunner.create_code_objects
    monkeypatch.setattr(
        CodeRunner, "create_code_objects", lambda runner, names: (written.append(runner.name), create(runner, names))
    )
    model = Model("numpy")
    for _ in range(3):
        model.run()
    assert len(written) == len(set(written)) > 3
    with_preference = prefs.codegen.loop_invariant_optimisations
    try:
        prefs.codegen.loop_invariant_optimisations = not with_preference
        model.run()
    finally:
        prefs.codegen.loop_invariant_optimisations = with_preference
    assert len(written) == 2 * len(set(written))


def test_arrays_of_values_over_time_are_read_anew():
    net = fa.Network(target="numpy")
    values = TimedArray([1.0, 1.0], dt=1 * ms)
    population = fa.Population(
        net, "one", 1, "y = values(t) : 1\nseen : 1", output="seen", threshold=None, namespace={"values": values}
    )
    population.run_regularly("seen = y", when="end")
    net.run_steps(1)
    population.namespace["values"] = TimedArray([5.0, 5.0], dt=1 * ms)
    net.run_steps(1)
    assert population.seen[0] == 5
