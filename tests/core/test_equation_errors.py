"""Mistakes in equations: one sentence that names whose they are and the mistake."""

import pytest
from brian2 import StateMonitor, mV
from brian2.core.base import BrianObjectException
from layered_networks import LAYER, build

import spikefa as fa
from spikefa.errors import EquationError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"equations": LAYER.replace("- v", "- w")},
            "Layer 'h1': The identifier \"w\" could not be resolved; if",
        ),
        (
            {"equations": LAYER + "\nq = r : 1"},
            "Layer 'h1': The identifier \"r\" could not be resolved; if",
        ),
        (
            {"equations": LAYER.replace(" / tau", "")},
            "Layer 'h1': Inconsistent units in differential equation defining "
            "variable 'v': Expression '(I - v)' does not have the expected unit hertz (unit is 1).",
        ),
        ({"equations": LAYER.replace("tau", "tau)")}, "Layer 'h1': unmatched ')' in '(I - v) / tau)'"),
        ({"equations": LAYER.replace("v)", "* v)")}, "Layer 'h1': invalid syntax"),
        ({"equations": "dv/dt = (I - v) / tau\ns : 1"}, "Layer 'h1': invalid syntax in '(I - v) / tau s'"),
        (
            {"emit": "s = int(rand() < q)"},
            "Layer 'h1', emit: The identifier \"q\" could not be resolved; if",
        ),
        (
            {"emit": "s = tanhh(v)"},
            "Layer 'h1', emit: The identifier \"tanhh\" could not be resolved; if",
        ),
        ({"emit": "s = t"}, "Layer 'h1', emit: "),
        ({"emit": "s = 1\nv"}, "Layer 'h1', emit: Parsing the statement failed: v ^"),
        ({"method": "eulr"}, "Layer 'h1', stateupdater: No state updater with the name"),
        ({"emit": "", "threshold": "v + 1"}, "Layer 'h1', spike_thresholder: Threshold condition 'v + 1' is not a"),
        (
            {"receive": "I = I + k"},
            "Layer 'h1', receive: The identifier \"k\" could not be resolved; if",
        ),
        ({"emit": "", "threshold": "v > theta"}, "Layer 'h1', spike_thresholder: The identifier \"theta\""),
        ({"emit": "", "threshold": "v > 1", "reset": "v = u"}, "Layer 'h1', spike_resetter: The identifier \"u\""),
    ],
)
def test_equations_that_cannot_run(change, message):
    with pytest.raises(EquationError) as refused:
        build(**change).run_steps(1)
    assert str(refused.value).startswith(message)


def test_what_is_not_of_the_equations_stays_what_it_is():
    net = build()
    net.run_steps(1)  # the untouched equations run
    monitor = StateMonitor(net["h1"], "v", record=[0])
    net.add(monitor)

    def before_run(namespace):
        raise RuntimeError("not the equations")

    monitor.before_run = before_run
    with pytest.raises(BrianObjectException):
        net.run_steps(1)


def test_a_unit_that_is_not_the_equations():
    net = fa.Network(streams=1, seed=0)
    fa.Layer(net, "h1", 1, LAYER, emit="s = v / E", namespace={"tau": net.clock.dt, "E": 3 * mV})
    with pytest.raises(EquationError, match=r"""Layer 'h1', emit: .*"s = v / E" does not have the expected unit 1"""):
        net.run_steps(1)
