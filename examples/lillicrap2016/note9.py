"""Supplementary Note 9: autoencoders, through a bottleneck of 10 units and without one.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: the error of tanh networks that learn to give MNIST's images back, 784-1000-500-10-500-1000-784 and five hidden
layers of 1000, with feedback alignment and with backpropagation. In the paper alignment is far behind through the
bottleneck and ahead without one; the unit of its numbers is not known here, so that their order is what to compare.
Ours: the squared error over that of the mean image. Arguments: figure (``note9.png``), seeds (1), and where runs are
kept (a temporary directory): given, an interrupted study goes on, and ``spikefa train lillicrap2016_rate --preset NAME
--seed 0 --run DIRECTORY/NAME-0`` makes one of its runs. Full run: about 25 minutes a seed on one core. Writes
``note9.png`` here. The numbers are in ``docs/results/lillicrap2016.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, band, log_errors, mean_sd, save, tidy
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikefa.diagnostics import evaluation
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, STYLE, VERMILLION

SEEDS = 1 if QUICK or len(sys.argv) < 3 else int(sys.argv[2])
KEPT = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
NETWORKS = {"autoencoder_small": "bottleneck of 10", "autoencoder_large": "five times 1000"}
LEARNERS = {"_backprop": ("backpropagation", VERMILLION), "": ("alignment", BLUE)}
RESULTS = results_beside(__file__)
SMALL = {"autoencoder_small": (64, 60, 10, 60, 64), "autoencoder_large": (64, 60, 60, 60, 64)}


def run(network, learner, seed):
    """Return a run, made to its end or gone on with."""
    preset, changes = network + learner, {}
    if QUICK:  # numpy has nothing to compile, for which small networks would wait longer than for their learning
        changes = {"sizes": SMALL[network], "eta": 0.03 if learner else 0.01, "epochs": 6, "target": "numpy"}
    made = new_run(
        KEPT / f"{preset}-{seed}",
        "lillicrap2016_rate",
        changes,
        preset=preset,
        data="digits" if QUICK else "mnist",
        streams=20 if QUICK else 100,
        seed=seed,
        record_activity=False,
    )
    made.train()
    return made


def given_back(done, count):
    """Test images of a run, in [0, 1], and what its network makes of them: arrays (count, height, width)."""
    data, net, params = done.dataset(), done.trained_network(), done.params
    made = evaluation.predict(net, data.test_images[:count], 1)
    made = (made - params.target_low) / (params.target_high - params.target_low)
    shown = data.as_loaded(data.test_images[:count])
    return shown.reshape(-1, *data.shape), made.reshape(-1, *data.shape)


runs = {
    (network, learner): [run(network, learner, seed) for seed in range(SEEDS)]
    for network in NETWORKS
    for learner in LEARNERS
}
metrics = {key: [read_metrics(done.directory / "metrics.csv") for done in several] for key, several in runs.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 4.2), dpi=150, layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.25, 1))
    panels = above.subplots(1, 2)
    for ax, (network, name) in zip(panels, NETWORKS.items(), strict=True):
        for learner, (label, colour) in LEARNERS.items():
            several = metrics[network, learner]
            band(ax, several[0]["epoch"][1:], [rows["test_error"][1:] for rows in several], colour, label)
        ax.set_title(name)
        log_errors(ax)
        ax.set(xlabel="Epoch", xlim=(0, None))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    panels[0].legend(handlelength=1.4)
    tidy(*panels)
    columns = 8
    for part, network in zip(below.subfigures(1, 2), NETWORKS, strict=True):
        images = [given_back(runs[network, learner][0], columns) for learner in LEARNERS]
        rows = {"image": images[0][0]}
        rows |= {label: made for (label, _), (_, made) in zip(LEARNERS.values(), images, strict=True)}
        for row, (label, shown) in zip(part.subplots(3, columns), rows.items(), strict=True):
            for ax, image in zip(row, shown, strict=True):
                ax.imshow(image, cmap="gray_r", vmin=0, vmax=1)
                ax.set(xticks=[], yticks=[])
                ax.spines[:].set_linewidth(0.3)
            row[0].set_ylabel(label, rotation=0, ha="right", va="center")
save(figure, __file__)

last = {key: np.array([rows["test_error"][-1] for rows in several]) for key, several in metrics.items()}
for (network, learner), errors in last.items():
    print(f"{NETWORKS[network]}, {LEARNERS[learner][0]}: test error {mean_sd(100 * errors)} % of the variance")
assert all(last[network, ""].mean() > (1.5 if QUICK else 2) * last[network, "_backprop"].mean() for network in NETWORKS)
assert last["autoencoder_large", ""].max() < (0.5 if QUICK else 0.2)
if not QUICK:
    for (network, learner), errors in last.items():
        RESULTS.check(network + learner, 100 * errors)
