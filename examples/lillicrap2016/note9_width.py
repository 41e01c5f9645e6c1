"""Supplementary Note 9: how narrow a bottleneck may be for feedback alignment.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows tanh autoencoders of 784-200-100-K-100-200-784 units on 10,000 images of MNIST, smaller than the paper's, which
has K = 10 and layers of 1000 and 500. The wider the bottleneck, the lower the error of alignment; backprop gains more,
up to 50 units, and stays far ahead in this time. Batches of 100, 10 epochs, 2 runs; rates and ranges of the presets of
Note 9. Full run: about 3 minutes. Writes ``note9_width.png`` here. The numbers are in
``docs/results/lillicrap2016.md``.
"""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import MODEL, QUICK, learn, log_errors, mean_sd, save, tidy
from matplotlib.figure import Figure

from spikefa import datasets
from spikefa.diagnostics import evaluation
from spikefa.plotting.style import BLUE, STYLE, VERMILLION

RESULTS = results_beside(__file__)
RUNS, EPOCHS = (1, 4) if QUICK else (2, 10)
WIDTHS = (2, 20) if QUICK else (5, 10, 20, 50, 100)
PATHWAYS = {
    "alignment": ("feedback alignment", BLUE, "autoencoder_small"),
    "backprop": ("backprop", VERMILLION, "autoencoder_small_backprop"),
}
IMAGES = datasets.load("digits" if QUICK else "mnist")


def run(name, width, seed):
    """Errors on the way, and the final test error."""
    pixels = IMAGES.train_images.shape[1]
    sizes = (pixels, 200, 100, width, 100, 200, pixels)
    params = MODEL.params({"sizes": sizes}, PATHWAYS[name][2])
    data = MODEL.module.prepare(params, IMAGES)
    data = replace(
        data,
        train_images=data.train_images[:10_000],
        train_targets=data.train_targets[:10_000],
        train_labels=data.train_labels[:10_000],
    )
    net = MODEL.build(params, streams=100, seed=seed)
    steps = EPOCHS * (len(data.train_images) // 100)
    curve, _ = learn(net, data, steps, steps // (4 if QUICK else EPOCHS))
    return curve, evaluation.error(net, data.test_images[:2000], data.test_targets[:2000], 1)


results = {(name, k): [run(name, k, seed) for seed in range(RUNS)] for name in PATHWAYS for k in WIDTHS}
ends = {key: np.array([error for _, error in runs]) for key, runs in results.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(3.4, 2.6), dpi=150, layout="constrained")
    ax = figure.add_subplot()
    for name, (label, colour, _) in PATHWAYS.items():
        for k in WIDTHS:
            ax.plot([k] * RUNS, ends[name, k], "o", color=colour, markersize=2.5, markeredgewidth=0)
        ax.plot(WIDTHS, [ends[name, k].mean() for k in WIDTHS], color=colour, linewidth=1.2, label=label)
    ax.set(xscale="log", xlabel="Units of the bottleneck")
    ax.set_xticks(WIDTHS, [f"{k}" for k in WIDTHS])
    log_errors(ax)
    ax.set_ylabel("Test error (of the variance)")
    ax.legend(loc="lower left", handlelength=1.4)
    tidy(ax)
save(figure, __file__)

for (name, k), error in ends.items():
    print(f"{name}, {k} units: test error {100 * error.mean():.3g} % of the variance ({mean_sd(error)})")
ratios = [ends["alignment", k].mean() / ends["backprop", k].mean() for k in WIDTHS]
print(f"alignment's error is {', '.join(f'{ratio:.2f}' for ratio in ratios)} times backprop's")
assert min(ratios) > 1
if not QUICK:
    for name in PATHWAYS:
        for at, k in enumerate(WIDTHS):
            RESULTS.check(f"note9_width_{name}", ends[name, k], at)
