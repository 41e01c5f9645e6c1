"""Escape noise in continuous time: rates by renewal theory, the order of the integration, learning, bad parameters."""

import math

import numpy as np
import pytest
from brian2 import Hz, SpikeMonitor, ms, mV
from test_brian2_reference import compare

import spikefa as fa
from spikefa.errors import ModelError
from spikefa.experiments import model_file
from spikefa.experiments.run import new_run, open_run

# SymPy needs 10 s for the exact solution, so that most tests integrate by Euler's method.
EULER = {"method": "euler", "target": "numpy"}
TINY = {"pixels": 64, "hidden": (8,), "outputs": 10, "dtype": "float64"} | EULER
POTENTIALS = np.array([-56.0, -52.0, -49.0, -46.0])


@pytest.fixture(scope="module")
def escape():
    return model_file.load("escape_lif")


def hazards(params):
    """Hazard of each clamped unit, in Hz."""
    return np.asarray(params.rho_threshold * np.exp((POTENTIALS * mV - params.threshold) / params.delta_u) / Hz)


def clamped(model, dt, streams, duration):
    """Spikes of each stream of units that are clamped, (units, streams), from 60 ms on."""
    sizes = {"pixels": 1, "hidden": (len(POTENTIALS),), "outputs": 10, "dt": dt * ms}
    net = model.build(model.params(sizes | EULER), streams, seed=2)
    fa.Clamp(net, "h1", "v", np.arange(len(POTENTIALS)), POTENTIALS * mV)
    net.run(60 * ms)  # that all began together is forgotten
    monitor = SpikeMonitor(net["h1"], record=False)
    net.add(monitor)
    net.run(duration * ms)
    return monitor.count[:].reshape(len(POTENTIALS), streams)


def renewal(params, dt):
    """Mean and variance (ms) of the intervals of clamped units: the refractory time, then steps of dt.

    The hazard acts for 1.5 dt in the first of them. If no spike comes there, a geometric number follows.
    """
    x = hazards(params) * dt * 1e-3
    p, left = 1 - np.exp(-x), np.exp(-1.5 * x)
    return float(params.t_ref / ms) + dt * (1 + left / p), left * (2 - p - left) / p**2 * dt**2


def deviations(model, dt, streams=500, duration=100):
    """How many standard errors the mean counts are off those of a renewal process in steps of dt, one a potential."""
    counts = clamped(model, dt, streams, duration)
    mean, variance = renewal(model.params(), dt)
    return (counts.mean(axis=1) - duration / mean) / np.sqrt(duration * variance / mean**3 / streams)


def test_rates_are_those_of_a_renewal_process(escape, tmp_path):
    """Four means: a false alarm in about 1 of 440,000 seeds. A probability rho dt in the place of 1 - exp(-rho dt) is
    far off, and so is a refractory time of dt less, or a first step like the others."""
    assert np.abs(deviations(escape, dt=1.0)).max() < 5
    for name, text, wrong in (
        ("linear", "1 - exp(-rho * dt * (1", "(rho * dt * (1"),
        ("early", "held = params.t_ref + params.dt", "held = params.t_ref"),
        ("late", "0.5 * int(", "0 * int("),
    ):
        assert text in escape.source
        (tmp_path / f"{name}.py").write_text(escape.source.replace(text, wrong))
        assert np.abs(deviations(model_file.load(tmp_path / f"{name}.py"), dt=1.0)).max() > 8


def test_rates_differ_from_the_formula_of_continuous_time_by_second_order(escape):
    """1 / (t_ref + 1 / rho): with dt of 1 ms intervals are off by less than 2 %, with 0.1 ms by a hundredth of that."""
    params = escape.params()
    formula = float(params.t_ref / ms) + 1e3 / hazards(params)
    coarse, fine = (renewal(params, dt)[0] / formula - 1 for dt in (1.0, 0.1))
    assert np.abs(coarse).max() < 0.02 and np.allclose(coarse / fine, 100, rtol=0.2)


@pytest.mark.parametrize("dt", [1.0, 0.25])
def test_input_spikes_are_a_poisson_process(escape, dt):
    params = escape.params({"pixels": 20_000, "hidden": (1,), "outputs": 10, "dt": dt * ms} | EULER)
    net = escape.build(params, seed=4)
    net["image"].x = 1
    net.run(1 * params.dt)
    counts, mean = net["image"].view("s"), float(params.input_rate * params.dt)
    assert abs(counts.mean() - mean) < 5 * np.sqrt(mean / counts.size)
    assert abs(counts.var() / mean - 1) < 5 * np.sqrt((2 + 1 / mean) / counts.size)


def test_feedback_lasts_as_long_at_any_dt(escape):
    """What a neuron receives acts for its time constant, up to second order; without the half step, to first order."""
    for dt in (1.0, 0.5):
        net = escape.build(escape.params(TINY | {"dt": dt * ms}))
        (feedback,) = (p for p in net.projections if p.post.name == "feedback_h1")
        feedback.W = np.ones(feedback.shape)
        fa.Clamp(net, "error_output", "delta", [0], 1)
        fa.Clamp(net, "error_output", "delta", np.arange(1, 10), 0)
        net.run(80 * ms)  # a spike a step, for 8 time constants
        acting = net["feedback_h1"].view("u") - 0.5
        tau = (dt / 10) / -np.log1p(-dt / 10) * 10  # of Euler's method, which decays by 1 - dt / tau
        assert np.allclose(acting * dt, tau, rtol=(dt / 10) ** 2 + np.exp(-8))


def integration_error(model, method, dt):
    """Largest error of a potential (mV), 20 ms after a synaptic drive of 10 mV, without spikes."""
    quiet = {"method": method, "dt": dt * ms, "threshold": "1 volt"}
    net = model.build(model.params(TINY | quiet))
    net["h1"].drive = 10
    net.run(20 * ms)
    params = model.params()
    m, s = (float(tau / ms) for tau in (params.tau_m, params.tau_s))
    exact = -60 + 10 * s / (s - m) * (math.exp(-20 / s) - math.exp(-20 / m))
    return np.abs(net["h1"].view("v") * 1e3 - exact).max()


def test_euler_is_of_first_order(escape):
    coarse, fine = (integration_error(escape, "euler", dt) for dt in (0.5, 0.25))
    assert fine > 1e-3 and 0.9 < np.log2(coarse / fine) < 1.1


@pytest.mark.slow
def test_exact_is_exact(escape):
    assert integration_error(escape, "exact", 2.0) < 1e-12


def test_stock_brian2_has_the_same_trajectories(escape, digits):
    strong = {"eta": "2 mV", "weight_range": "9 mV", "feedback_range": 2.0, "duration": "4 ms", "dt": "1 ms"}
    compare(escape.build(escape.params(TINY | strong), seed=3), digits)


def test_it_learns_digits(escape, digits):
    params = escape.params({"dt": "1 ms", "eta": "0.1 mV"} | EULER, preset="digits")
    net = escape.build(params, streams=100, seed=1)
    before = net["image_to_h1"].W.copy()
    net.stimulus.show_images(digits.train_images[:800], digits.train_labels[:800])
    net.run_steps(8 * params.steps_per_image)
    assert fa.error(net, digits.test_images[:100], digits.test_labels[:100], params.test_steps) < 0.6
    assert np.abs(net["image_to_h1"].W - before).max() > 1


def test_a_run_shows_images_for_the_same_time_at_any_dt(tmp_path):
    for dt, steps in (("1 ms", 100), ("0.1 ms", 1000)):
        made = new_run(tmp_path / dt, "escape_lif", {"dt": dt}, preset="digits", data="digits")
        made.create()
        opened = open_run(made.directory)
        assert (opened.config.test_steps, opened.config.recording_steps) == (steps, steps)
        assert opened.params.steps_per_image == steps and float(opened.params.dt) == float(made.params.dt)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": ()}, r"hidden must name at least one hidden layer, got \(\)"),
        ({"dt": "0 ms"}, "dt must be above 0 ms, got '0 ms'"),
        ({"dt": "0.3 ms"}, "duration must be a multiple of dt, 300. us, got 100. ms"),
        ({"t_ref": "4.2 ms"}, "t_ref must be a multiple of dt, 0.5 ms, got 4.2 ms"),
        (
            {"tau_s": "10 ms"},
            "tau_s must be other than tau_m with the method exact, got 10. ms",
        ),
        ({"threshold": "50 Hz"}, "threshold must be a quantity in mV, such as 1 mV, got '50 Hz'"),
    ],
)
def test_bad_parameters_are_refused(escape, changes, message):
    with pytest.raises(ModelError, match=f"^Model 'escape_lif': {message}$"):
        escape.params(changes)
