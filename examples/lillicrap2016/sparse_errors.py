"""How many errors become zero while the spiking network learns, which a simulator could skip.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276, Fig. 4.

Shows, for the published rule and the presets ``dense`` and ``wide``, epoch by epoch: the fraction of the output's
and the hidden layers' deltas that are below 1e-8 and below 1e-6, and the fraction of streams (images shown at once) all
of whose output deltas are, so that neither feedback nor updates are needed there. A delta of 1e-6 changes weights of
0.05 by less than half of their last digit at a learning rate of 2e-3.

Arguments: figure (``sparse_errors.png``), networks (``published,dense,wide``), and where runs are kept (a temporary
directory): given, an interrupted study goes on. Full run: 12 epochs of the published rule, 30 of ``dense`` and 25 of
``wide``, about two hours on one core. The numbers are in ``docs/results/lillicrap2016.md``. The figure there lacks
epochs 4 to 12 of the published rule, and those of ``dense`` after the third.
"""

import csv
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, save, tidy
from brian2 import BrianObject
from matplotlib.figure import Figure

import spikefa as fa
from spikefa.core.part import Part
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, INK, STYLE, VERMILLION

NAMES = (sys.argv[2] if len(sys.argv) > 2 else "published,dense,wide").split(",")
KEPT = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
NETWORKS = {  # name -> (preset, parameters, epochs, label, colour)
    "published": (None, {"eta": 2e-3}, 12, "published rule", INK),
    "dense": ("dense", {}, 30, "dense", BLUE),
    "wide": ("wide", {}, 25, "wide", VERMILLION),
}
SMALL = {"pixels": 64, "hidden": (60, 60), "outputs": 100, "weight_range": 0.2} if QUICK else {}
THRESHOLDS = {"1e-8": 1e-8, "1e-6": 1e-6}
EVERY = 20  # presentations, of which one is looked at
TOLD = {"published": (1, 3, 12), "dense": (1, 3, 10, 30), "wide": (1, 3, 10, 25)}  # epochs
RESULTS = results_beside(__file__)


class Small(Part, BrianObject):
    """Counts small deltas at the end of each step of some presentations."""

    reads_events = False
    only_reads = True
    runs_in_evaluation = False

    def __init__(self, net):
        super().__init__(clock=net.clock, when="end", order=1000, name="small_deltas")
        self.net, self.steps, self.sums = net, 0, {}
        net.join(self)

    def run(self):
        """Count."""
        each = self.net.stimulus.steps_per_image
        if self.net.step // each % EVERY:
            return
        self.steps += 1
        for population in self.net.feedback:
            name, sizes = population.layer.name, np.abs(population.array("delta"))
            for text, threshold in THRESHOLDS.items():
                self._add(f"{name}_{text}", np.mean(sizes < threshold))
                if name == "output":
                    self._add(f"streams_{text}", np.mean((sizes < threshold).all(axis=0)))

    def _add(self, name, fraction):
        self.sums[name] = self.sums.get(name, 0.0) + fraction

    def means(self):
        """Return the mean fractions, and begin anew."""
        found = {name: total / self.steps for name, total in self.sums.items()}
        self.steps, self.sums = 0, {}
        return found


class Table(fa.Callback):
    """Writes a row of fractions after each epoch."""

    def __init__(self, file):
        self.file = file

    def on_begin(self, trainer):
        """Begin to look."""
        self.small = Small(trainer.network)

    def on_metrics(self, trainer, row):
        """Write the fractions since the last row."""
        if not self.small.steps:
            return
        found = {"epoch": row["epoch"], "train_error": row["train_error"], **self.small.means()}
        new = not self.file.exists()
        with self.file.open("a", newline="") as opened:
            writer = csv.DictWriter(opened, list(found))
            if new:
                writer.writeheader()
            writer.writerow(found)


def run(name):
    """Train a network to its end, or go on; return its table of fractions."""
    preset, changes, epochs, *_ = NETWORKS[name]
    file = KEPT / f"{name}.csv"
    KEPT.mkdir(parents=True, exist_ok=True)
    made = new_run(
        KEPT / name,
        "lillicrap2016_spiking",
        changes | SMALL,
        preset=preset,
        data="digits" if QUICK else "mnist",
        streams=20 if QUICK else 100,
        seed=0,
        epochs=2 if QUICK else epochs,
        test_steps=1,
        record_activity=False,
    )
    made.train(callbacks=[Table(file)])
    with file.open() as opened:
        rows = list(csv.DictReader(opened))
    return {column: np.array([float(row[column]) for row in rows]) for column in rows[0]}


tables = {name: run(name) for name in NAMES}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(6.4, 2.4), dpi=150, layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    panels = {"Output units": "output", "Whole streams": "streams", "First hidden layer": "h1"}
    for ax, (title, column) in zip(axes, panels.items(), strict=True):
        for name, table in tables.items():
            *_, label, colour = NETWORKS[name]
            for text, style in zip(THRESHOLDS, ("-", (0, (3, 1.5))), strict=True):
                shown = {"color": colour, "linewidth": 0.9, "linestyle": style, "marker": ".", "markersize": 3}
                ax.plot(table["epoch"], 100 * table[f"{column}_{text}"], label=f"{label}, {text}", **shown)
        ax.set(title=title, xlabel="Epoch", ylim=(-2, 102), xlim=(0, None))
    axes[0].set_ylabel("Deltas below (%)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(tables), handlelength=2)
    tidy(*axes)
save(figure, __file__)

for name, table in tables.items():
    for epoch in (epoch for epoch in TOLD[name] if epoch <= len(table["epoch"])):
        row = {column: 100 * values[epoch - 1] for column, values in table.items()}
        print(f"{NETWORKS[name][-2]}, epoch {epoch}: training error {row['train_error']:.3g} %, below 1e-8:", end=" ")
        print(", ".join(f"{part} {row[f'{part}_1e-8']:.3g} %" for part in ("output", "streams", "h1", "h2")))
        for entry, part in () if QUICK else (("", "output"), ("_streams", "streams"), ("_h1", "h1")):
            RESULTS.check(f"sparse_{name}_{epoch}{entry}", [row[f"{part}_1e-8"]])
assert all((table["streams_1e-8"] <= table["streams_1e-6"]).all() for table in tables.values())
assert all((table["streams_1e-8"] <= table["output_1e-8"]).all() for table in tables.values())
