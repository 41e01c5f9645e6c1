"""Autoencoders through two units, whose feedback weights are learned, fixed, or the transposed forward weights.

Lansdell, Prakash & Kording (2020), Learning to solve the credit assignment problem, ICLR,
https://doi.org/10.48550/arXiv.1906.00889, Fig. 3 and Table 2, left.

Shows: what 784-200-2-200-784 (tanh, linear, tanh, rectified units) loses of MNIST's test images, with feedback weights
that learn by node perturbation (NP), from the true gradient (SG), by the forward weights' updates (matched), stay
random (FA) or are the transposed forward weights (BP, with Adam, and as a denoising autoencoder, DAE), with and without
noise on the activations; and where the two units of the bottleneck put each digit. The loss is that of a batch: half
the squared error, summed over the pixels of 32 images. Arguments: figure (``autoencoder.png``), seeds (1), epochs (20),
and where runs are kept (a temporary directory): given, an interrupted study goes on, and more epochs are added to those
that are there. The paper's code has 533 epochs: 10^6 batches of 32. The numbers are in
``docs/results/lansdell2020.md``.
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

from spikefa import datasets
from spikefa.datasets.dataset import pixels
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 4) if QUICK else (int(n) for n in [*sys.argv[2:4], *["1", "20"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
TEN = matplotlib.color_sequences["tab10"]
NOISY = {"activation_noise": 0.02}
BACKPROP, ADAM = {"pathway": "backprop"}, {"pathway": "backprop", "optimizer": "adam"}
FIXED, MATCHED = {"pathway": "alignment"}, {"pathway": "kolen_pollack", "decay": 1e-4}
ROWS = {  # name -> (label, parameters, colour)
    "np": ("NP", {}, BLUE),
    "bp": ("BP", BACKPROP, INK),
    "fa": ("FA", FIXED, VERMILLION),
    "bp_adam": ("BP, Adam", ADAM, PURPLE),
    "sg": ("SG", {"pathway": "synthetic_gradients"}, GREEN),
    "dae": ("DAE", BACKPROP | {"input_noise": 0.3}, SKY),
    "matched": ("matched", MATCHED, ORANGE),
    "bp_noise": ("BP, noise", BACKPROP | NOISY, INK),
    "bp_adam_noise": ("BP, Adam, noise", ADAM | NOISY, PURPLE),
    "fa_noise": ("FA, noise", FIXED | NOISY, VERMILLION),
    "matched_noise": ("matched, noise", MATCHED | NOISY, ORANGE),
}
DRAWN = ("bp", "np", "fa")
if QUICK:
    ROWS = {name: row for name, row in ROWS.items() if name in DRAWN}
FULL = not QUICK and EPOCHS == 20
RESULTS = results_beside(__file__)
DATA = datasets.load("digits" if QUICK else "mnist")
PIXELS = DATA.train_images.shape[1]
# numpy has nothing to compile, for which small networks would wait longer than for their learning
SMALL = {"sizes": (64, 40, 2, 40, 64), "eta": 1e-3, "eta_feedback": 1e-3, "target": "numpy"} if QUICK else {}
SHOWN = 300 if QUICK else 2000
IMAGES, DIGITS = DATA.test_images[:SHOWN], DATA.test_labels[:SHOWN]


def run(name, seed):
    """Return a row's run with a seed, made to its end or gone on with, and its metrics."""
    made = new_run(
        KEPT / f"{name}-{seed}",
        "lansdell2020_np",
        SMALL | ROWS[name][1],
        preset="autoencoder",
        data="digits" if QUICK else "mnist",
        streams=32,
        seed=seed,
        epochs=EPOCHS,
        evaluate_every=2,
        record_activity=False,
    )
    return made, made.train()


def bottleneck(made):
    """Values of the two units for the images shown, (n, 2), each with mean 0 and variance 1."""
    net = made.trained_network()
    first, second = net["image_to_h1"], net["h1_to_h2"]
    values = np.tanh(pixels(IMAGES) @ first.W + first.b) @ second.W + second.b
    return (values - values.mean(axis=0)) / values.std(axis=0)


def same_digit(values):
    """Percentage of an image's 10 nearest that are the same digit."""
    apart = ((values[:, None] - values[None]) ** 2).sum(axis=2)
    nearest = np.argsort(apart, axis=1)[:, 1:11]  # the first is the image itself
    return 100 * np.mean(DIGITS[nearest] == DIGITS[:, None])


runs = {(name, seed): run(name, seed) for seed in range(SEEDS) for name in ROWS}  # seed 0 of all rows first
# Half of the squared error of 32 images, of the errors in the table: those over the variance.
targets = pixels(DATA.test_images)
UNIT = 16 * ((targets - targets.mean(axis=0)) ** 2).sum(axis=1).mean()
losses = {name: UNIT * np.array([runs[name, seed][1]["test_error"] for seed in range(SEEDS)]) for name in ROWS}
epochs = runs["np", 0][1]["epoch"]
places = {name: [bottleneck(runs[name, seed][0]) for seed in range(SEEDS)] for name in DRAWN}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.3), dpi=150, layout="constrained")
    left, *panels = figure.subplots(1, 4, width_ratios=(1.35, 1, 1, 1))
    for name, (label, _, colour) in ROWS.items():
        style = {"color": colour, "linewidth": 0.9, "linestyle": (0, (3, 1.5)) if "noise" in name else "-"}
        for seed, values in enumerate(losses[name]):
            left.plot(epochs[1:], values[1:], label=None if seed or "noise" in name else label, **style)
    left.plot([], [], color=INK, linewidth=0.9, linestyle=(0, (3, 1.5)), label="with noise")
    left.set(xlabel="Epoch", ylabel="Loss of 32 test images", xlim=(0, EPOCHS))
    left.set_ylim(top=1.2 * left.get_ylim()[1])  # room for the legend
    left.legend(loc="upper right", handlelength=1.6, ncols=2, columnspacing=0.8)
    for ax, name in zip(panels, DRAWN, strict=True):
        values = places[name][0]
        for digit in range(10):
            mine = np.flatnonzero(digit == DIGITS)[:100]
            ax.scatter(*values[mine].T, s=1, linewidths=0, color=TEN[digit], label=str(digit))
        ax.set(title=ROWS[name][0], xlim=(-3, 3), ylim=(-3, 3), xticks=[], yticks=[], aspect="equal")
        ax.set(xlabel="First unit of the bottleneck")
    panels[0].set_ylabel("Second unit")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower right", ncols=10, markerscale=4)
    tidy(left, *panels)
save(figure, __file__)

last = {name: values[:, -1] for name, values in losses.items()}
for name, values in last.items():
    print(f"{ROWS[name][0]}: loss {mean_sd(values)}, test error {mean_sd(values / UNIT)} of the variance")
    if FULL:
        RESULTS.check_seeds(f"ae_{name}", values)
for name in DRAWN:
    near = [same_digit(values) for values in places[name]]
    print(f"{ROWS[name][0]}: {mean_sd(near)} % of the nearest in the bottleneck are the same digit")
    if FULL:
        RESULTS.check_seeds(f"ae_{name}_same_digit", near)
assert all((values[:, -1] < values[:, 1]).all() for values in losses.values())
