"""Figures 3a-b and Supplementary Figure 5: the shallow network, the angle of the modulators, and receptive fields.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows, for logistic 784-1000-10 networks on MNIST: (a) test errors, also of a shallow network, whose hidden weights stay
random; (b) the angle between the modulators B e and W^T (e f'), the mean over single images, and, dashed, that of the
weights; below, as in the paper, the fields of 100 hidden units at the start and after learning. One seed and 10 epochs;
``fig3.py`` has the full length. Arguments: figure (``fig3b.png``), epochs (10), and where runs are kept (a temporary
directory): given, an interrupted study goes on. Full run: about 3 minutes of one core. Writes ``fig3b.png`` here. The
numbers are in ``docs/results/lillicrap2016.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, build, forward, save, tidy
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import spikefa as fa
from spikefa import plotting
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, RULE, STYLE, VERMILLION

RESULTS = results_beside(__file__)
EPOCHS = 4 if QUICK else int(sys.argv[2]) if len(sys.argv) > 2 else 10
KEPT = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
STREAMS, WINDOW = (5, 20) if QUICK else (20, 100)
LEARNERS = {  # label -> preset, pathway, colour
    "output layer alone": ("fig3", "output_only", RULE),
    "backprop": ("fig3_backprop", "backprop", VERMILLION),
    "half of W and B removed": ("fig3_half", "alignment", GREEN),
    "feedback alignment": ("fig3", "alignment", BLUE),
}
SMALL = {"sizes": (64, 100, 10), "eta": 0.1, "weight_range": 0.3, "feedback_range": 0.3} if QUICK else {}
#: Of the weights that stay random, chosen on validation images.
SHALLOW = {"weight_range": 0.2}


class Modulators(fa.Callback):
    """Keep the angle of the modulators, and how often it is below 90 degrees, beside the run's metrics."""

    def on_begin(self, trainer):
        """Join a monitor to the network; the first step is measured, too."""
        self.monitor, self.written = fa.SignalAlignment(trainer.network, WINDOW), 0
        self.monitor.request(trainer.network.step)

    def on_metrics(self, trainer, row):
        """Add what was measured since the last row."""
        rows = np.transpose([self.monitor.steps, self.monitor.angle["h1"], self.monitor.positive["h1"]])[self.written :]
        self.written += len(rows)
        with (trainer.directory / "modulators.csv").open("ab") as file:
            np.savetxt(file, rows, delimiter=",")


def run(preset, pathway):
    """Return a run to its end."""
    made = new_run(
        KEPT / f"{preset}-{pathway}",
        "lillicrap2016_rate",
        {"pathway": pathway} | (SHALLOW if pathway == "output_only" else {}) | SMALL,
        preset=preset,
        data="digits" if QUICK else "mnist",
        streams=STREAMS,
        seed=0,
        epochs=EPOCHS,
        record_activity=False,
    )
    made.train(callbacks=[] if pathway == "output_only" else [Modulators()])
    return made


runs = {label: run(preset, pathway) for label, (preset, pathway, _) in LEARNERS.items()}
metrics = {label: read_metrics(run.directory / "metrics.csv") for label, run in runs.items()}
modulators = {  # label -> epoch, angle, fraction below 90 degrees
    label: np.loadtxt(run.directory / "modulators.csv", delimiter=",").T
    for label, run in runs.items()
    if label != "output layer alone"
}
per_epoch = len(runs["backprop"].dataset().train_images) // STREAMS
smooth = {  # the means of tenths of an epoch
    label: rows[:, 1 : 1 + rows.shape[1] // 3 * 3].reshape(3, -1, 3).mean(axis=2) for label, rows in modulators.items()
}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(6.6, 5.0), dpi=150, layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.05))
    left, right = above.subplots(1, 2)
    for label, (_, _, colour) in LEARNERS.items():
        rows = metrics[label]
        left.plot(rows["epoch"], 100 * rows["test_error"], color=colour, linewidth=1.4, label=label)
        if label in smooth and label != "backprop":
            right.plot(smooth[label][0] / per_epoch, smooth[label][1], color=colour, linewidth=1.2)
            right.plot(rows["epoch"], rows["weight_angle_deg_h1"], color=colour, linewidth=0.9, linestyle=(0, (3, 2)))
    left.set(yscale="log", ylabel="Test error (%)", xlabel="Epoch", xlim=(0, EPOCHS))
    left.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    left.legend(loc="upper right", handlelength=1.4)
    right.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    right.plot([], [], color=INK, label="modulators"), right.plot([], [], "--", color=INK, label="W and Bᵀ")
    right.set(ylabel="Angle (degrees)", xlabel="Epoch", xlim=(0, EPOCHS), ylim=(0, 100))
    right.set_yticks([0, 30, 60, 90])
    right.legend(loc="lower left", handlelength=1.6)
    for ax in (left, right):
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    tidy(left, right)
    shape = runs["backprop"].dataset().shape
    start = build("fig3", **SMALL)
    fields = {"at the start": start} | {
        label: runs[label].trained_network() for label in ("backprop", "feedback alignment")
    }
    for ax, (title, net) in zip(below.subplots(1, 3), fields.items(), strict=True):
        plotting.plot_receptive_fields(forward(net)[0].W, shape, n=100, ax=ax, label="")
        ax.set_title(title)
save(figure, __file__)

last = {label: 100 * rows["test_error"][-1] for label, rows in metrics.items()}
for label, error in last.items():
    print(f"{label}: test error {error:.3g} % after {EPOCHS} epochs")
for label, (_, angle, positive) in modulators.items():
    weights = f"{metrics[label]['weight_angle_deg_h1'][-1]:.1f}" if label != "backprop" else "0"
    quarter = len(angle) // 4
    print(
        f"{label}: modulators at {angle[0]:.1f} degrees in the first step, lowest {smooth[label][1].min():.1f}, in the "
        f"last quarter {angle[-quarter:].mean():.1f} (W and B {weights}), below 90 in "
        f"{positive[-quarter:].mean():.2%} of the images"
    )
alone = last.pop("output layer alone")
assert max(last.values()) < alone and max(modulators["backprop"][1]) < 1e-2
for label, result in (("feedback alignment", "fig3b_modulators"), ("half of W and B removed", "fig3b_modulators_half")):
    _, angle, positive = modulators[label]
    quarter = len(angle) // 4
    assert abs(angle[0] - 90) < 20 and angle[-quarter:].mean() < (75 if QUICK else 60)
    assert positive[-quarter:].mean() > 0.9
    if not QUICK and EPOCHS == 10:
        RESULTS.check(result, angle[-quarter:].mean(), 0)
if not QUICK and EPOCHS == 10:
    RESULTS.check("fig3a_shallow", alone)
