"""Figure 2: feedback alignment learns a linear function as fast as backprop.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: (a) the error of linear 30-20-10 networks that learn y = T x one example at a time, by four pathways, each with a
rate chosen by hand on other seeds. (b) The angle between the hidden updates of feedback alignment, B e, and of backprop
at the same weights, W^T e, and how often the two are less than 90 degrees apart, which is the paper's condition e^T W B
e > 0. 10 runs. Full run: about 1 minute. Writes ``fig2.png`` here. The numbers are in
``docs/results/lillicrap2016.md``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, band, build, learn, mean_sd, save, tidy
from matplotlib.figure import Figure

import spikefa as fa
from spikefa.datasets import synthetic
from spikefa.diagnostics import evaluation
from spikefa.plotting.style import BLUE, GREEN, INK, RULE, STYLE, VERMILLION

RESULTS = results_beside(__file__)
RUNS, EXAMPLES, WINDOW = (1, 1000, 20) if QUICK else (10, 2000, 20)
PATHWAYS = {  # name in the model -> label, colour, learning rate
    "output_only": ("output layer alone", RULE, 0.3),
    "node_perturbation": ("node perturbation", GREEN, 5e-4),
    "backprop": ("backprop", VERMILLION, 7.5e-3),
    "alignment": ("feedback alignment", BLUE, 7.5e-3),
}
LEFT = (0.1, 1e-2, 1e-3, 1e-4, 1e-5)  # fractions of the variance


def run(pathway, eta, seed):
    """Errors on the way, angles on the way (alignment only), and the final test error."""
    data = synthetic.linear(seed=seed, train=EXAMPLES)
    net = build("fig2", seed=seed, pathway=pathway, eta=eta)

    monitor = fa.SignalAlignment(net) if pathway == "alignment" else None
    curve, _ = learn(net, data, EXAMPLES, WINDOW)
    angles = monitor.angle["h1"] if monitor else None
    return curve, angles, evaluation.error(net, data.test_images, data.test_targets, 1)


results = {name: [run(name, eta, seed) for seed in range(RUNS)] for name, (_, _, eta) in PATHWAYS.items()}
seen = WINDOW * np.arange(1, EXAMPLES // WINDOW + 1) - WINDOW / 2
angles = np.array([a for _, a, _ in results["alignment"]])  # (runs, examples)
fast, backprop = (  # examples until a fraction is left, mean of the runs
    WINDOW * np.mean([[np.argmax(np.append(curve, 0) < left) for left in LEFT] for curve, *_ in results[name]], axis=0)
    for name in ("alignment", "backprop")
)
edges = np.unique(np.geomspace(1, EXAMPLES + 1, 40).astype(int)) - 1
smooth, positive = (np.add.reduceat(what, edges[:-1], axis=1) / np.diff(edges) for what in (angles, angles < 90.0))

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.5), dpi=150, layout="constrained")
    left, right, third = figure.subplots(1, 3)
    for name, (label, colour, _) in PATHWAYS.items():
        band(left, seen, [curve for curve, _, _ in results[name]], colour, label)
    left.set(yscale="log", ylim=(1e-7, 3), ylabel="Normalised squared error", xlabel="Examples", xlim=(0, EXAMPLES))
    handles, labels = left.get_legend_handles_labels()
    left.legend(handles[::-1], labels[::-1], loc="center right", handlelength=1.4)
    middle = np.sqrt((edges[:-1] + 1) * edges[1:])
    right.plot(middle, smooth.T, color=BLUE, linewidth=0.3, alpha=0.4)
    right.plot(middle, smooth.mean(axis=0), color=BLUE, linewidth=1.4)
    right.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    third.plot(middle, 100 * positive.mean(axis=0), color=BLUE, linewidth=1.4)
    third.axhline(50, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    third.set(ylabel="Examples with eᵀ W B e > 0 (%)", ylim=(0, 103))
    right.set(ylabel="Angle of B e with Wᵀ e (degrees)", ylim=(0, 120))
    right.set_yticks([0, 30, 60, 90, 120])
    for ax in (right, third):
        ax.set(xlabel="Examples", xscale="log", xlim=(1, EXAMPLES))
        ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
    tidy(left, right, third)
save(figure, __file__)

errors = {name: np.array([error for _, _, error in runs]) for name, runs in results.items()}
for name, error in errors.items():
    print(f"{name}: test error {100 * error.mean():.3g} % of the variance after {EXAMPLES} examples ({mean_sd(error)})")
first, last = angles[:, 0], angles[:, -200:].mean(axis=1)
early, late = 100 * (angles[:, :10] < 90).mean(axis=1), 100 * (angles[:, 200:] < 90).mean(axis=1)
print(f"e'WBe > 0: {mean_sd(early)} % of the first 10 examples, {mean_sd(late)} % of those after 200")
print(f"angle: {mean_sd(first)} degrees at first, {mean_sd(last)} in the end, never below {smooth.min():.1f}")
print(f"examples until {LEFT} of the variance are left: alignment {fast}, backprop {backprop}")
assert (fast[:-1] < backprop[:-1]).all() and fast[0] < 0.7 * backprop[0] and fast[-1] < 1.1 * backprop[-1]
assert max(errors[name].max() for name in ("alignment", "backprop")) < (1e-4 if QUICK else 1e-8)
assert errors["node_perturbation"].mean() < errors["output_only"].mean()
assert late.mean() > 99
assert 60 < first.mean() < 120 and last.mean() < 45 and smooth.min() > 5
if not QUICK:
    RESULTS.check("fig2a_node_perturbation", errors["node_perturbation"])
    RESULTS.check("fig2a_output_only", errors["output_only"])
    RESULTS.check("fig2b_first", first)
    RESULTS.check("fig2b_last", last)
    RESULTS.check("fig2_condition", late)
    RESULTS.check("fig2_condition_early", early)
    assert smooth.min() > 12
