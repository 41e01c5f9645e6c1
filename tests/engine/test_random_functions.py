"""Counter-based random numbers as Brian2 functions, and the stock ones of the numba target."""

import shutil

import numba
import numpy as np
import pytest
from brian2 import Clock, Network, NeuronGroup, SpikeMonitor, ms, prefs
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject

from spikefa.engine.brian2_target.random_functions import counter_normal, counter_random, number_draws
from spikefa.engine.brian2_target.target import NumbaCodeObject
from spikefa.errors import ArgumentError

# Brian2 looks for very large values in float32 states by comparing them with 1e50.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")

N = 200


@pytest.fixture(autouse=True)
def numpy_elsewhere():
    """Monitors and synapses on numpy: this file has no need of a C++ compiler."""
    target, seed = prefs.codegen.target, prefs.spikefa.seed
    prefs.codegen.target = "numpy"
    yield
    prefs.codegen.target, prefs.spikefa.seed = target, seed


BERNOULLI = ["s = int(rand() < p)\nz = randn()", "w += rand()*my_rand"]


def spiking(codeobj_class, chunks=1, seed=5, units=N, dtype=np.float64):
    """Spikes, and the last normal numbers, of a population that draws in statements and in a threshold."""
    statements, draws = number_draws([*BERNOULLI, "rand() < 0.05 and s > 0", "w = rand()"])
    group = NeuronGroup(
        units,
        "p : 1\ns : 1\nz : 1\nw : 1\nmy_rand : 1",
        threshold=statements[2],
        reset=statements[3],
        codeobj_class=codeobj_class,
        dtype=dtype,
    )
    make = {"uniform": counter_random, "normal": counter_normal}
    seeds = np.array([seed], dtype=np.uint64)
    for name, kind, k in draws:
        group.namespace[name] = make[kind](seeds, "layer", k, group.clock, dtype)
    group.p, group.my_rand = 0.25, 2
    for statement in statements[:2]:
        group.run_regularly(statement, when="start")
    monitor = SpikeMonitor(group, codeobj_class=NumpyCodeObject)
    network = Network(group, monitor)
    for _ in range(chunks):
        network.run(6 * ms / chunks)
    return np.array(monitor.i), np.array(monitor.t), np.array(group.z), np.array(group.w)


def test_draws_are_numbered():
    strings, draws = number_draws(["a = rand() + randn ( )*my_rand()", "b = rand( ) < brand() + rand_in"])
    assert strings == ["a = rand_0() + randn_1()*my_rand()", "b = rand_2() < brand() + rand_in"]
    assert draws == [("rand_0", "uniform", 0), ("randn_1", "normal", 1), ("rand_2", "uniform", 2)]
    assert number_draws([]) == ([], [])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_spikes_on_numpy_and_in_chunks(dtype):
    once = spiking(NumbaCodeObject, dtype=dtype)
    assert 100 < len(once[0]) < 220  # 150 expected
    for other in (spiking(NumpyCodeObject, dtype=dtype), spiking(NumbaCodeObject, chunks=3, dtype=dtype)):
        for a, b in zip(once, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
    assert not np.array_equal(once[2], spiking(NumbaCodeObject, seed=6, dtype=dtype)[2])


@pytest.mark.skipif(not shutil.which("g++") and not shutil.which("clang++"), reason="needs a C++ compiler")
@pytest.mark.slow
def test_same_spikes_on_cython():
    ours, cythons = spiking(NumbaCodeObject), spiking(CythonCodeObject)
    for a, b in zip(ours, cythons, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_same_spikes_with_any_number_of_threads():
    threads = numba.get_num_threads()
    results = []
    try:
        for count in {1, threads}:
            numba.set_num_threads(count)
            results.append(spiking(NumbaCodeObject, units=20_011, chunks=2))
    finally:
        numba.set_num_threads(threads)
    for result in results:
        for a, b in zip(result, spiking(NumpyCodeObject, units=20_011), strict=True):
            np.testing.assert_array_equal(a, b)
    # The first units do as they do in a smaller population.
    small = spiking(NumbaCodeObject)
    assert np.array_equal(results[0][0][results[0][0] < N], small[0])


def test_wrong_seed_array():
    clock = Clock(1 * ms)
    with pytest.raises(ArgumentError, match="seed_array must be a uint64 array of length 1, got int64"):
        counter_random(np.array([1]), "layer", 0, clock)
    with pytest.raises(ArgumentError, match="dtype must be float32 or float64, got int32"):
        counter_normal(np.zeros(1, np.uint64), "layer", 0, clock, np.int32)


def stock(seed=0, chunks=1, extra=False):
    prefs.spikefa.seed = seed
    group = NeuronGroup(
        N,
        "dv/dt = -v/(5*ms) + xi/sqrt(5*ms) : 1\nu : 1\nw : 1\nk : 1 (shared)",
        method="euler",
        name="stock",
        codeobj_class=NumbaCodeObject,
    )
    group.run_regularly("a = rand()\nu = a - rand()", name="differences")
    group.run_regularly("w += rand()", name="often", dt=0.05 * ms)
    group.run_regularly("k = rand()", name="shared")
    others = NeuronGroup(3, "u : 1", name="others", codeobj_class=NumbaCodeObject)
    others.run_regularly("u = rand()")
    network = Network(group, others if extra else [])
    for _ in range(chunks):
        network.run(4 * ms / chunks)
    return {name: np.array(getattr(group, name)) for name in "vuwk"}


def test_stock_random_numbers_are_counter_based():
    once = stock()
    for other in (stock(chunks=2), stock(extra=True)):
        for name, values in once.items():
            assert np.array_equal(values, other[name])
    assert not np.array_equal(once["v"], stock(seed=1)["v"])
    # Two draws in one statement differ, and so do the two of an operation that runs twice a step.
    assert once["u"].std() == pytest.approx(6**-0.5, rel=0.2)
    assert once["w"].mean() == pytest.approx(40, rel=0.02)
    assert once["w"].std() == pytest.approx((80 / 12) ** 0.5, rel=0.2)
    assert once["v"].std() == pytest.approx(0.5**0.5, rel=0.2)
    assert 0 <= once["k"] < 1


def test_bad_seed_preference():
    with pytest.raises(Exception, match="-1"):
        prefs.spikefa.seed = -1
