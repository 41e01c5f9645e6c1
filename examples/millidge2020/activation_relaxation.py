"""Activation relaxation: feedback that relaxes to backpropagation's gradient, and what can be left out of it.

Millidge, Tschantz, Seth & Buckley (2020), Activation relaxation: a local dynamical approximation to backpropagation in
the brain, https://doi.org/10.48550/arXiv.2009.05359.

Shows: test errors on MNIST of 784-300-300-100-10 rectifiers, which learn by backpropagation, by activation relaxation
with the transposed forward weights, with backward weights that learn, without the rectifier's derivative in the
relaxation, with both, and with backward weights that stay as they are; the angle between the updates of the first layer
and backpropagation's; and that between backward weights and the transposed forward ones. Arguments: figure
(``activation_relaxation.png``), seeds (1; the paper has 5), epochs (10; the paper has 50), and where runs are kept (a
temporary directory): given, an interrupted study goes on. Full run: about an hour and a half a seed on one core. The
numbers are in ``docs/results/millidge2020.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _study import QUICK, mean_sd, metrics_of, save, tidy
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 10) if QUICK else (int(n) for n in [*sys.argv[2:4], *["1", "10"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
AT_ONCE = {"closed_form": True}  # the state after 100 steps, computed in 4
NETWORKS = {  # name -> (label, parameters, colour)
    "backprop": ("backpropagation", {"pathway": "backprop"}, INK),
    "relaxation": ("relaxation", AT_ONCE, BLUE),
    "plain": ("without derivative", {"derivative": False} | AT_ONCE, GREEN),
    "learned": ("learned backward weights", {"pathway": "learned"} | AT_ONCE, ORANGE),
    "both": ("learned, without derivative", {"pathway": "learned", "derivative": False} | AT_ONCE, PURPLE),
    "fixed": ("fixed backward weights", {"pathway": "fixed"} | AT_ONCE, VERMILLION),
}
FEW = {"relaxation": 30, "relaxation_step": 0.3}
SMALL = {"sizes": (64, 60, 60, 30, 10), "weight_sd": 0.15, "eta": 1e-3, **FEW} if QUICK else {}


def run(name, seed):
    """Return a network with a seed, run until it ends or its weights have grown without bound: its metrics."""
    made = new_run(
        KEPT / f"{name}-{seed}",
        "millidge2020_ar",
        SMALL | NETWORKS[name][1],
        data="digits" if QUICK else "mnist",
        streams=64,
        seed=seed,
        epochs=EPOCHS,
        record_activity=False,
        diagnostics=True,
    )
    return metrics_of(made, NETWORKS[name][0])


metrics = {name: [run(name, seed) for seed in range(SEEDS)] for name in NETWORKS}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.8), dpi=150, layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for name, (label, _, colour) in NETWORKS.items():
        for seed, rows in enumerate(metrics[name]):
            line = {"color": colour, "linewidth": 0.9}
            left.plot(rows["epoch"], 100 * rows["test_error"], label=None if seed else label, **line)
            if name != "backprop":
                middle.plot(rows["epoch"], rows["update_angle_deg_image_to_h1"], **line)
            if name in ("learned", "both", "fixed"):
                right.plot(rows["epoch"], rows["weight_angle_deg_h3"], **line)
                right.plot(rows["epoch"], rows["weight_angle_deg_h1"], "--", **line)
    left.set(yscale="log", ylabel="Test error (%)")
    left.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    middle.set(ylabel="Angle of updates and\nbackpropagation's (degrees)")
    right.set(ylabel="Angle of backward and\ntransposed W (degrees)")
    right.plot([], [], color=INK, label="h3 and the output")
    right.plot([], [], "--", color=INK, label="h1 and h2")
    right.legend(loc="lower left", handlelength=1.8)
    for ax in (middle, right):
        ax.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
        ax.set(ylim=(0, 125), yticks=[0, 30, 60, 90, 120])
    for ax in (left, middle, right):
        ax.set(xlabel="Epoch", xlim=(0, EPOCHS))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3, handlelength=1.4)
    tidy(left, middle, right)
save(figure, __file__)

last = {name: 100 * np.array([rows["test_error"][-1] for rows in several]) for name, several in metrics.items()}
for name, errors in last.items():
    columns = [c for c in metrics[name][0] if c.startswith("update_angle_deg_") and not c.endswith("output")]
    angles = ", ".join(mean_sd([rows[column][-1] for rows in metrics[name]]) for column in columns)
    print(f"{NETWORKS[name][0]}: test error {mean_sd(errors)} %, updates of hidden layers at {angles} degrees")
for name in ("learned", "both", "fixed"):
    turned = (f"{mean_sd([rows[f'weight_angle_deg_h{n}'][-1] for rows in metrics[name]])}" for n in (1, 2, 3))
    print(f"{NETWORKS[name][0]}: at {', '.join(turned)} degrees from the transposed W, h1 to h3")
assert abs(last["relaxation"].mean() - last["backprop"].mean()) < (5 if QUICK else 0.5)
assert all(rows["update_angle_deg_image_to_h1"][-1] < 10 for rows in metrics["relaxation"])
assert all(rows["weight_angle_deg_h3"][-1] < rows["weight_angle_deg_h3"][0] - 10 for rows in metrics["learned"])
