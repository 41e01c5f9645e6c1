"""Feedback weights from the output to each layer of a convolutional network, learned by node perturbation.

Lansdell, Prakash & Kording (2020), Learning to solve the credit assignment problem, ICLR,
https://doi.org/10.48550/arXiv.1906.00889, Table 1.

Shows: test errors of three convolutions with maxima and two layers of units, which learn by backpropagation, and by
direct feedback weights that learn from noise on all hidden units, that learn from the gradient, or that stay. Widths
are 16, 32 and 64 maps and 128 units a layer, where the paper has 32, 128, 256 and 2048. The data are the CIFAR-10 part,
JPEG: 15,000 of CIFAR-10's training images, packed again. So errors are not the paper's, and backpropagation is the
baseline.
Arguments: figure (``convolution.png``), seeds (1), epochs (1), where runs are kept (a temporary directory; given, an
interrupted study goes on). Full run: about 10 minutes a seed on one busy core. The numbers are in
``docs/results/lansdell2020.md``.
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
from spikefa.plotting.style import BLUE, GREEN, INK, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 3) if QUICK else (int(n) for n in [*sys.argv[2:4], *["1", "1"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
NETWORKS = {  # name -> (label, parameters, colour)
    "backprop": ("backpropagation", {"pathway": "backprop"}, INK),
    "learned": ("learned direct feedback", {}, BLUE),
    "direct": ("fixed direct feedback", {"pathway": "direct"}, VERMILLION),
    "sg": ("learned from the gradient", {"pathway": "synthetic_gradients"}, GREEN),
}
FULL = not QUICK and EPOCHS == 1
RESULTS = results_beside(__file__)
SMALL = {"grid": (1, 8, 8), "maps": (4, 8), "hidden": (40, 40), "eta": 1e-2, "dropout": 0.2} if QUICK else {}


def run(name, seed):
    """Return a network with a seed, run to its end: its metrics."""
    made = new_run(
        KEPT / f"{name}-{seed}",
        "lansdell2020_cnn",
        SMALL | NETWORKS[name][1],
        preset="reduced",
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
    figure = Figure(figsize=(3.6, 2.5), dpi=150, layout="constrained")
    ax = figure.subplots()
    errors_by_epoch(ax, NETWORKS, metrics, "Digits" if QUICK else "CIFAR-10 part, JPEG")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2, handlelength=1.4)
save(figure, __file__)

last = {name: 100 * np.array([rows["test_error"][-1] for rows in several]) for name, several in metrics.items()}
for name, errors in last.items():
    print(f"{NETWORKS[name][0]}: test error {mean_sd(errors)} %")
    if FULL:
        RESULTS.check(f"convolution_{name}", errors)
assert all((errors < 80).all() for errors in last.values())  # all learn
