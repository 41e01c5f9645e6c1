"""Convergence in dt: a network of integrate-and-fire neurons with escape noise that learns, at four time steps.

The network is ``models/escape_lif.py``: escape noise after Gerstner, Kistler, Naud & Paninski (2014), Neuronal
Dynamics, chapter 9, which learns by feedback alignment, after Lillicrap, Cownden, Tweed & Akerman (2016), Nature
Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows, with dt of 1, 0.5, 0.25 and 0.1 ms: (a) test errors on the 8 x 8 digits, (b) the standard deviation of each
projection's learned weights, and (c) rates while the network learns; and how likely their differences are by the
scatter of the seeds alone. (d) The rate of neurons at a constant potential, and 1 / (t_ref + 1 / rho). (e) The error of
a potential without spikes, whose slope is 1 with Euler's method. (f) How far a potential strays in time while one image
is shown: in this network, and in the published one (``models/lillicrap2016_spiking.py``), which draws one spike a step.
There a smaller dt / tau = a averages the noise away, as sqrt(a / (2 - a)). Arguments: figure (``convergence.png``),
seeds (3), epochs (5), and where runs are kept (a temporary directory): given, an interrupted study goes on. The numbers
are in ``docs/results/escape_lif.md``. Full run: about 20 minutes of one core.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, mean_sd, save, tidy
from brian2 import Hz, SpikeMonitor, StateMonitor, ms, mV
from matplotlib.figure import Figure
from scipy.stats import f_oneway, ttest_ind

import spikefa as fa
from spikefa.datasets import load
from spikefa.experiments import model_file
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, INK, ORANGE, STYLE, VERMILLION

GIVEN = sys.argv[2:4]
SEEDS, EPOCHS = (1, 1) if QUICK else (int(n) for n in [*GIVEN, *["3", "5"][len(GIVEN) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
STEPS = (1.0, 0.5) if QUICK else (1.0, 0.5, 0.25, 0.1)  # dt in ms
NUMPY = {"target": "numpy"}  # in small networks compiling would take longer
# Of the quick mode: SymPy needs 10 s for the exact solution.
SMALL = {"hidden": (20,), "outputs": 10, "duration": "20 ms", "test_duration": "20 ms", "method": "euler"} | NUMPY
EULER = {"method": "euler"} if QUICK else {}
ESCAPE, PER_STEP = model_file.load("escape_lif"), model_file.load("lillicrap2016_spiking")
IMAGES = load("digits").test_images
RESULTS = results_beside(__file__)
POTENTIALS = np.linspace(-60, -46, 8)  # mV
LEARNED = {"image_to_h1": "into the hidden layer", "h1_to_output": "into the output"}
RATES = {"rate_hz_h1": "hidden layer", "rate_hz_output": "output"}
MEASURED = (
    "test error (%)",
    *(f"weights {name} (mV)" for name in LEARNED.values()),
    *(f"rate of the {name} (Hz)" for name in RATES.values()),
)


def study(dt, seed):
    """Train at one dt: the test error (%), the standard deviation of each projection's weights (mV), rates (Hz)."""
    run = new_run(
        KEPT / f"dt{dt:g}-{seed}",
        "escape_lif",
        {"dt": f"{dt} ms"} | (SMALL if QUICK else {}),
        preset="digits",
        data="digits",
        seed=seed,
        epochs=EPOCHS,
        evaluate_every=EPOCHS,
        record_activity=False,
    )
    rows = run.train(print)
    weights = run.weights()
    return [
        100 * rows["test_error"][-1],
        *(weights[name].std() for name in LEARNED),
        *(rows[name][-1] for name in RATES),
    ]


def rates(step, milliseconds=60 if QUICK else 400, streams=20 if QUICK else 100):
    """Return the rates (Hz) of neurons clamped to `POTENTIALS`, those of the formula, and 5 standard errors."""
    sizes = {"pixels": 1, "hidden": (len(POTENTIALS),), "outputs": 10}
    params = ESCAPE.params(sizes | NUMPY | EULER | {"dt": f"{step} ms"})
    net = ESCAPE.build(params, streams)
    fa.Clamp(net, "h1", "v", np.arange(len(POTENTIALS)), POTENTIALS * mV)
    net.run(40 * ms)  # that all began together is forgotten
    monitor = SpikeMonitor(net["h1"], record=False)
    net.add(monitor)
    net.run(milliseconds * ms)
    counts = monitor.count[:].reshape(len(POTENTIALS), streams)
    rho = params.rho_threshold * np.exp((POTENTIALS * mV - params.threshold) / params.delta_u)
    says = np.asarray(1 / (params.t_ref + 1 / rho) / Hz)
    noise = 5 * np.sqrt(says / (milliseconds * streams * 1e-3))  # at most: refractory neurons are more regular
    second_order = 0.6 * says**2 * np.asarray(rho / Hz) * (step * 1e-3) ** 2
    return counts.mean(axis=1) / milliseconds * 1e3, says, noise + second_order


def integration_error(method, step):
    """Return the error of a potential (mV), 20 ms after a synaptic drive of 10 mV, without spikes."""
    sizes = {"pixels": 1, "hidden": (1,), "outputs": 10, "dtype": "float64", "threshold": "1 volt"}
    params = ESCAPE.params(sizes | NUMPY | {"method": method, "dt": f"{step} ms"})
    net = ESCAPE.build(params)
    net["h1"].drive = 10
    net.run(20 * ms)
    m, s = (float(tau / ms) for tau in (params.tau_m, params.tau_s))
    exact = float(params.rest / mV) + 10 * s / (s - m) * (np.exp(-20 / s) - np.exp(-20 / m))
    return abs(net["h1"].view("v")[0, 0] * 1e3 - exact)


def straying(net, image, settle, watched):
    """Return the standard deviation in time of the potentials of ``h1`` while an image is shown, mean over units."""
    net.stimulus.steps_per_image = settle + watched
    net.stimulus.show_images(np.repeat(image[None], net.streams, axis=0))
    net.run_steps(settle)
    monitor = StateMonitor(net["h1"], "v", record=True)
    net.add(monitor)
    net.run_steps(watched)
    return float(np.std(np.asarray(monitor.v), axis=1).mean())


def straying_of_escape(step):
    """Of the network that the study trains, before it learns, in mV."""
    changes = {"dt": f"{step} ms", "eta": "0 mV"} | NUMPY | (SMALL if QUICK else {})
    net = ESCAPE.build(ESCAPE.params(changes, "digits"), streams=4)
    return 1e3 * straying(net, IMAGES[0], round(100 / step), round((100 if QUICK else 400) / step))


def straying_per_step(dt_over_tau):
    """Of the published network, before it learns."""
    changes = {"dt_over_tau": dt_over_tau, "eta": 0.0, "gamma": 0.0} | NUMPY
    net = PER_STEP.build(PER_STEP.params(changes | {"hidden": (100,), "outputs": 10}, "digits"), streams=4)
    return straying(net, IMAGES[0], round(5 / dt_over_tau), round((50 if QUICK else 400) / dt_over_tau))


learned = np.array([[study(dt, seed) for dt in STEPS] for seed in range(SEEDS)]).swapaxes(0, 1)  # (dt, seeds, numbers)
errors, spreads, firing = learned[..., 0], learned[..., 1:3], learned[..., 3:]
integrated = {
    method: [integration_error(method, dt) for dt in STEPS] for method in ("euler", *([] if QUICK else ["exact"]))
}
slope = np.polyfit(np.log(STEPS), np.log(integrated["euler"]), 1)[0]
measured = {dt: rates(dt) for dt in (STEPS[0], STEPS[-1])}
stray = np.array([straying_of_escape(dt) for dt in STEPS])
published = {a: straying_per_step(a) for a in ((0.9, 0.45) if QUICK else (0.9, 0.45, 0.09, 0.009))}
a = np.array(list(published))
formula = published[0.9] * np.sqrt(a / (2 - a) / (0.9 / 1.1))

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(9.6, 4.8), dpi=150, layout="constrained")
    (left, right, fires), (low, order, last) = figure.subplots(2, 3)
    for ax, values, label, colour in (
        (left, errors, None, BLUE),
        *((right, spreads[..., n], label, (BLUE, ORANGE)[n]) for n, label in enumerate(LEARNED.values())),
        *((fires, firing[..., n], label, (BLUE, ORANGE)[n]) for n, label in enumerate(RATES.values())),
    ):
        ax.plot(STEPS, values, "o", color=colour, markersize=3, alpha=0.6)
        ax.plot(STEPS, values.mean(axis=1), color=colour, linewidth=1, label=label)
        ax.set(xscale="log", xlabel="dt (ms)", ylim=(0, 1.25 * values.max()))
        ax.set_xticks(STEPS, [f"{dt:g}" for dt in STEPS], minor=False)
        ax.set_xticks([], minor=True)
    left.set_ylabel("Test error (%)")
    right.set(ylabel="SD of the weights (mV)", ylim=(0, 1.25 * spreads.max()))
    fires.set(ylabel="Rate while it learns (Hz)", ylim=(0, 1.4 * firing.max()))
    low.plot(POTENTIALS, measured[STEPS[0]][1], color=INK, linewidth=0.8, label=r"$1/(t_\mathrm{ref}+1/\rho)$")
    for (dt, (found, _, _)), colour in zip(measured.items(), (ORANGE, BLUE), strict=True):
        low.plot(POTENTIALS, found, "o", color=colour, markersize=3, label=f"dt = {dt:g} ms")
    low.set(xlabel="Clamped potential (mV)", ylabel="Rate (Hz)", ylim=(0, None))
    for (method, values), colour in zip(integrated.items(), (ORANGE, BLUE), strict=False):
        order.plot(STEPS, values, "o-", color=colour, markersize=3, linewidth=0.8, label=method)
    order.set(xscale="log", yscale="log", xlabel="dt (ms)", ylabel="Error of a potential (mV)")
    order.set_xticks(STEPS, [f"{dt:g}" for dt in STEPS], minor=False)
    order.set_xticks([], minor=True)
    last.plot(a, list(published.values()) / np.array(published[0.9]), "o", color=VERMILLION, markersize=3)
    last.plot(a, formula / published[0.9], color=VERMILLION, linewidth=0.8, label="one spike a step")
    tau = float(ESCAPE.params().tau_m / ms)
    last.plot(
        np.array(STEPS) / tau, stray / stray[0], "o-", color=BLUE, markersize=3, linewidth=0.8, label="escape noise"
    )
    last.set(xscale="log", xlabel="dt / tau", ylabel="SD of a potential in time\n(relative)", ylim=(0, 1.15))
    for ax in (right, fires, low, order, last):
        ax.legend(loc="best", handlelength=1.4)
    tidy(left, right, fires, low, order, last)
save(figure, __file__)

for dt, found, strayed in zip(STEPS, learned, stray, strict=True):
    texts = "; ".join(f"{name} {mean_sd(values)}" for name, values in zip(MEASURED, found.T, strict=True))
    print(f"dt = {dt:g} ms: {texts.replace('test error (%)', 'test error', 1).replace(';', ' %;', 1)}")
    print(f"    potentials stray by {strayed:.3g} mV")
print("published network:", ", ".join(f"{value:.2g} at dt/tau = {one:g}" for one, value in published.items()))
for name, values in zip(MEASURED, np.moveaxis(learned, -1, 0), strict=True):
    if SEEDS > 1:
        apart = ttest_ind(values[0], values[-1], equal_var=False).confidence_interval()
        print(
            f"{name}: the same at every dt with P = {f_oneway(*values).pvalue:.2g}; {STEPS[0]:g} less {STEPS[-1]:g} ms "
            f"{values[0].mean() - values[-1].mean():.3g}, 95 % interval {apart.low:.3g} to {apart.high:.3g}"
        )
for dt, (found, says, allowed) in measured.items():
    print(f"dt = {dt:g} ms: rates are off the formula by {np.abs(found / says - 1).mean():.1%} in the mean")
    print("   ", ", ".join(f"{rate:.1f} ({formula:.1f}) Hz" for rate, formula in zip(found, says, strict=True)))
    assert (np.abs(found - says) < allowed).all()
print(f"Euler's method is of order {slope:.3f}; errors of a potential (mV): {integrated}")
assert 0.95 < slope < 1.1
assert QUICK or max(integrated["exact"]) < 1e-10
assert np.allclose(list(published.values()), formula, rtol=0.15)
assert stray.min() > 0.85 * stray.max()
if not QUICK and EPOCHS == 5:
    for dt, found in zip(STEPS, learned, strict=True):
        for name, values in zip(("error", "h1", "output", "rate_h1", "rate_output"), found.T, strict=True):
            RESULTS.check(f"{name}_dt_{dt:g}".replace(".", "_"), values)
