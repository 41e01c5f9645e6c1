"""The numba target: Brian2's own example models on it and on the numpy target, side by side."""

import os
import re
import shutil
import subprocess
import sys
import textwrap

import numba
import numpy as np
import pytest
from brian2 import (
    Clock,
    Function,
    Network,
    NeuronGroup,
    PoissonGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    TimedArray,
    check_units,
    linked_var,
    ms,
    mV,
    nA,
    nS,
    pF,
    prefs,
    usiemens,
)
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.core.base import BrianObjectException
from numba import njit

from spikefa.engine import kernel_cache
from spikefa.engine.denormals import flush_denormals, restore
from spikefa.engine.random import counter_normal, counter_random, number_draws
from spikefa.engine.target import NumbaCodeGenerator, NumbaCodeObject

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


def spread(low, high, n=N):
    return np.linspace(low, high, n)


# Each model: equations, keywords of NeuronGroup, namespace, initial values, duration.
# The names are those of the examples in Brian2's documentation.
MODELS = {
    "lif with refractoriness": (  # introduction_to_brian_part_1/2: IF_curve_LIF
        """dv/dt = (v0 - v)/tau : volt (unless refractory)
        v0 : volt""",
        dict(threshold="v > 10*mV", reset="v = 0*mV", refractory=5 * ms, method="exact"),
        dict(tau=10 * ms),
        dict(v0=spread(0, 20) * mV),
        100 * ms,
    ),
    "cuba": (
        """dv/dt = (ge + gi - (v - El))/taum : volt (unless refractory)
        dge/dt = -ge/taue : volt
        dgi/dt = -gi/taui : volt""",
        dict(threshold="v > Vt", reset="v = Vr", refractory=5 * ms, method="exact"),
        dict(taum=20 * ms, taue=5 * ms, taui=10 * ms, Vt=-50 * mV, Vr=-60 * mV, El=-49 * mV),
        dict(v=spread(-60, -50) * mV, ge=spread(0, 20) * mV, gi=-spread(20, 0) * mV),
        100 * ms,
    ),
    "cobahh": (
        """dv/dt = (gl*(El - v) + ge*(Ee - v) + gi*(Ei - v)
                 - g_na*(m*m*m)*h*(v - ENa) - g_kd*(n*n*n*n)*(v - EK))/Cm : volt
        dm/dt = alpha_m*(1 - m) - beta_m*m : 1
        dn/dt = alpha_n*(1 - n) - beta_n*n : 1
        dh/dt = alpha_h*(1 - h) - beta_h*h : 1
        dge/dt = -ge/taue : siemens
        dgi/dt = -gi/taui : siemens
        alpha_m = 0.32*(mV**-1)*4*mV/exprel((13*mV - v + VT)/(4*mV))/ms : Hz
        beta_m = 0.28*(mV**-1)*5*mV/exprel((v - VT - 40*mV)/(5*mV))/ms : Hz
        alpha_h = 0.128*exp((17*mV - v + VT)/(18*mV))/ms : Hz
        beta_h = 4./(1 + exp((40*mV - v + VT)/(5*mV)))/ms : Hz
        alpha_n = 0.032*(mV**-1)*5*mV/exprel((15*mV - v + VT)/(5*mV))/ms : Hz
        beta_n = .5*exp((10*mV - v + VT)/(40*mV))/ms : Hz""",
        dict(threshold="v > -20*mV", refractory=3 * ms, method="exponential_euler"),
        dict(
            Cm=200 * pF, gl=10 * nS, g_na=20 * usiemens, g_kd=6 * usiemens, El=-60 * mV, EK=-90 * mV,
            ENa=50 * mV, VT=-63 * mV, taue=5 * ms, taui=10 * ms, Ee=0 * mV, Ei=-80 * mV,
        ),
        dict(v=spread(-70, -55) * mV, ge=spread(0, 60) * nS, gi=spread(200, 0) * nS),
        20 * ms,
    ),
    "adaptive threshold": (
        """dv/dt = -v/(10*ms) : volt
        dvt/dt = (10*mV - vt)/(15*ms) : volt
        drive : volt""",
        dict(threshold="v > vt", reset="v = 0*mV; vt += 3*mV", method="exact"),
        {},
        dict(vt=10 * mV, v=spread(0, 40) * mV, drive=spread(1, 3) * mV),
        50 * ms,
    ),
    "izhikevich": (
        """dv/dt = (0.04/ms/mV)*v**2 + (5/ms)*v + 140*mV/ms - w + drive : volt
        dw/dt = (0.02/ms)*((0.2/ms)*v - w) : volt/second
        drive : volt/second""",
        dict(threshold="v > 30*mV", reset="v = -65*mV; w += 8*mV/ms", method="euler"),
        {},
        dict(v=-65 * mV, w=-13 * mV / ms, drive=spread(0, 15) * mV / ms),
        100 * ms,
    ),
    "adex, brette and gerstner 2005": (
        """dvm/dt = (gL*(EL - vm) + gL*DeltaT*exp((vm - VT)/DeltaT) + I - w)/C : volt
        dw/dt = (a*(vm - EL) - w)/tauw : amp
        I : amp""",
        dict(threshold="vm > Vcut", reset="vm = Vr; w += b", method="euler"),
        dict(
            C=281 * pF, gL=30 * nS, EL=-70.6 * mV, VT=-50.4 * mV, DeltaT=2 * mV, Vcut=-40.4 * mV,
            tauw=40 * ms, a=4 * nS, b=0.08 * nA, Vr=-70.6 * mV,
        ),
        dict(vm=-70.6 * mV, I=spread(0, 2) * nA),
        50 * ms,
    ),
    "van der pol, rk4": (
        """dx/dt = y/(10*ms) : 1
        dy/dt = (mu*(1 - x**2)*y - x)/(10*ms) : 1
        mu : 1 (constant)""",
        dict(method="rk4"),
        {},
        dict(x=1, y=spread(-1, 1), mu=spread(0, 3)),
        100 * ms,
    ),
    "shared variables, subexpressions, booleans": (
        """dv/dt = (amplitude*active - v)/tau + bias/tau : 1
        amplitude = 1 + sin(2*pi*10*Hz*t)*gain : 1 (shared)
        bias = 0.1*i/N : 1 (constant over dt)
        gain : 1 (shared)
        active = int(on and not (v > 1.2) or i % 3 == 0) : 1
        on : boolean
        count : integer
        phase = v % 0.3 - (-v) // 0.25 : 1
        tau : second""",
        dict(threshold="v > 0.9 and on", reset="v -= 0.5; count += 1", refractory="v > 0.95", method="euler"),
        {},
        dict(tau=spread(5, 20) * ms, gain=0.7, on="i % 2 == 0"),
        100 * ms,
    ),
}  # fmt: skip


def simulate(name, codeobj_class, dtype=np.float64, chunks=1):
    model, keywords, namespace, start, duration = MODELS[name]
    group = NeuronGroup(N, model, namespace=namespace, codeobj_class=codeobj_class, dtype=dtype, **keywords)
    for variable, value in start.items():
        setattr(group, variable, value)
    monitors = [SpikeMonitor(group)] if "threshold" in keywords else []
    network = Network(group, monitors)
    for _ in range(chunks):
        network.run(duration / chunks)
    if codeobj_class is NumbaCodeObject:
        used = [runner.codeobj for runner in group.contained_objects if runner.codeobj is not None]
        assert used and all(isinstance(codeobj, NumbaCodeObject) for codeobj in used)
    state = {v: np.array(group.state(v, use_units=False)) for v in group.equations.names}
    state["not_refractory"] = np.array(group.not_refractory) if "refractory" in keywords else None
    return state, [np.array(x) for m in monitors for x in (m.i, m.t)]


@pytest.mark.parametrize("name", MODELS)
def test_model_is_numpys(name):
    state, spikes = simulate(name, NumbaCodeObject)
    expected, expected_spikes = simulate(name, NumpyCodeObject)
    assert len(spikes) == 0 or len(spikes[0]) > 20
    for one, other in zip(spikes, expected_spikes, strict=True):
        assert np.array_equal(one, other)
    for variable, values in state.items():
        if values is not None:
            np.testing.assert_allclose(values, expected[variable], rtol=1e-10, atol=1e-13, err_msg=variable)
    single, single_spikes = simulate(name, NumbaCodeObject, np.float32, chunks=2)
    for one, other in zip(single_spikes[:1], spikes, strict=False):
        assert abs(len(one) - len(other)) <= 0.03 * len(other) + 2
    for variable, values in single.items():
        if values is not None and values.dtype == np.float32:
            close = np.isclose(values, expected[variable], rtol=1e-2, atol=1e-3 * np.abs(values).max())
            assert close.mean() > 0.9, variable


# --- what Brian2's examples above do not contain ----------------------------------------------


def on_both(build, duration=5 * ms):
    """State of all the groups that `build(codeobj_class)` returns, after a run on numba and on numpy."""
    results = []
    for codeobj_class in (NumbaCodeObject, NumpyCodeObject):
        groups, others = build(codeobj_class)
        Network(groups, others).run(duration)
        results.append([{v: np.array(g.state(v, False)) for v in g.equations.names} for g in groups])
    for ours, numpys in zip(*results, strict=True):
        for name, values in ours.items():
            np.testing.assert_allclose(values, numpys[name], rtol=1e-12, atol=1e-14, err_msg=name)
    return results[0]


def test_linked_variables():
    def build(cls):
        # Named, as ties in the schedule are sorted by name.
        a, b, c = (f"{letter}_{cls.class_name}" for letter in "abc")
        kind = dict(method="euler", codeobj_class=cls)
        a = NeuronGroup(3, "dx/dt = (y - x)/(2*ms) : 1\ny : 1", name=a, **kind)
        a.y = [1, 2, 3]
        b = NeuronGroup(N, "dz/dt = (x - z*k)/(3*ms) : 1\nx : 1 (linked)\nk : 1 (linked)", name=b, **kind)
        c = NeuronGroup(1, "k : 1 (shared)", name=c, **kind)
        c.k = 0.5
        b.x = linked_var(a, "x", index=np.arange(N) % 3)
        b.k = linked_var(c, "k")
        return [a, b, c], []

    state = on_both(build)
    assert np.unique(state[1]["z"]).size == 3


def test_run_regularly_subgroups_and_custom_events():
    def build(cls):
        group = NeuronGroup(
            N,
            """dv/dt = 1/(5*ms) : 1
            level : 1 (shared)
            top : integer
            hits : integer""",
            threshold="v > level",
            reset="v = 0",
            events={"ceiling": "v > 0.5*level"},
            method="euler",
            codeobj_class=cls,
        )
        group.v = np.linspace(0, 1, N)
        group.run_regularly("level = 0.5 + 0.1*t/ms", when="start")
        group.run_regularly("v += 0.01*i/N", dt=0.2 * ms, when="end")
        group[10:20].run_regularly("top = top + 1")
        group.run_on_event("ceiling", "hits += 1")
        return [group], []

    (state,) = on_both(build)
    assert state["top"].sum() == 10 * 50
    assert state["hits"].sum() > 1000


def test_every_operator_and_function():
    expressions = [
        "x % 0.7", "(-x) // 0.3", "n % 3 + (-n) % 4", "n // 2 - (-n) // 3", "n / 4", "2**(-1)*x", "x**3",
        "abs(x)**0.3", "x**-2", "abs(-n) + sign(-n)", "sign(x)", "clip(x, -0.5, 0.5)", "clip(n, 2, 5)",
        "floor(x) + ceil(x)", "sin(x) + cos(x)*tan(x)", "arcsin(x/9) + arccos(x/9) - arctan(x)",
        "sinh(x) - cosh(x)*tanh(x)", "exp(x) + expm1(x) + exprel(x)", "log(abs(x)) + log10(abs(x))",
        "log1p(abs(x))", "sqrt(abs(x))", "int(x > 0.5)*x + int(x)", "int(on and x > 0) - int(not on or n == 3)",
        "int(n != 3 and (x >= 0.1 or x <= -0.1))", "pi*e*x + 1e-3", "timestep(x*ms, dt)", "x*inf", "+x - -n",
        "1/(1 + exp(-x))", "n*0.5 + i", "x/0", "t/ms + dt/ms*x",
    ]  # fmt: skip

    def build(cls):
        names = [f"y{k}" for k in range(len(expressions))]
        model = "x : 1\nn : integer\non : boolean\n" + "\n".join(f"{name} : 1" for name in names)
        group = NeuronGroup(N, model, codeobj_class=cls)
        group.x, group.n, group.on = spread(-3.03, 3.1), np.arange(N) % 9 + 1, np.arange(N) % 2 == 0
        group.run_regularly("\n".join(f"{n} = {e}" for n, e in zip(names, expressions, strict=True)))
        return [group], []

    with np.errstate(all="ignore"):
        (state,) = on_both(build, 0.2 * ms)
    assert np.isinf(state[f"y{len(expressions) - 2}"]).all()


@pytest.fixture
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SPIKEFA_CACHE", str(tmp_path / "kernels"))
    monkeypatch.setattr(kernel_cache, "_loaded", {})
    return tmp_path / "kernels"


def test_a_float32_group_is_vectorised_in_float32(empty_cache):
    group = NeuronGroup(
        N,
        """dv/dt = (2*amplitude*i - v**2 + exp(-0.5*v) + int(v > 1)*x + y + z)/tau : 1
        dx/dt = (tanh(v) - x)/tau : 1
        dy/dt = (1/(1 + exp(-x)) - y)/tau : 1
        dz/dt = (clip(x, 0, 1) - z)/tau : 1
        amplitude : 1 (shared)""",
        method="euler",
        codeobj_class=NumbaCodeObject,
        dtype=np.float32,
        namespace={"tau": 10 * ms},
    )
    Network(group).run(0.2 * ms)
    (code,) = group.state_updater.codeobj._kernel.inspect_llvm().values()
    assert re.search(r"<\d+ x float>", code)
    assert not re.search(r"<\d+ x double>", code)


# --- random numbers ----------------------------------------------------------------------------

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
    with pytest.raises(TypeError, match="seed_array must be a uint64 array of length 1, got int64"):
        counter_random(np.array([1]), "layer", 0, clock)
    with pytest.raises(TypeError, match="dtype must be float32 or float64, got int32"):
        counter_normal(np.zeros(1, np.uint64), "layer", 0, clock, np.int32)


def stock(seed=0, chunks=1, extra=False):
    prefs.spikefa.seed = seed
    group = NeuronGroup(
        N, "dv/dt = -v/(5*ms) + xi/sqrt(5*ms) : 1\nu : 1\nw : 1\nk : 1 (shared)", method="euler",
        name="stock", codeobj_class=NumbaCodeObject,
    )  # fmt: skip
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


# --- fallback, cache, denormals ----------------------------------------------------------------


@check_units(x=1, result=1)
def doubled(x):
    return 2 * x


def test_what_has_no_kernel_runs_on_numpy():
    prefs.codegen.target = "numba"
    source = PoissonGroup(50, 200 / (1000 * ms))
    group = NeuronGroup(
        4,
        "dv/dt = (doubled(drive(t)) - v)/(10*ms) : 1",
        threshold="v > 1.5",
        reset="v = 0",
        method="euler",
        namespace={"drive": TimedArray([0.5, 1], dt=10 * ms), "doubled": doubled},
    )
    synapses = Synapses(source, group, "w : 1", on_pre="v_post += w")
    synapses.connect(p=0.5)
    synapses.w = "0.01*rand()"
    monitors = SpikeMonitor(group), StateMonitor(group, "v", record=True), SpikeMonitor(source)
    Network(source, group, synapses, monitors).run(30 * ms)
    assert isinstance(group.state_updater.codeobj, NumpyCodeObject)
    assert isinstance(group.thresholder["spike"].codeobj, NumbaCodeObject)
    assert isinstance(source.thresholder["spike"].codeobj, NumbaCodeObject)
    assert monitors[0].num_spikes > 0
    assert monitors[2].num_spikes == pytest.approx(300, rel=0.25)
    assert monitors[1].v.shape == (4, 300)


def test_a_users_compiled_function():
    square = Function(lambda x: x * x, arg_units=[1], return_unit=1)
    square.implementations.add_implementation(NumbaCodeGenerator, code=njit(lambda x: x * x))

    def build(cls):
        group = NeuronGroup(N, "x : 1\ny : 1", codeobj_class=cls, namespace={"square": square})
        group.x = spread(0, 3)
        group.run_regularly("y = square(x + 1)")
        if cls is NumbaCodeObject:
            built.append(group)
        return [group], []

    built = []
    on_both(build)
    assert isinstance(built[0].contained_objects[-1].codeobj, NumbaCodeObject)


def test_an_error_names_the_code_object():
    def run(code):
        function = Function(lambda x: x, arg_units=[1], return_unit=1)
        function.implementations.add_implementation("numba", code=code)
        group = NeuronGroup(3, "x : 1", codeobj_class=NumbaCodeObject, namespace={"f": function})
        group.run_regularly("x = f(x)", name="poor_thing")
        Network(group).run(1 * ms)

    with pytest.raises(BrianObjectException, match="kernel of code object 'poor_thing_codeobject' failed"):
        run(njit(lambda x: x.no_such_thing))
    with pytest.raises(BrianObjectException) as error:
        run(lambda x: x)
    assert "implementation of 'f' must be a numba.njit function, got <function" in str(error.value.__cause__)


PROCESS = """
    from brian2 import NeuronGroup, Network, ms, prefs
    from spikefa.engine.target import NumbaCodeObject
    prefs.codegen.target = "numpy"
    group = NeuronGroup(10, "dv/dt = (1 - v)/(7*ms) : 1", threshold="v > 0.5", reset="v = 0",
                        method="euler", codeobj_class=NumbaCodeObject)
    Network(group).run(1*ms)
    for runner in (group.state_updater, group.thresholder["spike"], group.resetter["spike"]):
        stats = runner.codeobj._kernel.stats
        print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def test_a_second_process_does_not_compile(tmp_path):
    environment = os.environ | {"SPIKEFA_CACHE": str(tmp_path)}

    def hits_and_misses():
        command = [sys.executable, "-c", textwrap.dedent(PROCESS)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert hits_and_misses() == ["0", "1"] * 3
    assert hits_and_misses() == ["1", "0"] * 3
    sources = list(tmp_path.glob("*.py"))
    assert len(sources) == 3 and not list(tmp_path.glob("*.tmp"))


def test_a_spoiled_source_is_written_anew(empty_cache):
    source = "kernel = abs\n"
    assert kernel_cache.load_kernel(source) is abs
    (path,) = empty_cache.glob("*.py")
    path.write_text("raise RuntimeError")
    kernel_cache._loaded.clear()
    assert kernel_cache.load_kernel(source) is abs
    assert path.read_text() == source


def test_equal_models_share_a_kernel_and_a_second_run_compiles_nothing(empty_cache):
    groups = [
        NeuronGroup(4, "dv/dt = (x - v)/tau : 1\nx : 1", method="euler", codeobj_class=NumbaCodeObject,
                    namespace={"tau": tau})
        for tau in (5 * ms, 7 * ms)
    ]  # fmt: skip
    network = Network(groups)
    network.run(1 * ms)
    network.run(1 * ms)
    assert len(kernel_cache._loaded) == 1
    (kernel,) = kernel_cache._loaded.values()
    assert len(kernel.signatures) == 1


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPIKEFA_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(kernel_cache, "_loaded", {})
    group = NeuronGroup(4, "dv/dt = (1 - v)/(3*ms) : 1", method="euler", codeobj_class=NumbaCodeObject)
    Network(group).run(1 * ms)
    assert 0 < group.v[0] < 1


def test_where_kernels_are_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("SPIKEFA_CACHE", "")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/numba")
    assert str(kernel_cache.cache_folder()) == os.path.join("/numba", "spikefa")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert str(kernel_cache.cache_folder()) == os.path.join("/xdg", "spikefa", "kernels")


@pytest.mark.parametrize("units", [10, 20_000])
def test_denormals_are_flushed_in_kernels_and_nowhere_else(units):
    group = NeuronGroup(units, "x : 1", codeobj_class=NumbaCodeObject)
    group.x = 1e-310
    group.run_regularly("x = 0.5*x")
    Network(group).run(0.1 * ms)
    assert np.all(np.array(group.x) == 0)
    assert np.all(np.full(1000, 1e-310) * 0.5 > 0)


def test_flush_and_restore():
    @njit
    def halves(x):
        before = x[0] * 0.5
        old = flush_denormals()
        y = np.empty_like(x)
        for k in range(x.size):
            y[k] = x[k] * 0.5
        restore(old)
        return before, y, x[1] * 0.5

    before, flushed, after = halves(np.full(3, 1e-310))
    assert before > 0 and after > 0
    assert np.array_equal(flushed, np.zeros(3))
