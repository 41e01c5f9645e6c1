"""Figure 4's controls: what learning in the hidden layers adds, and which errors it receives.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: test errors of the spiking network, 784-500-500-500-500, with the rule, loss and averaging of the preset
``dense``, where the hidden layers learn from errors through fixed random weights (feedback alignment), through the
transposed forward weights (backpropagation with the same units), through random weights in a new order in every step,
or do not learn: with the initial weights of the paper, scaled for the width, and with larger ones, through which the
signals of three random stochastic layers pass. And two angles: of the forward weights with the feedback weights, and of
the updates with those of backpropagation. Rates and ranges of the weights were chosen on the last 10,000 training
images, for each control its own. Arguments: figure (``fig4_controls.png``), seeds (5), epochs (4), and where runs are
kept (a temporary directory): given, an interrupted study goes on. Full run: about an hour on one core. The numbers are
in ``docs/results/lillicrap2016.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _narrow import BACKPROP, narrow_run
from _results import results_beside
from _study import QUICK, mean_sd, save, tidy
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, STYLE, VERMILLION

RESULTS = results_beside(__file__)
SEEDS, EPOCHS = (1, 6) if QUICK else (int(n) for n in [*sys.argv[2:4], *["5", "4"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
CONTROLS = {  # name -> (label, changes, colour)
    "alignment": ("random feedback", {}, BLUE),
    "backprop": ("backpropagation", {"pathway": "backprop"} | BACKPROP, INK),
    "shuffled_feedback": ("shuffled feedback", {"pathway": "shuffled_feedback"}, VERMILLION),
    "output_only_large": ("frozen, weights ±2", {"pathway": "output_only", "weight_range": 2.0}, GREEN),
    "output_only": ("frozen, weights ±0.1", {"pathway": "output_only"}, ORANGE),
}


def run(name, seed):
    """Return a control with a seed, run to its end: its metrics."""
    return narrow_run(KEPT / f"{name}-{seed}", CONTROLS[name][1], seed, EPOCHS, evaluate_every=2).train()


metrics = {name: [run(name, seed) for seed in range(SEEDS)] for name in CONTROLS}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.7), dpi=150, layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for name, (label, _, colour) in CONTROLS.items():
        epochs = metrics[name][0]["epoch"]
        errors = 100 * np.array([rows["test_error"] for rows in metrics[name]])
        left.plot(epochs, errors.T, color=colour, linewidth=0.3, alpha=0.5)
        left.plot(epochs, errors.mean(axis=0), color=colour, linewidth=1.4, label=label)
    left.set(yscale="log", ylabel="Test error (%)", xlabel="Epoch", xlim=(0, EPOCHS))
    left.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=5, handlelength=1.4)
    for layer, line in (("h1", "-"), ("h2", "--"), ("h3", ":")):
        angles = np.mean([rows[f"weight_angle_deg_{layer}"] for rows in metrics["alignment"]], axis=0)
        middle.plot(metrics["alignment"][0]["epoch"], angles, line, color=BLUE, label=f"out of {layer}")
    for layer, line in (("image_to_h1", "-"), ("h1_to_h2", "--"), ("h2_to_h3", ":")):
        for name in ("alignment", "shuffled_feedback"):
            angles = np.mean([rows[f"update_angle_deg_{layer}"] for rows in metrics[name]], axis=0)
            right.plot(
                metrics[name][0]["epoch"],
                angles,
                line,
                color=CONTROLS[name][2],
                label=f"into {layer.split('_')[-1]}" if name == "alignment" else None,
            )
    middle.set(ylabel="Angle of W and Bᵀ (degrees)")
    right.set(ylabel="Angle of updates and\nbackpropagation's (degrees)")
    for ax in (middle, right):
        ax.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
        ax.set(xlabel="Epoch", xlim=(0, EPOCHS), ylim=(30, 100))
        ax.set_yticks([30, 60, 90])
        ax.legend(loc="lower left", handlelength=1.8)
    for ax in (left, middle, right):
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    tidy(left, middle, right)
save(figure, __file__)

last = {name: 100 * np.array([rows["test_error"][-1] for rows in several]) for name, several in metrics.items()}
for name, errors in last.items():
    print(f"{CONTROLS[name][0]}: test error {mean_sd(errors)} %")
assert last["alignment"].mean() < 40
others = ("output_only", "output_only_large", "shuffled_feedback")
assert last["alignment"].mean() < min(last[name].mean() for name in others)
if not QUICK and EPOCHS == 4:
    for name, errors in last.items():
        RESULTS.check(f"controls_{name}", errors)
    assert last["backprop"].mean() < last["alignment"].mean()
    for name in ("alignment", "backprop", "shuffled_feedback"):
        for at, layer in enumerate(("image_to_h1", "h1_to_h2", "h2_to_h3")):
            ends = [rows[f"update_angle_deg_{layer}"][-1] for rows in metrics[name]]
            RESULTS.check(f"controls_{name}_angles", ends, at)
