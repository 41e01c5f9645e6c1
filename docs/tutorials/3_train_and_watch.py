"""
3. Train a model and watch
==========================

You train a bundled model, follow its metrics, look at its activity, stop and go on. The data are 8 x 8 digits, so that
it takes seconds. The last section does the same on MNIST.
"""

# %%
# State a run
# -----------
#
# A run is a directory with all of one training: parameters, versions, metrics, checkpoint and recordings. ``new_run``
# states it, and writes nothing yet. ``preset`` names a set of the model's parameters; the second dictionary changes
# some of them.

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

import spikefa as fa

QUICK = bool(os.environ.get("SPIKEFA_QUICK"))
directory = Path(tempfile.mkdtemp()) / "digits"

setting = dict(
    preset="digits", data="digits", streams=20, seed=0, validation=237
)
run = fa.new_run(
    directory,
    "lillicrap2016_spiking",
    {"hidden": (200, 200)},
    epochs=4 if QUICK else 20,
    **setting,
)

# %%
# Train it
# --------
#
# ``train`` returns the columns of ``metrics.csv`` as arrays. It evaluates after each epoch, on the 237 training images
# that are held out and on the test images. ``watch=print`` would print each row as it comes.

metrics = run.train()
for name in ("epoch", "train_error", "validation_error", "test_error"):
    print(
        f"{name:17}",
        " ".join(f"{value:.3f}" for value in metrics[name][-4:]),
    )

# %%
# Watch it learn
# --------------
#
# ``weight_angle_deg_h2`` is the angle between the weights that leave ``h2`` and the transposed feedback weights.

fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.2, 2.8), layout="constrained"
)
for name in ("train_error", "validation_error", "test_error"):
    left.plot(
        metrics["epoch"], metrics[name], label=name.replace("_", " ")
    )
left.set(xlabel="Epoch", ylabel="Error", ylim=(0, 1))
left.legend(frameon=False)
for layer in ("h1", "h2"):
    right.plot(
        metrics["epoch"],
        metrics[f"weight_angle_deg_{layer}"],
        label=layer,
    )
right.axhline(90, color="0.6", linestyle="--")
right.set(xlabel="Epoch", ylabel="Angle of W and B (degrees)")
right.legend(frameon=False)

# %%
# Look at its activity
# --------------------
#
# Training records a few images for 50 steps each: at the start, early in the first epoch, and at each evaluation.

recordings = run.recordings()
print(len(recordings), "recordings, the first of", recordings[0].label)
figure = fa.plotting.activity_figure(
    [recordings[0], recordings[1], recordings[-1]]
)
figure

# %%
# Top: the images. Middle: spikes of some units of each hidden layer, and of the output by class, with the correct class
# shaded. Bottom: the potential of one hidden neuron, and the error signal that it receives.
#
# Make it longer
# --------------
#
# A finished run can go on, as ``spikefa resume RUN --epochs N`` does. An interrupted one goes on by itself when
# ``train`` is called again, with the same bits as if it had never stopped.

longer = fa.new_run(
    directory,
    "lillicrap2016_spiking",
    {"hidden": (200, 200)},
    epochs=5 if QUICK else 25,
    **setting,
)
metrics = longer.train()
print(
    f"after {metrics['epoch'][-1]:.0f} epochs: test error {metrics['test_error'][-1]:.1%}"
)
print(sorted(path.name for path in directory.iterdir()))

# %%
# The same on MNIST
# -----------------
#
# .. code-block:: sh
#
#    spikefa train lillicrap2016_spiking --data mnist --set eta=2e-3 --run runs/mnist
#    spikefa plot runs/mnist activity
#    spikefa resume runs/mnist --epochs 10
#
# An epoch of the published network takes about a minute and a half on two cores. Ctrl-C saves and says how to go on.
# :doc:`/howto/train_mnist` has the presets and what they reach.

assert metrics["test_error"][-1] < 0.4

# %%
# Next
# ----
#
# * :doc:`4_trained_network` looks into such a run.
# * :doc:`/reference/run_directory` lists the files and columns.
