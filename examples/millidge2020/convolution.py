"""Activation relaxation through convolutions and maxima, and what can be left out of it.

Millidge, Tschantz, Seth & Buckley (2020), Activation relaxation: a local dynamical approximation to backpropagation in
the brain, https://doi.org/10.48550/arXiv.2009.05359, appendix C (Fig. 6).

Shows: test errors of two convolutions of 32 and 64 maps, each with maxima over 2 x 2, and 64, 120 and 10 units, which
learn by backpropagation, by activation relaxation, with backward weights that learn, without the derivative in the
relaxation, and with both. The data are the CIFAR-10 part, JPEG: 15,000 of CIFAR-10's training images, packed again. So
errors are not the paper's, and backpropagation is the baseline. Arguments: figure (``convolution.png``), seeds (1; the
paper has 5), epochs (1), where runs are kept (a temporary directory; given, an interrupted study goes on). Full run:
about 25 minutes a seed on one busy core. The numbers are in ``docs/results/millidge2020.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, errors_by_epoch, mean_sd, metrics_of, save
from matplotlib.figure import Figure

from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, STYLE

SEEDS, EPOCHS = (1, 2) if QUICK else (int(n) for n in [*sys.argv[2:4], *["1", "1"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
NETWORKS = {  # name -> (label, parameters, colour)
    "backprop": ("backpropagation", {"pathway": "backprop"}, INK),
    "relaxation": ("relaxation", {}, BLUE),
    "plain": ("without derivative", {"derivative": False}, GREEN),
    "learned": ("learned backward weights", {"pathway": "learned"}, ORANGE),
    "both": ("learned, without derivative", {"pathway": "learned", "derivative": False}, PURPLE),
}
FULL = not QUICK and EPOCHS == 1
RESULTS = results_beside(__file__)
SMALL = {"sizes": (64, 30, 20, 10), "grid": (1, 8, 8), "convolutions": (8,), "weight_sd": 0.2, "eta": 2e-3}


def run(name, seed):
    """Return a network with a seed, run until it ends or its weights have grown without bound: its metrics."""
    made = new_run(
        KEPT / f"{name}-{seed}",
        "millidge2020_ar",
        (SMALL if QUICK else {}) | NETWORKS[name][1],
        preset="cnn",
        data="digits" if QUICK else "cifar10-jpeg",
        streams=64,
        seed=seed,
        epochs=EPOCHS,
        evaluate_every=1 if QUICK else 0.25,
        record_activity=False,
    )
    return metrics_of(made, NETWORKS[name][0])


metrics = {name: [] for name in NETWORKS}
for seed in range(SEEDS):  # all networks with a seed before the next, so that what is there can be compared
    for name, several in metrics.items():
        several.append(run(name, seed))

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(4.2, 2.7), dpi=150, layout="constrained")
    ax = figure.subplots()
    errors_by_epoch(ax, NETWORKS, metrics, "Digits" if QUICK else "CIFAR-10 part, JPEG")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, handlelength=1.4)
save(figure, __file__)

last = {name: 100 * np.array([rows["test_error"][-1] for rows in several]) for name, several in metrics.items()}
for name, errors in last.items():
    print(f"{NETWORKS[name][0]}: test error {mean_sd(errors)} %")
    if FULL:
        RESULTS.check(f"convolution_{name}", errors)
assert abs(last["relaxation"].mean() - last["backprop"].mean()) < (10 if QUICK else 2)
assert all(rows["test_error"][-1] < 0.8 * rows["test_error"][0] for rows in metrics["relaxation"])
