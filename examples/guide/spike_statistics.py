"""Statistics of a trained network's spikes, by Elephant: intervals, PSTH and correlations.

Shows: a recording goes to Neo by ``recording.to_neo()``, its spike trains to Elephant, and what Elephant finds is what
the recording holds. Trains a small spiking network on the bundled digits. Needs ``pip install "spikefa[elephant]"``.
Full run: about 20 seconds on two cores. Writes ``spike_statistics.png`` here.
"""

import logging
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import quantities as pq
from elephant import conversion, spike_train_correlation, statistics, utils
from matplotlib.figure import Figure

import spikefa as fa

utils.logger.setLevel(logging.ERROR)  # it says of each train that it corrects times by 1e-15 s
quick = bool(os.environ.get("SPIKEFA_QUICK"))
small = {"hidden": (60,), "outputs": 50, "eta": 8e-3, "target": "numpy"}
settings = {"preset": "digits", "streams": 50, "recording_steps": 100}
run = fa.new_run(tempfile.mkdtemp(), "lillicrap2016_spiking", small, **settings, epochs=2 if quick else 20)
error = run.train()["test_error"][-1]

recording = run.recordings()[-1]
segment = recording.to_neo().segments[0]
(stimulus,) = segment.epochs
hidden = [train for train in segment.spiketrains if train.annotations["population"] == "h1"]

# Coefficient of variation of the intervals between spikes: 1 for a Poisson process, less for regular spikes.
cv = np.array([statistics.cv(statistics.isi(train)) for train in hidden if len(train) > 2])

# PSTH of the hidden layer, for each image: spikes of all its units in bins of 10 steps.
width = 10 * recording.dt * pq.ms
counts = statistics.time_histogram(hidden, bin_size=width).magnitude[:, 0]
psth = counts.reshape(len(stimulus.labels), -1) / len(hidden) / width.rescale("s").magnitude

# Correlation of the units' counts in bins of 10 steps.
active = [train for train in hidden if len(train)]
binned = conversion.BinnedSpikeTrain(active, bin_size=width)
correlation = spike_train_correlation.correlation_coefficient(binned)

figure = Figure(figsize=(7.2, 2.3), layout="constrained")
left, middle, right = figure.subplots(1, 3)
left.hist(cv, bins=20, color="#0072B2")
left.set(xlabel="CV of the intervals", ylabel="Units of h1")
for rates, label in zip(psth, stimulus.labels, strict=True):
    middle.plot((np.arange(len(rates)) + 0.5) * width.magnitude, rates, label=label)
middle.set(xlabel="Time after onset (ms)", ylabel="Rate of h1 (Hz)", ylim=(0, None))
middle.legend(title="class of the image", ncols=3, fontsize=6, title_fontsize=6, frameon=False, loc="lower center")
shades = right.imshow(correlation, cmap="RdBu_r", vmin=-1, vmax=1)
rows = np.arange(0, len(active), 10)
numbers = [active[row].annotations["unit"] for row in rows]  # in the network, whose weights have the same order
right.set(xlabel="Unit of h1", ylabel="Unit of h1")
right.set_xticks(rows, numbers)
right.set_yticks(rows, numbers)
figure.colorbar(shades, ax=right, label="Correlation of counts")
out = Path(sys.argv[1] if len(sys.argv) > 1 else "spike_statistics.png")
figure.savefig(out, dpi=200)
print(f"test error {error:.2%}; mean CV {cv.mean():.2f}, mean rate {psth.mean():.0f} Hz; wrote {out}")

# What Elephant has found is what the recording holds.
spikes = recording.spikes["h1"]
by_bin = spikes.reshape(-1, 10, spikes.shape[1]).sum(axis=1)
assert np.array_equal(counts, by_bin.sum(axis=1))
assert np.allclose(correlation, np.corrcoef(by_bin[:, by_bin.any(axis=0)].T))
intervals = [np.diff(np.flatnonzero(train)) for train in spikes.T if train.sum() > 2]
assert np.allclose(cv, [own.std() / own.mean() for own in intervals])
assert error < (0.88 if quick else 0.25)  # chance is 90 %
