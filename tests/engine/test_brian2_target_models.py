"""Brian2's own example models on the numba target and on numpy's, side by side."""

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, SpikeMonitor, ms, mV, nA, nS, pF, prefs, usiemens
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject

from spikefa.engine.brian2_target.target import NumbaCodeObject

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
            Cm=200 * pF,
            gl=10 * nS,
            g_na=20 * usiemens,
            g_kd=6 * usiemens,
            El=-60 * mV,
            EK=-90 * mV,
            ENa=50 * mV,
            VT=-63 * mV,
            taue=5 * ms,
            taui=10 * ms,
            Ee=0 * mV,
            Ei=-80 * mV,
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
            C=281 * pF,
            gL=30 * nS,
            EL=-70.6 * mV,
            VT=-50.4 * mV,
            DeltaT=2 * mV,
            Vcut=-40.4 * mV,
            tauw=40 * ms,
            a=4 * nS,
            b=0.08 * nA,
            Vr=-70.6 * mV,
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
}


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


#: Those that take longest to compile.
LONG = ("cuba", "cobahh", "adex, brette and gerstner 2005", "adaptive threshold")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in LONG else n for n in MODELS])
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
