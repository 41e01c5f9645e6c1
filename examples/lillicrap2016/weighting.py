"""The weighting function of hidden units, which the paper says may be approximated roughly.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows tanh networks that learn the answers of a random 30-20-10-10 network with feedback alignment, whose hidden updates
are weighted by the derivative of the units, by a window of their potential (1 where |v| < 0.88, else 0), or not at all.
The window is as good as the derivative. With nothing the error is far higher: units that are saturated go on. 100
examples a step, 150,000 in all, 5 runs; the rate was chosen on other seeds. Full run: about 1 minute. Writes
``weighting.png`` here. The numbers are in ``docs/results/lillicrap2016.md``.
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
from spikefa.plotting.style import BLUE, GREEN, RULE, STYLE

RESULTS = results_beside(__file__)
RUNS, STEPS, WINDOW, STREAMS = (1, 600, 50, 100) if QUICK else (5, 1500, 50, 100)
NETWORKS = {"fig3d_3": "30-20-10", "fig3d_4": "30-20-10-10"}
WEIGHTINGS = {"none": ("nothing", RULE), "window": ("window", GREEN), "derivative": ("derivative", BLUE)}


def run(preset, weighting, seed):
    """Errors on the way, and the final test error."""
    data = synthetic.teacher(seed=seed, train=50_000)
    net = build(preset, STREAMS, seed, weighting=weighting, eta=2e-3)
    curve, _ = learn(net, data, STEPS, WINDOW)
    return curve, evaluation.error(net, data.test_images, data.test_targets, 1)


results = {(p, w): [run(p, w, seed) for seed in range(RUNS)] for p in NETWORKS for w in WEIGHTINGS}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(5.6, 2.5), dpi=150, layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    x = WINDOW * STREAMS * np.arange(1, STEPS // WINDOW + 1) / 1e3
    for ax, (preset, title) in zip(axes, NETWORKS.items(), strict=True):
        for weighting, (label, colour) in WEIGHTINGS.items():
            band(ax, x, [curve for curve, _ in results[preset, weighting]], colour, label)
        ax.set(title=title, xlabel="Examples (thousands)", xlim=(0, x[-1]))
    log_errors(axes[0])
    axes[1].legend(title="weighted by", loc="center right", handlelength=1.4)
    tidy(*axes)
save(figure, __file__)

ends = {key: np.array([error for _, error in runs]) for key, runs in results.items()}
for (preset, weighting), error in ends.items():
    print(f"{preset}, {weighting}: test error {100 * error.mean():.3g} % of the variance ({mean_sd(error)})")
for preset in NETWORKS:
    nothing, window, derivative = (ends[preset, weighting] for weighting in WEIGHTINGS)
    assert window.mean() < 1.5 * derivative.mean() and nothing.mean() > 1.5 * window.mean()
    if not QUICK:
        for weighting, error in zip(WEIGHTINGS, (nothing, window, derivative), strict=True):
            RESULTS.check(f"weighting_{preset[-1]}_{weighting}", error)
