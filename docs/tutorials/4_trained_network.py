"""
4. Look into a trained network
==============================

You open a run and ask what its hidden units do: when they spike, how their potentials move, which digit each prefers,
and how selective they are.
"""

# %%
# Open a run
# ----------
#
# First a small network learns digits. With a run of your own, the first lines are only
# ``run = fa.open_run("runs/mnist")``.

import os
import tempfile

import matplotlib.pyplot as plt
import numpy as np
from brian2 import SpikeMonitor, StateMonitor, network_operation

import spikefa as fa

QUICK = bool(os.environ.get("SPIKEFA_QUICK"))
run = fa.new_run(
    tempfile.mkdtemp(),
    "lillicrap2016_spiking",
    preset="digits",
    data="digits",
    streams=20,
    epochs=5 if QUICK else 20,
    evaluate_every=20,
    record_activity=False,
)
run.train()
data = run.dataset()

# %%
# Rasters and potentials
# ----------------------
#
# ``trained_network`` builds the network with the weights of the last checkpoint, in its initial state. One stream is
# enough to look at. It must not learn while we look. Brian2's monitors work as in any Brian2 network.

net = run.trained_network(streams=1)
net.learns = False
spikes = SpikeMonitor(net["h1"])
state = StateMonitor(net["h1"], ["v", "p"], record=[0])
error = StateMonitor(net["feedback_h1"], ["delta"], record=[0])
net.add(spikes, state, error)

first = [
    np.flatnonzero(data.test_labels == digit)[0] for digit in range(4)
]  # one image of 0, 1, 2 and 3
net.stimulus.steps_per_image = 50
net.stimulus.show_images(data.test_images[first], data.test_labels[first])
net.run_steps(4 * 50)

fig, (raster, psp) = plt.subplots(
    2,
    1,
    figsize=(7.2, 4),
    sharex=True,
    layout="constrained",
    height_ratios=[2, 1],
)
shown = spikes.i < 50
fa.plotting.plot_raster(
    spikes.i[shown],
    spikes.t[shown],
    n_units=50,
    duration=200,
    boundaries=[50, 100, 150],
    ax=raster,
)
raster.set(
    title="50 units of h1, digits 0 to 3", ylabel="Unit", xlabel=""
)
psp.plot(state.t_ * 1000, state.v[0], label="potential v")
psp.plot(error.t_ * 1000, 10 * error.delta[0], label="error delta x 10")
psp.set(xlabel="Time (ms)", ylabel="Unit 0")
psp.legend(frameon=False, loc="upper right", ncols=2)

# %%
# Tuning
# ------
#
# How often does each unit spike for each digit? Many images are faster in many streams. A ``network_operation`` counts
# spikes in place, so that no spike has to be stored.

STREAMS, STEPS = 60, 10
many = run.trained_network(streams=STREAMS)
many.learns = False
counts = {
    layer.name: np.zeros((layer.units, STREAMS)) for layer in many.hidden
}


@network_operation(clock=many.clock, when="end")
def count():
    for name, spikes in counts.items():
        spikes += many[name].view("s")


many.add(count)
many.stimulus.steps_per_image = STEPS
many.stimulus.show_images(
    data.test_images
)  # 360 images, six in each stream
rates = {name: [] for name in counts}
for _ in range(len(data.test_images) // STREAMS):
    many.run_steps(STEPS)
    for name, spikes in counts.items():
        rates[name].append(spikes.T / STEPS)
        spikes[:] = 0
rates = {
    name: np.concatenate(parts) for name, parts in rates.items()
}  # (images, units)
tuning = {
    name: np.stack(
        [r[data.test_labels == c].mean(axis=0) for c in range(10)]
    )
    for name, r in rates.items()
}

fig, axes = plt.subplots(
    1, 2, figsize=(7.2, 3), sharey=True, layout="constrained"
)
for ax, (name, means) in zip(axes, tuning.items()):
    order = np.lexsort((-np.ptp(means, axis=0), means.argmax(axis=0)))
    drawn = ax.imshow(
        means[:, order].T,
        aspect="auto",
        vmin=0,
        vmax=1,
        cmap="viridis",
        interpolation="nearest",
    )
    ax.set(title=name, xlabel="Digit", xticks=range(10))
axes[0].set_ylabel("Unit, by preferred digit")
fig.colorbar(drawn, ax=axes, label="Spikes a step")

# %%
# Selectivity
# -----------
#
# A unit's selectivity is (best - mean of the others) / (best + mean of the others): 0 if it spikes for all digits
# alike, 1 if for one alone.

fig, ax = plt.subplots(figsize=(4.5, 3), layout="constrained")
for name, means in tuning.items():
    best = means.max(axis=0)
    others = (means.sum(axis=0) - best) / 9
    selectivity = (best - others) / np.maximum(best + others, 1e-9)
    ax.hist(
        selectivity,
        bins=20,
        range=(0, 1),
        histtype="step",
        label=f"{name}, median {np.median(selectivity):.2f}",
    )
ax.set(xlabel="Selectivity", ylabel="Units")
ax.legend(frameon=False)

# %%
# How much does a layer know? The class whose mean rates are nearest to an image's rates is a simple reading:

half = len(data.test_labels) // 2
for name, r in rates.items():
    means = np.stack(
        [
            r[:half][data.test_labels[:half] == c].mean(axis=0)
            for c in range(10)
        ]
    )
    nearest = ((r[half:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    wrong = np.mean(nearest != data.test_labels[half:])
    print(
        f"{name}: read from its rates, {wrong:.1%} of the images are wrong"
    )
assert wrong < 0.5

# %%
# Next
# ----
#
# * :doc:`5_study` compares networks, with several seeds.
# * :doc:`/howto/record` says how to record long runs.
