"""Differential plasticity: spikes' changes in the place of a derivative.

The network of Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276,
https://doi.org/10.1038/ncomms13276, with rules after Xie & Seung (2000), NIPS 12, and Bengio et al. (2017), Neural
Computation 29:555, https://doi.org/10.1162/NECO_a_00934; models/differential_stdp.py states them.

Shows: (a) half of the squared difference of a unit's last two spikes, which is 0 or one half, has the slope of its
spike probability as its mean, where the potential stays. (b) Spike-timing windows of equal areas, with presynaptic and
postsynaptic rates that swing with a phase between them: a weight follows the presynaptic rate times the change of the
postsynaptic rate, d<W>/dt = x (beta0 r + beta1 dr/dt), beta0 = A+ tau+ - A- tau- = 0, beta1 = A+ tau+^2 + A- tau-^2.
(c) Test errors on MNIST, 784-500-500-500-500 units, of the published derivative, of the rules that do without it, and
of the controls: signed changes, and hidden layers that do not learn; x: weights grew without bound. (d) The angle
between their updates of the middle layer and backpropagation's. Arguments: figure (``rules.png``), seeds (3), epochs
(4), and where runs are kept (a temporary directory): given, an interrupted study goes on. The numbers are in
``docs/results/differential_stdp.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, mean_sd, metrics_of, save, tidy
from brian2 import StateMonitor, ms
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import spikefa as fa
from spikefa.experiments import model_file
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 4) if QUICK else (int(n) for n in [*sys.argv[2:4], *["3", "4"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
STDP = model_file.load("differential_stdp")


def mean_change():
    """Spike probabilities, and the mean of each unit's rectified difference, (2, units)."""
    sizes = {"pixels": 1, "hidden": (25,), "outputs": 10}
    net = STDP.build(STDP.params(sizes | {"weight_range": 0.0, "eta": 0.0, "gamma": 0.0}), streams=200)
    net["image_to_h1"].b[:] = np.linspace(-4, 4, 25)
    monitor = StateMonitor(net["h1"], ["p", "change"], record=True)
    net.stimulus.show_images(np.zeros((8 * 200, 1)))
    net.run_steps(20)  # the potentials come to rest
    net.add(monitor)
    net.run_steps(20)
    p, change = (getattr(monitor, name).reshape(25, 200, 20)[:, :, np.arange(20) % 5 > 0] for name in ("p", "change"))
    return p.mean(axis=(1, 2)), change.mean(axis=(1, 2))


# (b) Rates that swing; a trace holds the spikes before this step, so that a pair in one step changes nothing.
UNIT = """
p = mean * (1 + cos(2 * pi * t / period + phase)) : 1
phase : 1
I : 1
s : 1
trace : 1
"""
SPIKES = """
trace = (1 - dt / tau) * trace + s
s = int(rand() < p)
"""
WINDOW_RULE = "dW = A_plus * trace_pre * s_post - A_minus * s_pre * trace_post"
MEAN, PERIOD, TAU_PLUS, TAU_MINUS = 0.05, 2000, 17, 34  # spikes a step, and steps


def windows(phases, periods=1 if QUICK else 4, streams=200 if QUICK else 500):
    """Mean changes of weights in a step, and those that the formula says, for phases of the postsynaptic rate."""
    net = fa.Network(streams=streams, dtype="float64")
    for name, units, tau in (("pre", 1, TAU_PLUS), ("post", len(phases), TAU_MINUS)):
        constants = {"mean": MEAN, "period": PERIOD * ms, "tau": tau * ms}
        fa.Layer(net, name, units, UNIT, emit=SPIKES, namespace=constants)
    net["post"].view("phase")[...] = np.asarray(phases)[:, None]
    amplitudes = {"A_plus": 1 / TAU_PLUS, "A_minus": 1 / TAU_MINUS}
    W = fa.Projection(net, "pre", "post", np.zeros((1, len(phases))), plasticity=fa.Plasticity(WINDOW_RULE, amplitudes))
    net.run_steps(PERIOD // 2)  # the traces fill
    before = W.W.copy()
    net.run_steps(periods * PERIOD)
    beta1 = TAU_PLUS + TAU_MINUS  # and beta0 is 0
    says = -(MEAN**2) * beta1 * 2 * np.pi / PERIOD * np.sin(phases) / 2
    return (W.W - before)[0] / (periods * PERIOD * streams), says


# (c, d) Rates and nudging strength were chosen on the last 10,000 training images.
RULES = {  # name -> (label, changes, colour)
    "derivative": ("derivative", {}, INK),
    "rectified": ("rectified difference", {}, BLUE),
    "nudged": ("nudged spike", {}, GREEN),
    "pairwise": ("pairs of spikes", {"nudging_strength": 10.0}, ORANGE),
    "spikes": ("signed difference", {}, VERMILLION),
    "potential": ("change of potential", {}, PURPLE),
    "none": ("hidden layers fixed", {"weight_range": 2.0}, SKY),
}
RESULTS = results_beside(__file__)
MEASURED = list(RULES)[:4]  # the controls' weights grow without bound, or do not change


def run(rule, seed):
    """Return a rule with a seed, run to its end, or until its weights grow without bound: its metrics."""
    small = {"hidden": (100, 100, 100), "outputs": 100, "eta": 1.2e-2} if QUICK else {"eta": 4e-3}
    run = new_run(
        KEPT / f"{rule}-{seed}",
        "differential_stdp",
        {"hidden_rule": rule} | small | RULES[rule][1],
        preset="digits" if QUICK else "small",
        data="digits" if QUICK else "mnist",
        streams=20 if QUICK else 100,
        seed=seed,
        epochs=EPOCHS,
        evaluate_every=2,
        record_activity=False,
        diagnostics=rule in MEASURED,
    )
    return metrics_of(run, RULES[rule][0])


p, post_factor = mean_change()
phases = np.linspace(0, 2 * np.pi, 17)
moved, says = windows(phases)
metrics = {name: [run(name, seed) for seed in range(SEEDS)] for name in RULES}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 4.8), dpi=150, layout="constrained")
    (a, b), (c, d) = figure.subplots(2, 2)
    fine = np.linspace(0, 1, 200)
    a.plot(fine, fine * (1 - fine), color=INK, linewidth=0.8, label="$p(1-p)$")
    a.plot(p, post_factor, "o", color=BLUE, markersize=3, label="mean of $(s_t-s_{t-1})^2/2$")
    a.set(xlabel="Spike probability $p$", ylabel="Post factor", xlim=(0, 1), ylim=(0, 0.3))
    law = r"$\langle x\,\beta_1\,\mathrm{d}r/\mathrm{d}t\rangle$"
    b.plot(fine * 2, -1e4 * np.abs(says).max() * np.sin(2 * np.pi * fine), color=INK, linewidth=0.8, label=law)
    b.plot(phases / np.pi, 1e4 * moved, "o", color=BLUE, markersize=3, label="spike pairs")
    b.set(xlabel="Phase of the postsynaptic rate (π)", ylabel="Weight change in a step ($10^{-4}$)", xlim=(0, 2))
    b.axhline(0, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    for name, (label, _, colour) in RULES.items():
        for seed, rows in enumerate(metrics[name]):
            line = {"color": colour, "linewidth": 0.9, "label": None if seed else label}
            if rows["epoch"][-1] < EPOCHS:  # it diverged, perhaps before it was tested a second time
                line |= {"marker": "x", "markersize": 4, "markevery": [-1], "clip_on": False, "zorder": 3}
            c.plot(rows["epoch"], 100 * rows["test_error"], **line)
            if name in MEASURED:
                d.plot(rows["epoch"], rows["update_angle_deg_h1_to_h2"], **line)
    c.set(yscale="log", ylabel="Test error (%)", xlabel="Epoch", xlim=(0, EPOCHS))
    c.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    d.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    d.set(ylabel="Angle of updates and\nbackpropagation's (degrees)", xlabel="Epoch", xlim=(0, EPOCHS))
    for ax in (a, b):
        ax.legend(loc="upper left" if ax is b else "lower center", handlelength=1.4)
    for ax in (c, d):
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    figure.legend(*c.get_legend_handles_labels(), loc="outside lower center", ncols=4, handlelength=1.4)
    tidy(a, b, c, d)
save(figure, __file__)

last = {name: 100 * np.array([rows["test_error"][-1] for rows in several]) for name, several in metrics.items()}
for name, errors in last.items():
    print(f"{RULES[name][0]}: test error {mean_sd(errors)} %")
turned = {}
for name in MEASURED:
    angle = [rows["update_angle_deg_h1_to_h2"][-1] for rows in metrics[name]]
    turned[name] = np.mean(angle)
    print(f"{RULES[name][0]}: updates at {mean_sd(angle)} degrees from backpropagation's")
assert np.abs(post_factor - p * (1 - p)).max() < 0.02
assert np.corrcoef(moved, says)[0, 1] > 0.95 and 0.8 < moved @ says / (says @ says) < 1.2
assert max(last[name].mean() for name in ("derivative", "rectified", "nudged")) < last["none"].mean() / 2
assert last["pairwise"].mean() < last["none"].mean() and min(last[name].mean() for name in ("spikes", "potential")) > 80
assert (np.diff([turned[name] for name in MEASURED]) > 0).all()
if not QUICK and EPOCHS == 4:
    for name, errors in last.items():
        if name != "potential":  # its weights grow without bound
            RESULTS.check(name, errors)
    for name in MEASURED:
        RESULTS.check(f"{name}_angle", turned[name])
    assert last["rectified"].mean() - last["derivative"].mean() < 0.6
