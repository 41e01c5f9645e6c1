"""Populations: what their equations and options must have."""

import numpy as np
import pytest
from brian2 import SpikeMonitor, ms, second
from layered_networks import PLAIN, build, build_with

import spikefa as fa
from spikefa.errors import ArgumentError


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emit": "S = int(rand() < v)"}, "Layer 'h1': emit must assign the output 's', got 'S = int(rand() < v)'"),
        ({"emit": "x = 1; S = 2"}, "Layer 'h1': emit must assign the output 's'"),
        ({"refractory": 3 * ms}, "Layer 'h1': with refractory, emit must heed it, as in 's = int(rand() < p and not_"),
    ],
)
def test_an_output_that_emit_forgets(change, message):
    with pytest.raises(ArgumentError) as refused:
        build(**change)
    assert str(refused.value).startswith(message)


def test_refractory_units_are_silent_for_projections_too():
    net = build(emit="s = int(rand() < 0.5 and not_refractory)", refractory=3 * ms)
    monitor = SpikeMonitor(net["h1"])
    net.add(monitor)
    sums = fa.Projection(net, "h1", fa.Layer(net, "sum", 1, "I : 1\ns : 1", emit="s = s"), np.ones((3, 1)))
    received = 0
    for _ in range(40):
        net.run_steps(1)
        received += sums.post.view("I").sum()
    assert received == monitor.num_spikes > 0


BAD_POPULATIONS = [
    (lambda n: fa.Layer(n, "x", 0, PLAIN), r"Layer 'x': units must be a positive whole number, got 0"),
    (lambda n: fa.Layer(n, "h", 3, PLAIN), r"Layer 'h': the network already has an object called 'h'"),
    (
        lambda n: fa.Layer(n, "x", 3, "v : 1"),
        r"Layer 'x': the equations must have the output 's'; they have \['v'\]",
    ),
    (lambda n: fa.Layer(n, "x", 3, PLAIN, threshold=None), r"needs emit or a threshold"),
    (
        lambda n: fa.Layer(n, "x", 3, PLAIN, emit="s = 1", threshold=None, reset="v = 0"),
        r"Layer 'x': reset and refractory need a threshold, got None",
    ),
    (
        lambda n: fa.Layer(n, "x", 3, PLAIN, random_numbers_of="y"),
        r"Layer 'x': random_numbers_of must name a population of the network, one of .*'h'\], got 'y'",
    ),
    (
        lambda n: fa.Layer(n, "x", 3, PLAIN, refractory=1e300 * second),
        r"Layer 'x': refractory must be at most 2\*\*32 steps, the longest run, of 1. ms, got ",
    ),
    (
        lambda n: fa.Layer(n, "x", 3, PLAIN, namespace={"s": 3}),
        r"Layer 'x': a name of the namespace must not be a variable of the population, got 's'",
    ),
    (
        lambda n: fa.Layer(n, "x", 3, PLAIN, emit="s = 1\ni = 3"),
        r"Layer 'x': emit, receive and reset must not assign N, dt, i, .*, got 'i'",
    ),
]


@pytest.mark.parametrize(("what", "message"), BAD_POPULATIONS)
def test_bad_populations_are_refused(what, message):
    with pytest.raises(ArgumentError, match=message):
        build_with(what)


def test_unknown_variable_names_those_that_exist(small):
    with pytest.raises(KeyError, match=r"Layer 'h1': no state variable 'w'; it has \[.*'I', .*'s', .*'v'.*\]"):
        small()["h1"].view("w")
