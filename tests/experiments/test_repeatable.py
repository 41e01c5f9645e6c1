"""A run holds nothing that its seed and its checkpoints do not know."""

import numpy as np
import pytest
from brian2 import BrianLogger, Hz, NeuronGroup, PoissonGroup, PoissonInput, Synapses, ms

import spikefa as fa
from spikefa.errors import ArgumentError
from spikefa.experiments.repeatable import require_repeatable


@pytest.fixture
def net():
    BrianLogger.suppress_hierarchy("brian2.synapses")
    net = fa.Network(target="numpy")
    fa.Input(net, "image", 6, emit="s = int(rand() < x)")
    fa.Layer(net, "out", 4, "dv/dt = (I - v) / (20*ms) + 0.1 * xi / ms**.5 : 1\nI : 1\ns : 1", emit="s = poisson(v**2)")
    fa.Projection(net, "image", "out", np.ones((6, 4)), delay=2 * ms)
    net["out"].run_regularly("v = v + rand()", dt=2 * ms)
    return net


def synapses(net, code="v_post += 0.1", **options):
    made = Synapses(net["out"], net["out"], on_pre=code, dt=1 * ms, name="lateral", **options)
    made.connect(condition="i != j")
    return made


def test_what_follows_from_the_seed_may_stay(net):
    net.add(synapses(net), NeuronGroup(2, "dv/dt = -v / ms : 1", method="euler", clock=net.clock))
    require_repeatable(net)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda net: PoissonGroup(2, 10 * Hz, name="noise", clock=net.clock), "PoissonGroup 'noise' draws random numb"),
        (lambda net: PoissonInput(net["out"], "v", 2, 10 * Hz, 0.1), "PoissonInput 'poissoninput.*' draws random numb"),
        (lambda net: synapses(net, "v_post += rand()"), "SynapticPathway 'lateral_pre' draws random numbers"),
        (lambda net: synapses(net, delay=2 * ms), "'lateral_pre' has spikes under way, which checkpoints do not keep"),
        (
            lambda net: NeuronGroup(2, "dv/dt = -v / ms + xi / ms**.5 : 1", method="euler", name="n", clock=net.clock),
            "NeuronGroup 'n' draws random numbers that do not follow from the run's seed; draw them in a population",
        ),
    ],
)
def test_what_does_not_is_refused(net, make, message):
    net.add(make(net))
    with pytest.raises(ArgumentError, match=message):
        require_repeatable(net)
