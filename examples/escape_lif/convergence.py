"""Convergence in dt: a network of integrate-and-fire neurons with escape noise that learns, at four time steps.

The network is ``models/escape_lif.py``: escape noise after Gerstner, Kistler, Naud & Paninski (2014), Neuronal
Dynamics, chapter 9, which learns by feedback alignment, after Lillicrap, Cownden, Tweed & Akerman (2016), Nature
Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: (a) test errors on the 8 x 8 digits, and (b) the standard deviation of each projection's learned weights, with dt
of 1, 0.5, 0.25 and 0.1 ms: they agree within the scatter of the seeds. (c) The rate of neurons at a constant potential,
and 1 / (t_ref + 1 / rho). (d) How far a potential strays in time while one image is shown: in this network, and in the
published one (``models/lillicrap2016_spiking.py``), which draws one spike a step. There a smaller dt / tau = a averages
the noise away, as sqrt(a / (2 - a)). Arguments: figure (``convergence.png``), seeds (3), epochs (4), and where runs are
kept (a temporary directory): given, an interrupted study goes on. The numbers are in ``docs/results/escape_lif.md``.
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

import spikefa as fa
from spikefa.datasets import load
from spikefa.experiments import model_file
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, INK, ORANGE, STYLE, VERMILLION

GIVEN = sys.argv[2:4]
SEEDS, EPOCHS = (1, 1) if QUICK else (int(n) for n in [*GIVEN, *["3", "4"][len(GIVEN) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
STEPS = (1.0, 0.5) if QUICK else (1.0, 0.5, 0.25, 0.1)  # dt in ms
SMALL = {"hidden": (20,), "outputs": 10, "duration": "20 ms", "test_duration": "20 ms", "target": "numpy"}
OTHER = {"target": "numpy"} if QUICK else {}
ESCAPE, PER_STEP = model_file.load("escape_lif"), model_file.load("lillicrap2016_spiking")
IMAGES = load("digits").test_images
RESULTS = results_beside(__file__)
LEARNED = {"image_to_h1": "into the hidden layer", "h1_to_output": "into the output"}


def study(dt, seed):
    """Train at one dt: the test error (%), and the standard deviation of each projection's weights (mV)."""
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
    return [100 * rows["test_error"][-1], *(weights[name].std() for name in LEARNED)]


def rates(dt, milliseconds=60 if QUICK else 400, streams=20 if QUICK else 100):
    """Potentials (mV) that neurons are clamped to, their rates (Hz), and those of the formula."""
    potentials = np.linspace(-60, -38, 12)
    sizes = {"pixels": 1, "hidden": (len(potentials),), "outputs": 10}
    params = ESCAPE.params(sizes | OTHER | {"dt": f"{dt} ms"})
    net = ESCAPE.build(params, streams)
    fa.Clamp(net, "h1", "v", np.arange(len(potentials)), potentials * mV)
    net.run(40 * ms)  # that all began together is forgotten
    monitor = SpikeMonitor(net["h1"], record=False)
    net.add(monitor)
    net.run(milliseconds * ms)
    counts = monitor.count[:].reshape(len(potentials), streams)
    rho = params.rho_threshold * np.exp((potentials * mV - params.threshold) / params.delta_u)
    return potentials, counts.mean(axis=1) / (milliseconds * ms) / Hz, 1 / (params.t_ref + 1 / rho) / Hz


def straying(net, image, settle, watched):
    """Return the standard deviation in time of the potentials of ``h1`` while an image is shown, mean over units."""
    net.stimulus.steps_per_image = settle + watched
    net.stimulus.show_images(np.repeat(image[None], net.streams, axis=0))
    net.run_steps(settle)
    monitor = StateMonitor(net["h1"], "v", record=True)
    net.add(monitor)
    net.run_steps(watched)
    return float(np.std(np.asarray(monitor.v), axis=1).mean())


def straying_of_escape(dt):
    """Of the network that the study trains, before it learns, in mV."""
    changes = {"dt": f"{dt} ms", "eta": "0 mV"} | (SMALL if QUICK else {})
    net = ESCAPE.build(ESCAPE.params(changes, "digits"), streams=4)
    return 1e3 * straying(net, IMAGES[0], round(100 / dt), round((100 if QUICK else 400) / dt))


def straying_per_step(dt_over_tau):
    """Of the published network, before it learns."""
    changes = {"dt_over_tau": dt_over_tau, "eta": 0.0, "gamma": 0.0} | OTHER
    net = PER_STEP.build(PER_STEP.params(changes | {"hidden": (100,), "outputs": 10}, "digits"), streams=4)
    return straying(net, IMAGES[0], round(5 / dt_over_tau), round((50 if QUICK else 400) / dt_over_tau))


learned = np.array([[study(dt, seed) for seed in range(SEEDS)] for dt in STEPS])  # (dt, seeds, numbers)
errors, spreads = learned[..., 0], learned[..., 1:]
potentials, _, says = rates(1.0)
measured = {dt: rates(dt)[1] for dt in (STEPS[0], STEPS[-1])}
stray = np.array([straying_of_escape(dt) for dt in STEPS])
published = {a: straying_per_step(a) for a in ((0.9, 0.45) if QUICK else (0.9, 0.45, 0.09, 0.009))}
a = np.array(list(published))
formula = published[0.9] * np.sqrt(a / (2 - a) / (0.9 / 1.1))

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 4.8), dpi=150, layout="constrained")
    (left, right), (low, last) = figure.subplots(2, 2)
    for ax, values, label, colour in (
        (left, errors, None, BLUE),
        *((right, spreads[..., n], label, (BLUE, ORANGE)[n]) for n, label in enumerate(LEARNED.values())),
    ):
        ax.plot(STEPS, values, "o", color=colour, markersize=3, alpha=0.6)
        ax.plot(STEPS, values.mean(axis=1), color=colour, linewidth=1, label=label)
        ax.set(xscale="log", xlabel="dt (ms)", ylim=(0, 1.25 * values.max()))
        ax.set_xticks(STEPS, [f"{dt:g}" for dt in STEPS], minor=False)
        ax.set_xticks([], minor=True)
    left.set_ylabel("Test error (%)")
    right.set(ylabel="SD of the weights (mV)", ylim=(0, 1.25 * spreads.max()))
    low.plot(potentials, says, color=INK, linewidth=0.8, label=r"$1/(t_\mathrm{ref}+1/\rho)$")
    for (dt, found), colour in zip(measured.items(), (ORANGE, BLUE), strict=True):
        low.plot(potentials, found, "o", color=colour, markersize=3, label=f"dt = {dt:g} ms")
    low.set(xlabel="Clamped potential (mV)", ylabel="Rate (Hz)", ylim=(0, 250))
    last.plot(a, list(published.values()) / np.array(published[0.9]), "o", color=VERMILLION, markersize=3)
    last.plot(a, formula / published[0.9], color=VERMILLION, linewidth=0.8, label="one spike a step")
    tau = float(ESCAPE.params().tau_m / ms)
    last.plot(
        np.array(STEPS) / tau, stray / stray[0], "o-", color=BLUE, markersize=3, linewidth=0.8, label="escape noise"
    )
    last.set(xscale="log", xlabel="dt / tau", ylabel="SD of a potential in time\n(relative)", ylim=(0, 1.15))
    for ax in (right, low, last):
        ax.legend(loc="best", handlelength=1.4)
    tidy(left, right, low, last)
save(figure, __file__)

for dt, found, spread, strayed in zip(STEPS, errors, spreads, stray, strict=True):
    weights = ", ".join(
        f"{mean_sd(values)} mV {label}" for values, label in zip(spread.T, LEARNED.values(), strict=True)
    )
    print(f"dt = {dt:g} ms: test error {mean_sd(found)} %; weights {weights}; potentials stray by {strayed:.3g} mV")
print("published network:", ", ".join(f"{value:.2g} at dt/tau = {one:g}" for one, value in published.items()))
worst = {dt: np.abs(found / says - 1).max() for dt, found in measured.items()}
print("rates:", ", ".join(f"within {value:.1%} at dt = {dt:g} ms" for dt, value in worst.items()))
assert np.allclose(list(published.values()), formula, rtol=0.15)
assert stray.min() > 0.85 * stray.max()
assert worst[STEPS[-1]] < 0.3 if QUICK else worst[STEPS[-1]] < 0.1 < worst[STEPS[0]] + 0.1
