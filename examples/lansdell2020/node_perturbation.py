"""Feedback weights learned by node perturbation, beside fixed ones and backpropagation.

Lansdell, Prakash & Kording (2020), Learning to solve the credit assignment problem, ICLR,
https://doi.org/10.48550/arXiv.1906.00889, Fig. 2.

Shows: test errors on MNIST of 784-50-20-10 logistic units whose feedback weights learn what noise on each hidden unit
does to the loss (standard deviations 0.01 and 0.1), stay random (feedback alignment), or are the transposed forward
weights (backpropagation); the angle between the updates of the first layer and backpropagation's; and that between
feedback weights and the transposed forward weights. Arguments: figure (``node_perturbation.png``), seeds (1), epochs
(267: the paper's 500,000 batches of 32), and where runs are kept (a temporary directory): given, an interrupted study
goes on. The numbers are in ``docs/results/lansdell2020.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, mean_sd, save, tidy
from matplotlib.figure import Figure

from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, INK, ORANGE, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 16) if QUICK else (int(n) for n in [*sys.argv[2:4], *["1", "267"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
NETWORKS = {  # name -> (label, parameters, colour)
    "learned": ("learned, noise of 0.01", {}, BLUE),
    "noisy": ("learned, noise of 0.1", {"noise": 0.1}, ORANGE),
    "alignment": ("fixed", {"pathway": "alignment"}, VERMILLION),
    "backprop": ("backpropagation", {"pathway": "backprop"}, INK),
}
FULL = not QUICK and EPOCHS == 267
RESULTS = results_beside(__file__)
SMALL = {"sizes": (64, 50, 20, 10), "eta": 4e-3, "eta_feedback": 1e-3, "warm_up": 100} if QUICK else {}


def run(name, seed):
    """Return a network with a seed, run to its end: its metrics."""
    return new_run(
        KEPT / f"{name}-{seed}",
        "lansdell2020_np",
        SMALL | NETWORKS[name][1],
        data="digits" if QUICK else "mnist",
        streams=32,
        seed=seed,
        epochs=EPOCHS,
        evaluate_every=max(1, EPOCHS // 26),
        record_activity=False,
        diagnostics=True,
    ).train()


metrics = {name: [run(name, seed) for seed in range(SEEDS)] for name in NETWORKS}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.7), dpi=150, layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for name, (label, _, colour) in NETWORKS.items():
        for seed, rows in enumerate(metrics[name]):
            line = {"color": colour, "linewidth": 0.9}
            left.plot(rows["epoch"], 100 * rows["test_error"], label=None if seed else label, **line)
            if name != "backprop":
                middle.plot(rows["epoch"], rows["update_angle_deg_image_to_h1"], **line)
                right.plot(rows["epoch"], rows["weight_angle_deg_h2"], **line)
                right.plot(rows["epoch"], rows["weight_angle_deg_h1"], "--", **line)
    left.set(yscale="log", ylabel="Test error (%)")
    left.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    middle.set(ylabel="Angle of updates and\nbackpropagation's (degrees)")
    right.set(ylabel="Angle of B and the\ntransposed W (degrees)")
    right.plot([], [], color=INK, label="to h2")
    right.plot([], [], "--", color=INK, label="to h1")
    right.legend(loc="upper right", handlelength=1.8)
    for ax in (middle, right):
        ax.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
        ax.set(ylim=(0, 125), yticks=[0, 30, 60, 90])
    for ax in (left, middle, right):
        ax.set(xlabel="Epoch", xlim=(0, EPOCHS))
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, handlelength=1.4)
    tidy(left, middle, right)
save(figure, __file__)

last = {name: 100 * np.array([rows["test_error"][-1] for rows in several]) for name, several in metrics.items()}
for name, errors in last.items():
    late = [rows["update_angle_deg_image_to_h1"][len(rows["epoch"]) // 2 :].mean() for rows in metrics[name]]
    print(f"{NETWORKS[name][0]}: test error {mean_sd(errors)} %, updates in the second half at {mean_sd(late)} degrees")
    if FULL:
        RESULTS.check(name, errors)
        RESULTS.check(f"{name}_update_angle", late)
angles = {name: [rows["weight_angle_deg_h2"][-1] for rows in several] for name, several in metrics.items()}
for name in list(NETWORKS)[:3]:
    h1 = [rows["weight_angle_deg_h1"][-1] for rows in metrics[name]]
    print(f"{NETWORKS[name][0]}: B to h2 and h1 at {mean_sd(angles[name])} and {mean_sd(h1)} degrees from W.T")
    if FULL:
        RESULTS.check(f"{name}_feedback_angle_h2", angles[name])
        RESULTS.check(f"{name}_feedback_angle_h1", h1)
assert np.mean(angles["learned"]) < np.mean(angles["alignment"])
assert last["learned"].mean() < (60 if QUICK else last["alignment"].mean())
if FULL:  # as well as backpropagation, and better than fixed ones
    assert last["learned"].mean() < min(last["backprop"].mean() + 0.6, last["alignment"].mean() - 1)
