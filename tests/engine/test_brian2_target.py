"""The numba target: what its kernels compute, what it leaves to numpy, and how kernels are kept."""

import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from brian2 import (
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
    prefs,
)
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.core.base import BrianObjectException
from numba import njit, prange

from spikefa.engine import generated
from spikefa.engine.brian2_target.target import NumbaCodeGenerator, NumbaCodeObject
from spikefa.engine.kernels.denormals import flush_denormals, restore

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
        "x % 0.7",
        "(-x) // 0.3",
        "n % 3 + (-n) % 4",
        "n // 2 - (-n) // 3",
        "n / 4",
        "2**(-1)*x",
        "x**3",
        "abs(x)**0.3",
        "x**-2",
        "abs(-n) + sign(-n)",
        "sign(x)",
        "clip(x, -0.5, 0.5)",
        "clip(n, 2, 5)",
        "floor(x) + ceil(x)",
        "sin(x) + cos(x)*tan(x)",
        "arcsin(x/9) + arccos(x/9) - arctan(x)",
        "sinh(x) - cosh(x)*tanh(x)",
        "exp(x) + expm1(x) + exprel(x)",
        "log(abs(x)) + log10(abs(x))",
        "log1p(abs(x))",
        "sqrt(abs(x))",
        "int(x > 0.5)*x + int(x)",
        "int(on and x > 0) - int(not on or n == 3)",
        "int(n != 3 and (x >= 0.1 or x <= -0.1))",
        "pi*e*x + 1e-3",
        "timestep(x*ms, dt)",
        "x*inf",
        "+x - -n",
        "1/(1 + exp(-x))",
        "n*0.5 + i",
        "x/0",
        "t/ms + dt/ms*x",
    ]

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
    (code,) = group.state_updater.codeobj.kernel.inspect_llvm().values()
    assert re.search(r"<\d+ x float>", code)
    assert not re.search(r"<\d+ x double>", code)


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
    from spikefa.engine.brian2_target.target import NumbaCodeObject
    prefs.codegen.target = "numpy"
    group = NeuronGroup(10, "dv/dt = (1 - v)/(7*ms) : 1", threshold="v > 0.5", reset="v = 0",
                        method="euler", codeobj_class=NumbaCodeObject)
    Network(group).run(1*ms)
    for runner in (group.state_updater, group.thresholder["spike"], group.resetter["spike"]):
        stats = runner.codeobj.kernel.stats
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


def test_equal_models_share_a_kernel_whatever_their_names_and_a_second_run_compiles_nothing(empty_cache):
    groups = [
        NeuronGroup(
            4, equations, method="euler", codeobj_class=NumbaCodeObject, namespace={"tau": 5 * ms, "tau_2": 7 * ms}
        )
        for equations in ("dv/dt = (x - v)/tau : 1\nx : 1", "drange/dt = (tanh_2 - range)/tau_2 : 1\ntanh_2 : 1")
    ]
    for group in groups:
        group.set_states({name: 1.0 for name in ("x", "tanh_2") if name in group.variables})
    network = Network(groups)
    network.run(1 * ms)
    network.run(1 * ms)
    one, other = (group.state_updater.codeobj.kernel for group in groups)
    assert one is other and len(one.signatures) == 1
    assert len(list(empty_cache.glob("*.py"))) == 1
    for values, tau in ((groups[0].v[:], 5), (groups[1].range[:], 7)):
        np.testing.assert_allclose(values, 1 - (1 - 0.1 / tau) ** 20)  # steps of 0.1 ms


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPIKEFA_CACHE", str(tmp_path / "file"))
    generated.clear()
    group = NeuronGroup(4, "dv/dt = (1 - v)/(3*ms) : 1", method="euler", codeobj_class=NumbaCodeObject)
    Network(group).run(1 * ms)
    assert 0 < group.v[0] < 1


@pytest.mark.parametrize("units", [10, 20_000])
def test_denormals_are_flushed_in_kernels_and_nowhere_else(units):
    group = NeuronGroup(units, "x : 1", codeobj_class=NumbaCodeObject)
    group.x = 1e-310
    group.run_regularly("x = 0.5*x")
    Network(group).run(0.1 * ms)
    assert np.all(np.array(group.x) == 0)
    assert np.all(np.full(1000, 1e-310) * 0.5 > 0)


@njit
def _refuse(x):
    if x > 0:
        raise ValueError("x is", x)
    return x


@njit(parallel=True)
def _halves(x):
    for k in prange(x.size):
        x[k] *= 0.5


@pytest.mark.parametrize("units", [10, 20_000])
def test_a_function_that_raises_is_told_and_leaves_no_denormals_flushed(units):
    function = Function(lambda x: x, arg_units=[1], return_unit=1)
    function.implementations.add_implementation("numba", code=_refuse)
    group = NeuronGroup(units, "x : 1", codeobj_class=NumbaCodeObject, namespace={"f": function})
    group.x = 3
    group.run_regularly("x = f(x)")
    with pytest.raises(BrianObjectException) as error:
        Network(group).run(0.1 * ms)
    assert error.value.__cause__.args == ("x is", 3) and isinstance(error.value.__cause__, ValueError)
    halves = np.full(1000, 1e-310)
    _halves(halves)  # on all threads
    assert np.all(halves > 0)


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
