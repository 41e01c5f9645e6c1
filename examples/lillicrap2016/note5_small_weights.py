"""Supplementary Note 5: feedback alignment learns from small weights, where the gradients of backprop vanish.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows tanh networks of 30-30-30-30-10 units that learn the answers of a random 30-20-10-10 network, with weights that
start uniform in +- w. What alignment sends down does not depend on the weights, and its error does not rise as w falls.
With backprop the error falls later the smaller w is, and from 0.01 or less not at all in this time. The task and the
sizes are ours. 100 examples a step, 100,000 in all, 5 runs; rates chosen at w = 0.3 on another seed (2e-3 and 5e-3; the
next higher ones diverge). Full run: about 1 minute. Writes ``note5_small_weights.png`` here. The numbers are in
``docs/results/lillicrap2016.md``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, band, build, learn, log_errors, mean_sd, save, tidy
from matplotlib.figure import Figure

from spikefa.datasets import synthetic
from spikefa.diagnostics import evaluation
from spikefa.plotting.style import BLUE, STYLE, VERMILLION

RESULTS = results_beside(__file__)
RUNS, STEPS, WINDOW, STREAMS = (1, 300, 20, 100) if QUICK else (5, 1000, 20, 100)
PATHWAYS = {"alignment": ("feedback alignment", BLUE, 2e-3), "backprop": ("backprop", VERMILLION, 5e-3)}
RANGES = (0.3, 0.003) if QUICK else (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)


def run(pathway, w, seed):
    """Errors on the way, and the final test error."""
    data = synthetic.teacher(seed=seed, train=50_000)
    sizes, eta = (30, 30, 30, 30, 10), PATHWAYS[pathway][2]
    net = build("fig3d_4", STREAMS, seed, sizes=sizes, pathway=pathway, eta=eta, weight_range=w)
    curve, _ = learn(net, data, STEPS, WINDOW)
    return curve, evaluation.error(net, data.test_images, data.test_targets, 1)


results = {(name, w): [run(name, w, seed) for seed in range(RUNS)] for name in PATHWAYS for w in RANGES}
ends = {key: np.array([error for _, error in runs]) for key, runs in results.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(6.6, 2.5), dpi=150, layout="constrained")
    *axes, last = figure.subplots(1, 3, sharey=True)
    x = WINDOW * STREAMS * np.arange(1, STEPS // WINDOW + 1) / 1e3
    for ax, w in zip(axes, (RANGES[0], 0.003), strict=True):
        for name, (label, colour, _) in PATHWAYS.items():
            band(ax, x, [curve for curve, _ in results[name, w]], colour, label)
        ax.set(title=f"Weights from ±{w:g}", xlabel="Examples (thousands)", xlim=(0, x[-1]))
    for name, (_, colour, _) in PATHWAYS.items():
        for w in RANGES:
            last.plot([w] * RUNS, ends[name, w], "o", color=colour, markersize=2.5, markeredgewidth=0)
        last.plot(RANGES, [np.exp(np.log(ends[name, w]).mean()) for w in RANGES], color=colour, linewidth=1)
    last.set(title="Test error", xlabel="Range of the weights at first", xscale="log")
    log_errors(axes[0])
    axes[0].legend(loc="lower left", handlelength=1.4)
    tidy(*axes, last)
save(figure, __file__)

for (name, w), error in ends.items():
    print(f"{name}, w = {w:g}: test error {100 * error.mean():.3g} % of the variance ({mean_sd(error)})")
small, large = ends["alignment", 0.003], ends["alignment", 0.3]
assert ends["backprop", 0.003].min() > 0.95 and small.max() < 0.3 and small.mean() < 1.5 * large.mean()
assert ends["backprop", 0.3].mean() < 0.3
if not QUICK:
    RESULTS.check("small_weights_alignment", small)
    RESULTS.check("small_weights_alignment_large", large)
    RESULTS.check("small_weights_backprop", ends["backprop", 0.003])
    RESULTS.check("small_weights_backprop_large", ends["backprop", 0.3])
