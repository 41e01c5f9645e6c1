"""Every code-generation target through the same check: a network does on it what it does on numpy."""

import shutil

import numpy as np
import pytest
from brian2 import ms

import spikefa as fa
from spikefa.engine.targets import TARGETS

NEEDS = {
    "cython": pytest.mark.skipif(not shutil.which("g++") and not shutil.which("clang++"), reason="no C++ compiler")
}
CURRENT = "I : 1\ns : 1\n"


def spiking(net):
    equations = CURRENT + "dv/dt = (I + 0.5 - v) / (2*ms) : 1\np = 1 / (1 + exp(-v)) : 1"
    fa.Layer(net, "h", 7, equations, emit="s = int(rand() < p)")


def thresholds(net):
    equations = CURRENT + "dv/dt = (1.5 + I + 0.1 * i - v) / (4*ms) : 1 (unless refractory)"
    fa.Layer(net, "h", 7, equations, threshold="v > 1", reset="v = 0", refractory=2 * ms)


def noise(net):
    equations = "dv/dt = (I - v) / (2*ms) + 0.3 * xi * (2*ms)**-.5 : 1\nI : 1\ns : 1"
    fa.Layer(net, "h", 7, equations, receive="I = I + 0.2 * randn()", emit="s = v", threshold=None)


def softmax(net):
    fa.Layer(net, "h", 7, "v = 2 * I : 1\nI : 1\ny : 1", output="y", threshold=None)
    fa.Softmax(net, "h", "I", "y")


KINDS = [spiking, thresholds, noise, softmax]


def run(kind, target, dtype):
    net = fa.Network(streams=3, seed=5, dtype=dtype, target=target)
    fa.Input(net, "x", 5)
    kind(net)
    rule = fa.Plasticity(f"dW = 0.01 * s_pre * ({net['h'].output_variable}_post - 0.3)")
    fa.Projection(net, "x", "h", fa.uniform(0.8), plasticity=rule)
    fa.classification_task(net, 4, 7)
    net.stimulus.show_images(np.random.default_rng(2).random((6, 5)))
    net.run_steps(8)
    return {name: array.copy() for name, array in (net.state() | net.parameters()).items()}


#: Of "cython" a few alone: its code is the same for both types, and takes long to compile.
CASES = [
    pytest.param(target, kind, dtype, marks=NEEDS.get(target, ()), id=f"{target}-{kind.__name__}-{dtype}")
    for target in TARGETS
    for kind in KINDS
    for dtype in ("float32", "float64")
    if target != "numpy" and (target != "cython" or (dtype == "float64" and kind in (thresholds, softmax)))
]


@pytest.mark.parametrize(("target", "kind", "dtype"), CASES)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_a_target_does_what_numpy_does(kind, target, dtype):
    expected, got = run(kind, "numpy", dtype), run(kind, target, dtype)
    assert expected.keys() == got.keys()
    assert any(expected[name].std() > 0 for name in ("h.s", "h.y") if name in expected)
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, rtol=0, atol={"float32": 1e-5, "float64": 1e-12}[dtype])
