"""Heterogeneity: units that differ tell more than units that are alike.

A unit fires if what it receives is above its threshold. One hundred of them receive the same intensity, and a readout
learns to tell which tenth of the range it is in. Units with one threshold know one bit. With a threshold of its own for
each, drawn by an expression, by a function, or given as an array, they know the intensity. Shows: which units fire at
which intensity, and test errors. A few seconds. Writes ``heterogeneity.png`` here.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _study import QUICK, save, tidy
from matplotlib.figure import Figure

import spikefa as fa
from spikefa.plotting.style import STYLE

UNITS, CLASSES, EPOCHS = 100, 10, 3 if QUICK else 20
THRESHOLDS = {
    "all alike": 0.5,
    "expression": "rand()",
    "function": lambda rng, shape: rng.beta(2, 2, shape),
    "array": np.linspace(0, 1, UNITS),
}
rng = np.random.default_rng(0)
labels = rng.integers(0, CLASSES, 3000)
intensities = ((labels + rng.uniform(0.1, 0.9, labels.size)) / CLASSES)[:, None]  # with gaps between the classes
TRAIN, TEST = slice(2000), slice(2000, None)


def learned(thresholds):
    """Return a network with such thresholds, and its test error (%)."""
    net = fa.Network(streams=20, seed=0, target="numpy")
    fa.Input(net, "intensity", 1, emit="s = x", threshold=None)
    units = fa.Layer(net, "h1", UNITS, "I : 1\ntheta : 1\ns : 1", emit="s = int(I > theta)", threshold=None)
    units.set("theta", thresholds)  # a value a unit, the same in all streams
    fa.Layer(net, "output", CLASSES, "I : 1\ns : 1", emit="s = I", threshold=None)
    fa.ErrorPopulation(net, "error", "output", "target : 1\ndelta : 1", emit="delta = layer_s - target")
    fa.Projection(net, "intensity", "h1", np.ones((1, UNITS)), learn_bias=False)
    rule = fa.Plasticity("dW = -0.01 * delta_post * s_pre", average_streams=True)
    fa.Projection(net, "h1", "output", np.zeros((UNITS, CLASSES)), plasticity=rule)
    fa.classification_task(net, steps_per_image=1, classes=CLASSES)
    for _ in range(EPOCHS):
        net.stimulus.show_images(intensities[TRAIN], labels[TRAIN])
        net.run_steps(len(labels[TRAIN]) // net.streams)
    return net, 100 * fa.error(net, intensities[TEST], labels[TEST], steps=1)


networks = {name: learned(thresholds) for name, thresholds in THRESHOLDS.items()}
errors = {name: error for name, (_, error) in networks.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.8), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for name, (net, _) in networks.items():
        theta = np.sort(net["h1"].view("theta")[:, 0])
        left.step([0, *theta, 1], [0, *range(1, UNITS + 1), UNITS], where="post", label=name)
    left.set(xlabel="Intensity", ylabel="Units that fire", xlim=(0, 1), ylim=(0, UNITS))
    left.legend(title="Thresholds", frameon=False)
    right.bar(range(len(errors)), list(errors.values()), color=[f"C{number}" for number in range(len(errors))])
    right.set_xticks(range(len(errors)), list(errors), rotation=30)
    right.set(ylabel="Test error (%)", ylim=(0, 100))
    tidy(left, right)
save(figure, __file__)
print("test error", ", ".join(f"{error:.1f} % ({name})" for name, error in errors.items()))
assert errors["all alike"] > 70  # one bit tells at most two classes of ten
assert max(error for name, error in errors.items() if name != "all alike") < (60 if QUICK else 35)
