"""Feedback weights learned by least squares while the forward weights stay: how near they come to the transposed ones.

Lansdell, Prakash & Kording (2020), Learning to solve the credit assignment problem, ICLR,
https://doi.org/10.48550/arXiv.1906.00889, Fig. 4.

Shows: relative error, angle and sign congruence of the feedback weights B with the transposed forward weights, of the
weights from the output to h2 and from h2 to h1 of 784-50-20-10 logistic units on MNIST, against the number of images,
for noise of standard deviations from 1e-4 to 1e-1; and at the end against the units N of h1 in 784-N-50-10. The weights
are the ridge regression (gamma 0.1) of all images so far, after each batch of 4,000. Arguments: figure
(``feedback_weights.png``), seeds (3), epochs (10). The numbers are in ``docs/results/lansdell2020.md``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, mean_sd, save, tidy
from matplotlib.figure import Figure

from spikefa import datasets, metrics
from spikefa.experiments import model_file
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 8) if QUICK else (int(n) for n in [*sys.argv[2:4], *["3", "10"][len(sys.argv[2:4]) :]])
NOISES = {1e-4: GREEN, 1e-3: ORANGE, 1e-2: BLUE, 1e-1: VERMILLION}
if QUICK:
    NOISES = {1e-2: BLUE, 1e-1: VERMILLION}
WIDTHS = (10, 20) if QUICK else (25, 100, 400)
BATCH = 500 if QUICK else 4000
LAYERS = {"h2": "error_output_to_feedback_h2", "h1": "feedback_h2_to_feedback_h1"}
FULL = not QUICK and EPOCHS == 10
RESULTS = results_beside(__file__)
MODEL = model_file.load("lansdell2020_np")
DATA = datasets.load("digits" if QUICK else "mnist")
PIXELS = DATA.train_images.shape[1]


def distances(net):
    """Relative error, angle (degrees) and sign congruence (%) of B with the transposed W, to h2 and to h1."""
    found = []
    for layer, above in (("h2", "output"), ("h1", "h2")):
        W, B = net[f"{layer}_to_{above}"].W.T, net[LAYERS[layer]].W
        error = np.linalg.norm(B - W) / np.linalg.norm(W)
        found.append((error, metrics.angle(B, W), 100 * metrics.sign_congruence(B, W)))
    return found


def learned(seed, noise=1e-2, sizes=(50, 20)):
    """Images shown, and the distances (looks, layer, measure) after so many."""
    params = {"sizes": (PIXELS, *sizes, 10), "noise": noise, "feedback_rule": "least_squares", "dtype": "float64"}
    net = MODEL.build(MODEL.params(params, "fixed"), streams=BATCH, seed=seed)
    rng, count = np.random.default_rng(seed), len(DATA.train_images)
    order = np.concatenate([rng.permutation(count) for _ in range(EPOCHS)])
    looks = np.unique(np.geomspace(1, len(order) // BATCH, 24).astype(int)) * BATCH
    found = []
    for start, end in zip([0, *looks], looks, strict=False):
        now = order[start:end]
        net.stimulus.show_images(DATA.train_images[now], DATA.train_labels[now])
        net.run_steps(len(now) // BATCH)
        found.append(distances(net))
    return looks, np.array(found)


def foretold(seed):
    """Relative error of B, to h2 and to h1, that least squares has after so many images with all upper weights right.

    A unit's ``xi (L~ - L) / c^2`` has a variance of the squared gradient of its whole layer; directions of the layer
    above with little variance count by its inverse. Also the share of the variance of h2's in its 10 least directions.
    """
    net = MODEL.build(MODEL.params({"sizes": (PIXELS, 50, 20, 10), "dtype": "float64"}, "fixed"), seed=seed)
    W = [net[name].W for name in ("image_to_h1", "h1_to_h2", "h2_to_output")]
    y = DATA.train_images[:10_000] / (255 if DATA.train_images.dtype == np.uint8 else 1)
    for weights in W[:2]:
        y = 1 / (1 + np.exp(-y @ weights))
    e = y @ W[2] - np.eye(10)[DATA.train_labels[:10_000]]
    d = (e @ W[2].T) * y * (1 - y)
    count, found = EPOCHS * len(DATA.train_images), []
    for x, weights in ((e, W[2]), (d, W[1])):
        variances = np.linalg.eigvalsh(x.T @ x) / len(x)
        gradient = ((x @ weights.T) ** 2).sum(axis=1).mean()
        found.append(np.sqrt(len(weights) * gradient * (1 / variances).sum() / count / (weights**2).sum()))
    return *found, 100 * variances[:10].sum() / variances.sum()


curves = {noise: [learned(seed, noise) for seed in range(SEEDS)] for noise in NOISES}
widths = {N: [learned(seed, sizes=(N, 50))[1][-1] for seed in range(SEEDS)] for N in WIDTHS}

MEASURES = ("Relative error of B", "Angle of B and the\ntransposed W (degrees)", "Equal signs (%)")
with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 4.6), dpi=150, layout="constrained")
    top, bottom = figure.subplots(2, 3)
    for noise, colour in NOISES.items():
        for seed, (images, found) in enumerate(curves[noise]):
            for number, ax in enumerate(top):
                line = {"color": colour, "linewidth": 0.9}
                ax.plot(images, found[:, 0, number], label=None if seed else f"noise of {noise:g}", **line)
                ax.plot(images, found[:, 1, number], "--", **line)
    for number, ax in enumerate(bottom):
        values = np.array([widths[N] for N in WIDTHS])  # width, seed, layer, measure
        for layer, style, label in ((0, "o-", "to h2"), (1, "s--", "to h1")):
            ax.plot(WIDTHS, values[:, :, layer, number].mean(axis=1), style, color=INK, markersize=3, label=label)
            ax.plot(WIDTHS, values[:, :, layer, number], ".", color=BLUE, markersize=3)
        ax.set(xscale="log", xlabel="Units N of h1")
        ax.set_xticks(WIDTHS, [str(N) for N in WIDTHS])
        ax.minorticks_off()
    for row in (top, bottom):
        row[0].set(yscale="log")
        row[1].set(ylim=(0, 95), yticks=[0, 30, 60, 90])
        row[2].set(ylim=(45, 101))
        for ax, label in zip(row, MEASURES, strict=True):
            ax.set_ylabel(label)
    for ax in top:
        ax.set(xscale="log", xlabel="Images")
    bottom[2].legend(loc="lower left", handlelength=2.4)
    figure.legend(*top[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, handlelength=1.4)
    tidy(*top, *bottom)
save(figure, __file__)


def report(name, values):
    """Print the distances of (seeds, layer, measure), and check them."""
    for number, layer in enumerate(LAYERS):
        error, angle, same = values[:, number].T
        print(f"{name}, B to {layer}: error {mean_sd(error)}, angle {mean_sd(angle)} degrees, signs {mean_sd(same)} %")
        if FULL:
            for measure, found in (("error", error), ("angle", angle), ("signs", same)):
                RESULTS.check(f"{name}_{layer}" if measure == "error" else f"{name}_{layer}_{measure}", found)


last = {noise: np.array([found[-1] for _, found in several]) for noise, several in curves.items()}
for noise, values in last.items():
    report(f"lsq_c{round(-np.log10(noise))}", values)
to_h2, to_h1, share = np.array([foretold(seed) for seed in range(SEEDS)]).T
print(f"foretold errors: to h2 {mean_sd(to_h2)}, to h1 {mean_sd(to_h1)}; least 10 directions have {mean_sd(share)} %")
if FULL:
    RESULTS.check("lsq_c2_h2_foretold", to_h2)
    RESULTS.check("lsq_c2_h1_foretold", to_h1)
    RESULTS.check("lsq_c2_h1_least", share)
for N in WIDTHS:
    report(f"lsq_n{N}", np.array(widths[N]))
assert all((values[:, 0, 1] < (80 if QUICK else 15)).all() for values in last.values())
assert all(several[0][1][-1, 0, 0] < several[0][1][0, 0, 0] for several in curves.values())
