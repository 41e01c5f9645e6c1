"""What the learning rate means where many images are shown at once.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276, shows
one image at a time. With S streams, S images are shown at once, and their updates, made with the same weights, are
summed.

Shows: the test error of the spiking network, 784-500-500-500-500 with the published rule, against the images it has
seen, for 1 to 600 streams and two learning rates. As long as the weights move little while S images are shown, summing
S updates is the same as making them one after another, so that `eta` keeps its meaning; above some S it is not.
Arguments: figure (``fig4_streams.png``), seeds (1), and where runs are kept (a temporary directory): given, an
interrupted study goes on. Full run: about ten minutes on one core. The numbers are in
``docs/results/lillicrap2016.md``.
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

from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, STYLE, VERMILLION

RESULTS = results_beside(__file__)
SEEDS = 1 if QUICK else int(sys.argv[2]) if len(sys.argv) > 2 else 1
KEPT = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
STREAMS = {1: INK, 10: BLUE, 100: GREEN, 300: ORANGE, 600: VERMILLION}
ETAS, EPOCHS, SIZES = (1e-3, 4e-3), 1, {"hidden": (500, 500, 500), "outputs": 500}
if QUICK:
    STREAMS, ETAS, EPOCHS = {5: INK, 20: BLUE, 200: VERMILLION}, (4e-3, 1e-2), 4
    SIZES = {"pixels": 64, "hidden": (100,), "outputs": 100, "weight_range": 0.2, "feedback_range": 0.3}


def run(eta, streams, seed):
    """Return a network trained with a rate and a number of streams, to its end: its metrics."""
    return new_run(
        KEPT / f"{eta:g}-{streams}-{seed}",
        "lillicrap2016_spiking",
        SIZES | {"eta": eta},
        data="digits" if QUICK else "mnist",
        streams=streams,
        seed=seed,
        epochs=EPOCHS,
        evaluate_every=EPOCHS / 4,
        record_activity=False,
    ).train()


metrics = {eta: {S: [run(eta, S, seed) for seed in range(SEEDS)] for S in STREAMS} for eta in ETAS}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(5.6, 2.5), dpi=150, layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, (eta, of_eta) in zip(axes, metrics.items(), strict=True):
        for S, several in of_eta.items():
            seen = several[0]["images_seen"]
            errors = 100 * np.array([rows["test_error"] for rows in several])
            ax.plot(seen, errors.T, color=STREAMS[S], linewidth=0.3, alpha=0.5)
            ax.plot(seen, errors.mean(axis=0), color=STREAMS[S], linewidth=1.4, label=f"{S}")
        ax.set(title=f"η = {eta:g}", xlabel="Images seen", yscale="log", xlim=(0, None))
    ticks = [n for n in (2, 5, 10, 20, 50, 100) if n >= axes[0].get_ylim()[0]]
    axes[0].set_yticks(ticks, [f"{n}" for n in ticks])
    axes[0].set_yticks([], minor=True)
    axes[0].set(ylabel="Test error (%)")
    figure.legend(*axes[0].get_legend_handles_labels(), title="Streams", loc="outside right upper", handlelength=1.4)
    tidy(*axes)
save(figure, __file__)

last = {
    (eta, S): 100 * np.array([rows["test_error"][-1] for rows in several])
    for eta, of_eta in metrics.items()
    for S, several in of_eta.items()
}
for (eta, S), errors in last.items():
    print(f"eta {eta:g}, {S} streams: test error {mean_sd(errors)} %")
slow, fast = ([last[eta, S].mean() for S in STREAMS] for eta in ETAS)
if QUICK:
    assert slow[0] < 40 and abs(slow[1] - slow[0]) < 6  # the same curve
else:
    for at, error in enumerate(slow):
        RESULTS.check("streams_eta_1e3", error, at)
    for at, error in enumerate(fast[:3]):
        RESULTS.check("streams_eta_4e3", error, at)
    assert np.ptp(slow) < 0.8 and np.ptp(fast[:3]) < 0.8  # the same curves
    assert fast[:3] < [fast[3] - 1] * 3 and fast[3] < 20 and fast[4] > 50  # and others
