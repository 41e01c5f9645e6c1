"""Figure 3a-b and Supplementary Figure 5: feedback alignment learns MNIST, half of its synapses away too.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: test errors of logistic 784-1000-10 networks with backprop, feedback alignment, and feedback alignment with half
of the synapses of W and B removed; the angle of W with the feedback; and receptive fields of hidden units. Trains as
``spikefa train lillicrap2016_rate`` does, on MNIST (from ``SPIKEFA_DATA`` or downloaded). Arguments: figure
(``fig3.png``), runs (1; the paper has 20), epochs (100; backprop, which is slow with the printed rate of 1e-3, has
three times as many), images shown at once (20; the paper shows one), and where runs are kept (a temporary directory):
given, an interrupted study goes on. Full run: about 35 minutes a run on one core. Writes ``fig3.png`` here. The numbers
are in ``docs/results/lillicrap2016.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, forward, mean_sd, save, tidy
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikefa import plotting
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, STYLE, VERMILLION

RUNS, EPOCHS, STREAMS = (int(given) for given in [*sys.argv[2:5], *["1", "100", "20"][len(sys.argv[2:5]) :]])
RUNS, EPOCHS, STREAMS = (1, 4, 5) if QUICK else (RUNS, EPOCHS, STREAMS)
KEPT = Path(sys.argv[5] if len(sys.argv) > 5 else tempfile.mkdtemp())
LEARNERS = {  # label -> preset, pathway, colour, result
    "backprop": ("fig3_backprop", "backprop", VERMILLION, "fig3_backprop"),
    "feedback alignment": ("fig3", "alignment", BLUE, "fig3_alignment"),
    "half of W and B removed": ("fig3_half", "alignment", GREEN, "fig3_half"),
}
RESULTS = results_beside(__file__)
SMALL = {"sizes": (64, 100, 10), "eta": 0.1, "weight_range": 0.3, "feedback_range": 0.3} if QUICK else {}


def epochs(pathway):
    """How long it learns."""
    return 3 * EPOCHS if pathway == "backprop" and not QUICK else EPOCHS


def run(preset, pathway, seed):
    """Return a run to its end."""
    made = new_run(
        KEPT / f"{preset}-{pathway}-{seed}",
        "lillicrap2016_rate",
        {"pathway": pathway} | SMALL,
        preset=preset,
        data="digits" if QUICK else "mnist",
        streams=STREAMS,
        seed=seed,
        epochs=epochs(pathway),
        record_activity=False,
    )
    made.train()
    return made


runs = {
    label: [run(preset, pathway, seed) for seed in range(RUNS)] for label, (preset, pathway, *_) in LEARNERS.items()
}
metrics = {label: [read_metrics(run.directory / "metrics.csv") for run in several] for label, several in runs.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(6.6, 4.1), dpi=150, layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 0.95))
    left, right = above.subplots(1, 2)
    for label, (_, _, colour, _) in LEARNERS.items():
        for ax, column, scale in ((left, "test_error", 100), (right, "weight_angle_deg_h1", 1)):
            curves = scale * np.array([rows[column] for rows in metrics[label]])
            if ax is right and label == "backprop":
                continue
            ax.plot(metrics[label][0]["epoch"], curves.T, color=colour, linewidth=0.3, alpha=0.4)
            ax.plot(metrics[label][0]["epoch"], curves.mean(axis=0), color=colour, linewidth=1.4, label=label)
    left.set(yscale="log", ylabel="Test error (%)", xlabel="Epoch", xlim=(0, None))
    left.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    left.legend(loc="upper right", handlelength=1.4)
    right.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    right.set(ylabel="Angle of W and Bᵀ (degrees)", xlabel="Epoch", xlim=(0, EPOCHS), ylim=(0, 100))
    right.set_yticks([0, 30, 60, 90])
    for ax in (left, right):
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    tidy(left, right)
    for ax, (label, several) in zip(below.subplots(1, 3), runs.items(), strict=True):
        plotting.plot_receptive_fields(
            forward(several[0].trained_network())[0].W, several[0].dataset().shape, n=25, ax=ax, label=""
        )
        ax.set_title(label)
save(figure, __file__)

last = {label: 100 * np.array([rows["test_error"][-1] for rows in several]) for label, several in metrics.items()}
for label, error in last.items():
    seen = metrics[label][0]["epoch"][-1]
    print(f"{label}: test error {mean_sd(error)} % ({RUNS} runs of {seen:.0f} epochs)")
    assert error.max() < (25 if QUICK else 12)
    if not QUICK and EPOCHS == 100:
        RESULTS.check(LEARNERS[label][3], error)
ANGLES = (("feedback alignment", "fig3b_alignment", None), ("half of W and B removed", "fig3b_half", 0))
for label, result, at in ANGLES:
    angles = np.array([[rows["weight_angle_deg_h1"][k] for k in (0, -1)] for rows in metrics[label]])
    print(f"{label}: angle of W with the feedback {mean_sd(angles[:, 0])} -> {mean_sd(angles[:, 1])} degrees")
    assert (angles[:, 1] < angles[:, 0] - 10).all()
    if not QUICK and EPOCHS == 100:
        RESULTS.check(result, angles[:, 1], at)
if not QUICK and EPOCHS == 100:
    assert last["feedback alignment"].mean() < last["half of W and B removed"].mean() < last["backprop"].mean()
