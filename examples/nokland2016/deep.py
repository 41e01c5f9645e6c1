"""A hundred hidden layers: direct feedback reaches each of them, where what passes from layer to layer vanishes.

Nokland (2016), https://doi.org/10.48550/arXiv.1609.01596, trains 100 hidden layers of 240 tanh units on MNIST with
direct feedback alignment, from zero weights, and reports that backpropagation and feedback alignment fail. Here layers
have 100 units and learn for a few epochs; rates were chosen on the last 10,000 training images. Beside the three
pathways: backpropagation from weights whose gain is 1 (normal, standard deviation 1 / sqrt(units)), since what
vanishes depends on where weights start.

Shows: the test error against time, and, for the first batch and the last weights, the root mean square of what
modulates each hidden layer. Arguments: figure (``deep.png``), epochs (5), and where runs are kept (a temporary
directory): given, an interrupted study goes on. The numbers are in ``docs/results/nokland2016.md``.
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

from spikefa import datasets
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, STYLE, VERMILLION

EPOCHS = 4 if QUICK else int(sys.argv[2]) if len(sys.argv) > 2 else 5
KEPT = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
LAYERS, UNITS = (30, 40) if QUICK else (100, 100)
# A normal distribution without what is beyond two standard deviations has .88 of its standard deviation.
GAIN_1 = {"weights": "truncated", "spread": 1 / 0.88 / UNITS**0.5}
LEARNERS = {  # name -> label, colour, parameters
    "direct": ("direct, from zero weights", VERMILLION, {"pathway": "direct", "eta": 1e-4}),
    "alignment": ("alignment, from zero weights", BLUE, {"pathway": "alignment", "eta": 1e-4}),
    "backprop": ("backpropagation", INK, {"pathway": "backprop", "weights": "fan_in", "eta": 1e-4}),
    "gain_1": ("backpropagation, gain 1", GREEN, {"pathway": "backprop", "eta": 1e-4} | GAIN_1),
}
RESULTS = results_beside(__file__)
SMALL = {"pixels": 64, "eta": 2e-3} if QUICK else {}
data = datasets.load("digits" if QUICK else "mnist")


def run(name):
    """Return a pathway's run, trained to its end."""
    # numpy has nothing to compile, for which 100 layers would wait for minutes.
    made = new_run(
        KEPT / name,
        "nokland2016_dfa",
        {"hidden": (UNITS,) * LAYERS, "target": "numpy"} | LEARNERS[name][2] | SMALL,
        data="digits" if QUICK else "mnist",
        streams=20 if QUICK else 64,
        epochs=EPOCHS,
        record_activity=False,
    )
    made.train()
    return made


def modulators(net):
    """Root mean square of each hidden layer's modulatory signal for one batch, bottom up."""
    net.stimulus.show_images(data.train_images[: net.streams], data.train_labels[: net.streams])
    net.run_steps(1)
    feedback = {p.layer.name: p for p in net.populations if p.name.startswith("feedback_")}
    return [np.sqrt(np.mean(np.square(feedback[layer.name].view("delta"), dtype=float))) for layer in net.hidden]
