"""Feedback weights learned by node perturbation, beside fixed ones and backpropagation.

Lansdell, Prakash & Kording (2020), Learning to solve the credit assignment problem, ICLR,
https://doi.org/10.48550/arXiv.1906.00889, Fig. 2.

Shows: test errors on MNIST of 784-50-20-10 logistic units whose feedback weights learn what noise on each hidden unit
does to the loss (standard deviations from 1e-4 to 0.1), stay random (feedback alignment), or are the transposed forward
weights (backpropagation); the angle between the updates of the first layer and backpropagation's; how the feedback
weights B differ from the transposed forward weights W: the norm of the difference over that of W, and the weights with
equal signs; and the test error with the noise on the hidden units, which the paper's code measures. Arguments: figure
(``node_perturbation.png``), seeds (1), epochs (40: 75,000 batches of 32; the paper's code has 1067), and where runs are
kept (a temporary directory): given, an interrupted study goes on, and more epochs are added to those that are there.
The numbers are in ``docs/results/lansdell2020.md``, with those of 267 epochs.
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

from spikefa.datasets.dataset import pixels
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, SKY, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 16) if QUICK else (int(n) for n in [*sys.argv[2:4], *["1", "40"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
NETWORKS = {  # name -> (label, parameters, colour)
    "c4": ("learned, noise of 1e-4", {"noise": 1e-4, "dtype": "float64"}, GREEN),
    "c3": ("noise of 1e-3", {"noise": 1e-3}, SKY),
    "c2": ("noise of 0.01", {}, BLUE),
    "c1": ("noise of 0.1", {"noise": 0.1}, ORANGE),
    "fa": ("fixed", {"pathway": "alignment"}, VERMILLION),
    "bp": ("backpropagation", {"pathway": "backprop"}, INK),
}
if QUICK:
    NETWORKS = {name: NETWORKS[name] for name in ("c2", "c1", "fa", "bp")}
#: Curves that lie on each other: the upper ones are thinner.
WIDTHS = {"c4": 2.6, "c3": 1.9, "c2": 1.3}
#: Results of these epochs, by the name of a network.
IDS = {
    40: {name: f"fig2_{name}" for name in NETWORKS},
    267: {"c2": "learned", "c1": "noisy", "fa": "alignment", "bp": "backprop"},
}
CHECKED = {} if QUICK else IDS.get(EPOCHS, {})
RESULTS = results_beside(__file__)
SMALL = {"sizes": (64, 50, 20, 10), "eta": 4e-3, "eta_feedback": 1e-3, "warm_up": 100} if QUICK else {}


def run(name, seed):
    """Return a network's run with a seed, made to its end, and its metrics."""
    made = new_run(
        KEPT / f"{name}-{seed}",
        "lansdell2020_np",
        SMALL | NETWORKS[name][1],
        data="digits" if QUICK else "mnist",
        streams=32,
        seed=seed,
        epochs=EPOCHS,
        evaluate_every=max(1, EPOCHS // 20),
        record_activity=False,
        diagnostics=True,
    )
    return made, made.train()


def error_with_noise(made):
    """Test error in percent of the outputs that noise on the hidden units' outputs reaches."""
    net, data, rng = made.trained_network(), made.dataset(), np.random.default_rng(made.seed)
    y = pixels(data.test_images)
    for layer, projection in zip(net.layers, [p for p in net.projections if p.post in net.layers], strict=True):
        y = y @ projection.W + projection.b
        if layer in net.hidden:
            y = 1 / (1 + np.exp(-y))
            y += made.params.noise * rng.standard_normal(y.shape)
    return 100 * np.mean(y.argmax(axis=1) != data.test_labels)


runs = {(name, seed): run(name, seed) for seed in range(SEEDS) for name in NETWORKS}  # seed 0 of all first
metrics = {name: [runs[name, seed][1] for seed in range(SEEDS)] for name in NETWORKS}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 4.2), dpi=150, layout="constrained")
    (test, turned), (apart, signs) = figure.subplots(2, 2)
    for name, (label, _, colour) in NETWORKS.items():
        for seed, rows in enumerate(metrics[name]):
            line = {"color": colour, "linewidth": WIDTHS.get(name, 0.8)}
            test.plot(rows["epoch"], 100 * rows["test_error"], label=None if seed else label, **line)
            if name == "bp":
                continue
            turned.plot(rows["epoch"], rows["update_angle_deg_image_to_h1"], **line)
            for layer, style in (("h2", "-"), ("h1", "--")):
                apart.plot(rows["epoch"], rows[f"weight_relative_error_{layer}"], style, **line)
                signs.plot(rows["epoch"], 100 * rows[f"weight_sign_{layer}"], style, **line)
    test.set(yscale="log", ylabel="Test error (%)")
    test.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    turned.set(ylabel="Angle of updates and\nbackpropagation's (degrees)", ylim=(0, 100), yticks=[0, 30, 60, 90])
    apart.set(ylabel="Relative error of B", ylim=(0, 2))
    signs.set(ylabel="Equal signs of B and\nthe transposed W (%)", ylim=(30, 101))
    signs.axhline(50, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    apart.plot([], [], color=INK, label="to h2")
    apart.plot([], [], "--", color=INK, label="to h1")
    apart.legend(loc="upper right", handlelength=2)
    for ax in (test, turned, apart, signs):
        ax.set(xlabel="Epoch", xlim=(0, EPOCHS))
    figure.legend(*test.get_legend_handles_labels(), loc="outside lower center", ncols=6, handlelength=1.4)
    tidy(test, turned, apart, signs)
save(figure, __file__)

MEASURES = {  # name in the results -> column, factor, unit
    "feedback_angle": ("weight_angle_deg", 1, "degrees"),
    "relative": ("weight_relative_error", 1, ""),
    "signs": ("weight_sign", 100, "%"),
}
last = {name: 100 * np.array([rows["test_error"][-1] for rows in several]) for name, several in metrics.items()}
for name, errors in last.items():
    late = [rows["update_angle_deg_image_to_h1"][len(rows["epoch"]) // 2 :].mean() for rows in metrics[name]]
    print(f"{NETWORKS[name][0]}: test error {mean_sd(errors)} %, updates in the second half at {mean_sd(late)} degrees")
    found = {"": errors, "_update_angle": late}
    if name not in ("fa", "bp") and EPOCHS != 267:
        found["_with_noise"] = [error_with_noise(runs[name, seed][0]) for seed in range(SEEDS)]
        print(f"    with the noise: {mean_sd(found['_with_noise'])} %")
    for layer in ("h2", "h1") if name != "bp" else ():
        for measure, (column, factor, unit) in MEASURES.items():
            values = [factor * rows[f"{column}_{layer}"][-1] for rows in metrics[name]]
            print(f"    B to {layer}, {measure}: {mean_sd(values)} {unit}")
            if EPOCHS == 40 or measure == "feedback_angle":  # the others were not measured in the long runs
                found[f"_{measure}_{layer}"] = values
    for suffix, values in found.items() if name in CHECKED else ():
        RESULTS.check(CHECKED[name] + suffix, values)
angle = {name: np.mean([rows["weight_angle_deg_h2"][-1] for rows in several]) for name, several in metrics.items()}
assert angle["c2"] < angle["fa"]
assert last["c2"].mean() < (60 if QUICK else last["fa"].mean())
