"""What the studies of activation relaxation on MNIST share: the networks, their runs, the figure, and the numbers."""

import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
from _results import results_beside
from _study import FEW_STEPS, QUICK, mean_sd, metrics_of, save, tidy
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 10) if QUICK else (int(n) for n in [*sys.argv[2:4], *["5", "50"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
CLOSED = {"closed_form": True}  # the state after 100 steps, computed in 4
NETWORKS = {  # name -> (label, parameters, colour)
    "backprop": ("backpropagation", {"pathway": "backprop"}, INK),
    "relaxation": ("relaxation", CLOSED, BLUE),
    "more_steps": ("relaxation of 300 steps", CLOSED | {"relaxation": 300}, SKY),
    "plain": ("without derivative", {"derivative": False} | CLOSED, GREEN),
    "learned": ("learned backward weights", {"pathway": "learned"} | CLOSED, ORANGE),
    "both": ("learned, without derivative", {"pathway": "learned", "derivative": False} | CLOSED, PURPLE),
    "fixed": ("fixed backward weights", {"pathway": "fixed"} | CLOSED, VERMILLION),
}
OWN_BACKWARD = ("learned", "both", "fixed")  # those with backward weights of their own
SMALL = {"sizes": (64, 60, 60, 30, 10), "weight_sd": 0.15} | FEW_STEPS if QUICK else {}


def _run(study, name, seed, changes):
    made = new_run(
        KEPT / f"{study}-{name}-{seed}",
        "millidge2020_ar",
        SMALL | changes | NETWORKS[name][1],
        data="digits" if QUICK else "mnist",
        streams=64,
        seed=seed,
        epochs=EPOCHS,
        record_activity=False,
        diagnostics=True,
    )
    return metrics_of(made, NETWORKS[name][0])


def trained(study, names, **changes):
    """Run a study's networks with each seed, with changes of the parameters: name -> a table of metrics a seed."""
    tables = {(name, seed): _run(study, name, seed, changes) for seed in range(SEEDS) for name in names}  # seed 0 first
    return {name: [tables[name, seed] for seed in range(SEEDS)] for name in names}


def draw(metrics, script):
    """Draw training and test errors, angles of the first layer's updates, and angles of backward weights."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 2.6), dpi=150, layout="constrained")
        training, test, updates, weights = axes = figure.subplots(1, 4)
        for name, tables in metrics.items():
            label, _, colour = NETWORKS[name]
            for seed, rows in enumerate(tables):
                line = {"color": colour, "linewidth": 0.7, "alpha": 0.8}
                training.plot(rows["epoch"], 100 * rows["train_error"], **line)
                test.plot(rows["epoch"], 100 * rows["test_error"], label=None if seed else label, **line)
                if name != "backprop":
                    updates.plot(rows["epoch"], rows["update_angle_deg_image_to_h1"], **line)
                if name in OWN_BACKWARD:
                    weights.plot(rows["epoch"], rows["weight_angle_deg_h3"], **line)
                    weights.plot(rows["epoch"], rows["weight_angle_deg_h1"], "--", **line)
        for ax, what in ((training, "Training error (%)"), (test, "Test error (%)")):
            ax.set_yscale("symlog", linthresh=0.1)  # training errors become 0
            ax.set(ylabel=what, ylim=(0, 110))
            ax.set_yticks([0, 0.1, 1, 10, 100], ["0", "0.1", "1", "10", "100"])
        updates.set(ylabel="Angle of updates and\nbackpropagation's (degrees)")
        weights.set(ylabel="Angle of backward and\ntransposed W (degrees)")
        weights.plot([], [], color=INK, label="h3 and the output")
        weights.plot([], [], "--", color=INK, label="h1 and h2")
        weights.legend(loc="upper right", handlelength=1.8)
        for ax in (updates, weights):
            ax.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
            ax.set(ylim=(0, 135), yticks=[0, 30, 60, 90, 120])
        for ax in axes:
            ax.set(xlabel="Epoch", xlim=(0, EPOCHS))
            ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        figure.legend(*test.get_legend_handles_labels(), loc="outside lower center", ncols=3, handlelength=1.4)
        tidy(*axes)
    save(figure, script)


MEASURED = {  # the end of a result's id -> (column of metrics, unit)
    "": ("test_error", " %"),
    "_training": ("train_error", " %"),
    "_updates": ("update_angle_deg_image_to_h1", " degrees"),
    "_backward_h1": ("weight_angle_deg_h1", " degrees"),
    "_backward_h3": ("weight_angle_deg_h3", " degrees"),
}


def report(metrics, results, script):
    """Print what each network comes to, and hold a full run to the results, whose ids begin so; return test errors."""
    kept = results_beside(script)
    for name, tables in metrics.items():
        print(f"{NETWORKS[name][0]}:")
        for what, (column, unit) in MEASURED.items():
            if (what == "_updates" and name == "backprop") or ("backward" in what and name not in OWN_BACKWARD):
                continue
            values = [rows[column][-1] * (100 if unit == " %" else 1) for rows in tables]
            print(f"  {column.replace('_', ' ')} {mean_sd(values)}{unit}")
            if not QUICK and EPOCHS == 50:
                kept.check_seeds(f"{results}{name}{what}", values)
    return {name: np.array([100 * rows["test_error"][-1] for rows in tables]) for name, tables in metrics.items()}
