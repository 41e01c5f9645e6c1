"""The published spiking network for a hundred epochs: how long its constant rate takes.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276, Fig. 4.

Shows, for 784-1500-1500-1500-1000 with the published rule and 100 streams: the training error, counted while it learns,
against the learning rate times the images seen, for the published rate of 1e-3, twice and four times that; the test
error for twice the rate, with its weights averaged over the last 60,000 images (which changes nothing in how it
learns); and in the end the test error with 1 to 50 steps an image, of the averages and of the last weights. If two
rates give one curve, twice the rate saves half of the time and nothing else. Arguments: figure (``fig4_learning.png``),
epochs of the long run (100), and where runs are kept (a temporary directory): given, an interrupted study goes on. Full
run: about two hours on two cores. The numbers are in ``docs/results/lillicrap2016.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, save, tidy
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from spikefa.diagnostics import evaluation
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, STYLE, VERMILLION

RESULTS = results_beside(__file__)
LONG = int(sys.argv[2]) if len(sys.argv) > 2 else 100
KEPT = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
EPOCHS, COLOURS = {1e-3: 10, 2e-3: LONG, 4e-3: 4}, (INK, BLUE, VERMILLION)
SIZES, STEPS = {"averaging_images": 60000}, (1, 2, 5, 10, 20, 50)
if QUICK:
    EPOCHS, STEPS = {8e-3: 4, 16e-3: 6, 32e-3: 2}, (1, 5)
    SIZES = {"pixels": 64, "hidden": (100,), "outputs": 100, "weight_range": 0.2, "feedback_range": 0.3}
    SIZES |= {"averaging_images": 1500}
ETA, TWICE, FOUR_TIMES = EPOCHS


def run(eta, epochs):
    """Return a network trained with a rate, to its end: the run."""
    made = new_run(
        KEPT / f"{eta:g}",
        "lillicrap2016_spiking",
        SIZES | {"eta": eta},
        data="digits" if QUICK else "mnist",
        streams=20 if QUICK else 100,
        epochs=epochs,
        record_activity=False,
    )
    made.train()
    return made


def errors_of(made, data, average):
    """Test error in % for each number of steps."""
    net, labels = made.trained_network(average), data.answers("test", 10)
    return 100 * np.array([evaluation.error(net, data.test_images, labels, n) for n in STEPS])


runs = {eta: run(eta, epochs) for eta, epochs in EPOCHS.items()}
metrics = {eta: read_metrics(made.directory / "metrics.csv") for eta, made in runs.items()}
long, rows = runs[TWICE], metrics[TWICE]
data = long.dataset()
ends = {"averages": errors_of(long, data, True), "last weights": errors_of(long, data, False)}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.3), dpi=150, layout="constrained")
    training, testing, steps = figure.subplots(1, 3)
    for (eta, of_eta), colour in zip(metrics.items(), COLOURS, strict=True):
        shown = of_eta["images_seen"][1:] * eta / ETA
        training.plot(shown, 100 * of_eta["train_error"][1:], "-", color=colour, linewidth=1.2, label=f"η = {eta:g}")
    training.set(xscale="log", yscale="log", xlabel=f"Images seen × η / {ETA:g}", ylabel="Training error (%)")
    training.xaxis.set_minor_formatter(NullFormatter())
    training.legend(loc="lower left")
    testing.plot(rows["epoch"][1:], 100 * rows["test_error"][1:], color=BLUE, linewidth=1.2)
    testing.set(yscale="log", xlabel="Epoch", ylabel="Test error (%)", xlim=(0, None))
    if not QUICK:
        testing.axhline(1.8, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
        testing.annotate("paper", (0, 1.8), (3, 3), textcoords="offset points", color=INK)
    for (name, errors), colour in zip(ends.items(), (BLUE, GREEN), strict=True):
        steps.plot(STEPS, errors, "o-", color=colour, markersize=3, linewidth=1, label=name)
    steps.set(xlabel="Steps an image", ylabel="Test error (%)", xscale="log", ylim=(0, None))
    steps.set_xticks(STEPS, [f"{n}" for n in STEPS])
    steps.set_xticks([], minor=True)
    steps.legend()
    for ax in (training, testing):
        ticks = [n for n in (0.5, 1, 2, 5, 10, 20, 50) if ax.get_ylim()[0] <= n <= ax.get_ylim()[1]]
        ax.set_yticks(ticks, [f"{n:g}" for n in ticks])
        ax.set_yticks([], minor=True)
    tidy(training, testing, steps)
save(figure, __file__)

for name, errors in ends.items():
    for count, error in zip(STEPS, errors, strict=True):
        print(f"test error {error:.2f} % with {count} steps an image ({name})")
slow, fast = metrics[ETA]["train_error"], metrics[TWICE]["train_error"]
ratio = slow[2 : EPOCHS[ETA] + 1 : 2] / fast[1 : EPOCHS[ETA] // 2 + 1]
print(f"training error with {ETA:g}, by that with {TWICE:g} after half of the images: {np.round(ratio, 2).tolist()}")
noisy = metrics[FOUR_TIMES]["train_error"][EPOCHS[FOUR_TIMES]] / fast[EPOCHS[FOUR_TIMES]]
print(f"training error with {FOUR_TIMES:g}, by that with {TWICE:g} after as many images: {noisy:.2f}")
if QUICK:
    assert ends["averages"][0] > ends["averages"][1] < 25 and abs(ratio[-1] - 1) < 0.5
else:
    RESULTS.check("published_eta_ratios", ratio[0], at=0)
    assert np.abs(ratio[1:] - 1).max() < 0.12 and noisy > 1.25
if not QUICK and LONG == 100:
    for name, result in (("averages", "published_rule_100_averaged"), ("last weights", "published_rule_100")):
        RESULTS.check(result, ends[name][STEPS.index(5)])
        RESULTS.check(f"{result}_20_steps", ends[name][STEPS.index(20)])
