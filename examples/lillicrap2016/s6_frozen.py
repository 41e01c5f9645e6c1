"""Supplementary Figure 6: a deep network is better because its hidden layers learn.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: tanh networks learn the answers of a random 30-20-10-10 network with feedback alignment and with backprop: one of
30-40-10, one of 30-40-20-10, and the latter with the first hidden layer frozen. Frozen, it leaves much more of the
variance than with all layers learning, and more than the shallower network, with either pathway. eta .05 for the mean
of 100 examples, as printed; 5 runs. Full run: about 1 minute. Writes ``s6_frozen.png`` here. The numbers are in
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
from spikefa.plotting.style import BLUE, ORANGE, SKY, STYLE

RESULTS = results_beside(__file__)
RUNS, STEPS, WINDOW, STREAMS, ETA = (1, 800, 50, 100, 0.3) if QUICK else (5, 6000, 100, 100, 0.05)
NETWORKS = {
    "30-40-20-10, first layer frozen": ("s6_4", (1,), ORANGE),
    "30-40-10": ("s6_3", (), SKY),
    "30-40-20-10": ("s6_4", (), BLUE),
}


PATHWAYS = {"alignment": "Feedback alignment", "backprop": "Backprop"}


def run(pathway, preset, frozen, seed):
    """Errors on the way, and the final test error."""
    data = synthetic.teacher(seed=seed, train=50_000)
    net = build(preset, STREAMS, seed, pathway=pathway, frozen=frozen, eta=ETA)
    curve, _ = learn(net, data, STEPS, WINDOW)
    return curve, evaluation.error(net, data.test_images, data.test_targets, 1)


results = {
    (pathway, name): [run(pathway, preset, frozen, seed) for seed in range(RUNS)]
    for pathway in PATHWAYS
    for name, (preset, frozen, _) in NETWORKS.items()
}
with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(6.0, 2.6), dpi=150, layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    x = WINDOW * STREAMS * np.arange(1, STEPS // WINDOW + 1) / 1e3
    for ax, (pathway, title) in zip(axes, PATHWAYS.items(), strict=True):
        for name, (_, _, colour) in NETWORKS.items():
            band(ax, x, [curve for curve, _ in results[pathway, name]], colour, name)
        ax.set(title=title, xlabel="Examples (thousands)", xlim=(0, x[-1]))
    log_errors(axes[0])
    axes[0].legend(loc="upper right", handlelength=1.4)
    tidy(*axes)
save(figure, __file__)

ends = {key: np.array([error for _, error in runs]) for key, runs in results.items()}
for (pathway, name), error in ends.items():
    print(f"{pathway}, {name}: test error {100 * error.mean():.3g} % of the variance ({mean_sd(error)})")
for pathway, part in {"alignment": "", "backprop": "backprop_"}.items():
    frozen, three, four = (ends[pathway, name] for name in NETWORKS)
    assert (frozen > three).all() and (frozen > 1.5 * four).all() and three.mean() > four.mean()
    if not QUICK:
        RESULTS.check(f"s6_{part}frozen", frozen)
        RESULTS.check(f"s6_{part}three_layers", three)
        RESULTS.check(f"s6_{part}learning", four)
