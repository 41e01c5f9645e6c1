"""Activation relaxation with softmax outputs and cross-entropy, and what can be left out of it.

Millidge, Tschantz, Seth & Buckley (2020), Activation relaxation: a local dynamical approximation to backpropagation in
the brain, https://doi.org/10.48550/arXiv.2009.05359, Fig. 5.

Shows: test errors of rectifiers with softmax outputs, which learn by backpropagation, by activation relaxation, with
backward weights that learn, without the rectifier's derivative in the relaxation, and with both; and the angle between
the updates of the first layer and backpropagation's. The data are scikit-learn's digits and the network is
64-60-60-30-10; with ``mnist`` they are the paper's, 784-300-300-100-10, which was not run. Arguments: figure
(``cross_entropy.png``), seeds (1; the paper has 5), epochs (10; the paper has 50), where runs are kept (a temporary
directory; given, an interrupted study goes on), and data (``digits``). The numbers are in
``docs/results/millidge2020.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, mean_sd, metrics_of, save, tidy
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, STYLE

SEEDS, EPOCHS = (1, 3) if QUICK else (int(n) for n in [*sys.argv[2:4], *["1", "10"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
DATA = sys.argv[5] if len(sys.argv) > 5 else "digits"
AT_ONCE = {"closed_form": True}  # the state after 100 steps, computed in 4
NETWORKS = {  # name -> (label, parameters, colour)
    "backprop": ("backpropagation", {"pathway": "backprop"}, INK),
    "relaxation": ("relaxation", AT_ONCE, BLUE),
    "plain": ("without derivative", {"derivative": False} | AT_ONCE, GREEN),
    "learned": ("learned backward weights", {"pathway": "learned"} | AT_ONCE, ORANGE),
    "both": ("learned, without derivative", {"pathway": "learned", "derivative": False} | AT_ONCE, PURPLE),
}
FULL = not QUICK and EPOCHS == 10 and DATA == "digits"
RESULTS = results_beside(__file__)
SMALL = {"sizes": (64, 60, 60, 30, 10), "weight_sd": 0.15, "eta": 2e-3} if DATA == "digits" else {}


def run(name, seed):
    """Return a network with a seed, run until it ends or its weights have grown without bound: its metrics."""
    made = new_run(
        KEPT / f"{name}-{seed}",
        "millidge2020_ar",
        SMALL | {"loss": "cross_entropy"} | NETWORKS[name][1],
        data=DATA,
        streams=64,
        seed=seed,
        epochs=EPOCHS,
        record_activity=False,
        diagnostics=True,
    )
    return metrics_of(made, NETWORKS[name][0])


metrics = {name: [run(name, seed) for seed in range(SEEDS)] for name in NETWORKS}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(5.4, 2.7), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, (label, _, colour) in NETWORKS.items():
        for seed, rows in enumerate(metrics[name]):
            line = {"color": colour, "linewidth": 0.9, "marker": ".", "markersize": 3}
            left.plot(rows["epoch"], 100 * rows["test_error"], label=None if seed else label, **line)
            if name != "backprop":
                right.plot(rows["epoch"], rows["update_angle_deg_image_to_h1"], **line)
    left.set(yscale="log", ylabel="Test error (%)")
    left.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    right.set(ylabel="Angle of updates and\nbackpropagation's (degrees)", ylim=(0, 105), yticks=[0, 30, 60, 90])
    for ax in (left, right):
        ax.set(xlabel="Epoch", xlim=(0, EPOCHS))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, handlelength=1.4)
    tidy(left, right)
save(figure, __file__)

last = {name: 100 * np.array([rows["test_error"][-1] for rows in several]) for name, several in metrics.items()}
for name, errors in last.items():
    angles = [rows["update_angle_deg_image_to_h1"][-1] for rows in metrics[name]]
    print(f"{NETWORKS[name][0]}: test error {mean_sd(errors)} %, first layer's updates at {mean_sd(angles)} degrees")
    if FULL and name != "both":  # which grows without bound, and then anything
        RESULTS.check(f"cross_entropy_{name}", errors)
        RESULTS.check(f"cross_entropy_{name}_angle", angles)
assert abs(last["relaxation"].mean() - last["backprop"].mean()) < (20 if QUICK else 2)
assert all(rows["update_angle_deg_image_to_h1"][1] < 10 for rows in metrics["relaxation"])  # in the first epoch
