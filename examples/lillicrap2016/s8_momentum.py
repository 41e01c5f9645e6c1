"""Supplementary Figure 8: momentum speeds feedback alignment up, as it does backprop.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: 30-20-10 networks that learn the answers of a random 30-20-10-10 network (as in Fig. 3d) with the updates v <-
alpha v + d, theta <- theta + v for alpha of 0, 0.5 and 0.9, at one rate of learning; and after how many examples 0.6 of
the variance is left. 20 examples a step; 5 runs; the rate is ours. Full run: about 1 minute. Writes ``s8_momentum.png``
here. The numbers are in ``docs/results/lillicrap2016.md``.
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
from spikefa.plotting.style import BLUE, GREEN, SKY, STYLE

RUNS, STEPS, WINDOW, STREAMS = (1, 600, 20, 20) if QUICK else (5, 2000, 20, 20)
PANELS = {"alignment": "Feedback alignment", "backprop": "Backprop"}
RESULTS = results_beside(__file__)
COLOURS = {0.0: SKY, 0.5: BLUE, 0.9: GREEN}


def run(pathway, momentum, seed):
    """Errors on the way, and the final test error."""
    data = synthetic.teacher(seed=seed, train=STREAMS * STEPS)
    net = build("s8", STREAMS, seed, pathway=pathway, momentum=momentum or None, eta=2e-4)
    curve, _ = learn(net, data, STEPS, WINDOW)
    return curve, evaluation.error(net, data.test_images, data.test_targets, 1)


results = {(a, m): [run(a, m, seed) for seed in range(RUNS)] for a in PANELS for m in COLOURS}
with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(6.0, 2.5), dpi=150, layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    x = WINDOW * STREAMS * np.arange(1, STEPS // WINDOW + 1) / 1e3
    for ax, (pathway, title) in zip(axes, PANELS.items(), strict=True):
        for momentum, colour in COLOURS.items():
            band(ax, x, [curve for curve, _ in results[pathway, momentum]], colour, f"α = {momentum:g}")
        ax.set(title=title, xlabel="Examples (thousands)", xlim=(0, x[-1]))
    log_errors(axes[0])
    axes[1].legend(loc="upper right", handlelength=1.4)
    tidy(*axes)
save(figure, __file__)

for pathway in PANELS:
    curves = {m: np.array([curve for curve, _ in results[pathway, m]]) for m in COLOURS}
    ends = {m: np.array([error for _, error in results[pathway, m]]) for m in COLOURS}
    fast = {m: np.argmax(curve < 0.6, axis=1) * WINDOW * STREAMS for m, curve in curves.items()}
    for m in COLOURS:
        print(
            f"{pathway}, alpha {m}: an error of 0.6 after {mean_sd(fast[m])} examples; test error "
            f"{100 * ends[m].mean():.3g} % of the variance ({mean_sd(ends[m])})"
        )
    for m, name in zip(COLOURS, ("0", "05", "09"), strict=True):
        if not QUICK:
            RESULTS.check(f"s8_{pathway}_{name}", fast[m])
    assert (fast[0.9] < fast[0.5]).all() and (fast[0.5] < fast[0.0]).all() and (ends[0.9] < ends[0.0]).all()
