"""A trained network looked into: what its hidden units tell of the digit, and when they spike.

Shows how a run directory is opened, and the network in it probed with Brian2's monitors: mean rates of every unit for
each class, sorted by the class that drives it most; how well the class can be read from a layer's spikes in so many
steps (nearest class mean, found with training images); and a raster of the first hidden layer.

Arguments: figure (``trained_network.png``) and a run directory, such as ``spikefa train lillicrap2016_spiking --run
runs/mnist`` makes; without it a small network learns 8 x 8 digits first. Full run: about a minute.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _study import QUICK, save, tidy
from brian2 import SpikeMonitor, network_operation
from matplotlib.figure import Figure

from spikefa import plotting
from spikefa.diagnostics import evaluation
from spikefa.experiments.run import new_run, open_run
from spikefa.plotting.style import STYLE

STREAMS, STEPS = 100, 20

if len(sys.argv) > 2:
    run = open_run(sys.argv[2])
else:
    run = new_run(
        tempfile.mkdtemp(),
        "lillicrap2016_spiking",
        preset="digits",
        data="digits",
        streams=20,
        epochs=6 if QUICK else 25,
        evaluate_every=25,
        record_activity=False,
    )
    run.train()
data, classes = run.dataset(), run.params.classes
IMAGES = min(200 if QUICK else 1000, len(data.test_images)) // STREAMS * STREAMS  # of each of both parts


def rates(images):
    """Mean output of each layer's units while an image is shown: layer name -> (images, units)."""
    net = run.trained_network(streams=STREAMS)
    net.learns = False
    counts = {layer.name: np.zeros((layer.units, net.streams)) for layer in net.layers}

    @network_operation(clock=net.clock, when="end")
    def count():
        for name, spikes in counts.items():
            spikes += net[name].view("s")

    net.add(count)
    net.stimulus.steps_per_image = STEPS
    net.stimulus.show_images(images)
    shown = {name: [] for name in counts}
    for _ in range(len(images) // net.streams):
        net.run_steps(STEPS)
        for name, spikes in counts.items():
            shown[name].append(spikes.T / STEPS)
            spikes[:] = 0
    return {name: np.concatenate(parts) for name, parts in shown.items()}


def class_means(rates, labels):
    """Mean rates of the units for each class, (classes, units)."""
    return np.stack([rates[labels == c].mean(axis=0) for c in range(classes)])


train, test = (rates(images[:IMAGES]) for images in (data.train_images, data.test_images))
train_labels, labels = data.train_labels[:IMAGES], data.test_labels[:IMAGES]
wrong = {}
for name in train:
    means = class_means(train[name], train_labels)
    distances = ((test[name][:, None] - means) ** 2).sum(axis=2)
    wrong[name] = np.mean(distances.argmin(axis=1) != labels)

one = run.trained_network(streams=1)
one.learns = False
spikes = SpikeMonitor(one["h1"])
one.add(spikes)
first = [np.flatnonzero(data.test_labels == c)[0] for c in range(5)]
one.stimulus.steps_per_image = 50
one.stimulus.show_images(data.test_images[first], data.test_labels[first])
one.run_steps(5 * 50)

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.4), dpi=150, layout="constrained")
    raster, *panels = figure.subplots(1, 1 + len(test), width_ratios=[2] + [1] * len(test))
    shown = spikes.i < 50
    plotting.plot_raster(
        spikes.i[shown], spikes.t[shown], n_units=50, duration=250, boundaries=[50, 100, 150, 200], ax=raster
    )
    raster.set(title="50 units of h1, the digits 0 to 4", ylabel="Unit")
    for ax, (name, of_images) in zip(panels, test.items(), strict=True):
        means = class_means(of_images, labels)
        tuned = np.lexsort((-np.ptp(means, axis=0), means.argmax(axis=0)))
        drawn = ax.imshow(means[:, tuned].T, aspect="auto", vmin=0, vmax=1, cmap="gray_r", interpolation="nearest")
        ax.set(title=name, xlabel="Class", xticks=range(0, classes, 3))
        tidy(ax)
    panels[0].set_ylabel("Unit, by preferred class")
    figure.colorbar(drawn, ax=panels, label="Spikes a step")
save(figure, __file__)

for name, error in wrong.items():
    print(f"{name}: nearest class mean of its rates is wrong on {error:.1%}")
net = run.trained_network()
error = evaluation.error(net, data.test_images[:IMAGES], labels, STEPS)
print(f"test error {error:.1%} by the output's spikes")
assert error < 0.4 and max(wrong.values()) < 0.5  # chance is 90 %
