"""Delays: units that tell where a sound comes from by when it reaches the two ears.

After Jeffress (1948), A place theory of sound localization, J. Comp. Physiol. Psychol. 41:35. Clicks reach the left and
the right ear at different times. Each of 21 units receives both ears with delays of its own, a delay a synapse, and
spikes if two clicks arrive together. Shows: the spikes of each unit for each difference in time, and how often the
most active unit is the wrong one, the more the times are jittered. A few seconds. Writes ``delays.png`` here.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _study import QUICK, save, tidy
from brian2 import SpikeMonitor, ms
from matplotlib.figure import Figure

import spikefa as fa
from spikefa.plotting.style import STYLE

DIFFERENCES = np.linspace(-1, 1, 21)  # right less left ear, in ms; each unit stands for one
TRIALS = 2 if QUICK else 20
JITTERS = (0, 0.4) if QUICK else (0, 0.05, 0.1, 0.2, 0.4)  # of each trial's difference, in ms
EAR = "at : second\ns : 1"
CLICK = "s = int(abs(t % (10*ms) - at) < dt / 2)"
DETECTOR = "dv/dt = -v / (0.1*ms) : 1\ns : 1"


def spikes(jitter):
    """Return the spikes of each unit in 5 clicks, (units, trials, differences): a stream is a trial of a difference."""
    net = fa.Network(streams=TRIALS * len(DIFFERENCES), seed=0, dt=0.05 * ms, target="numpy")
    fa.Population(net, "ears", 2, EAR, emit=CLICK, slot="start")
    fa.Layer(net, "place", len(DIFFERENCES), DETECTOR, threshold="v > 1", reset="v = 0", current="v", method="exact")
    delay = np.array([2 + DIFFERENCES / 2, 2 - DIFFERENCES / 2])  # the ear that is first has the longer axon
    fa.Projection(net, "ears", "place", np.ones((2, len(DIFFERENCES))), delay=delay * ms)
    noise = np.random.default_rng(0).normal(0, 1, (TRIALS, len(DIFFERENCES)))
    late = (DIFFERENCES + jitter * noise).ravel()
    net["ears"].set("at", np.array([4 - late / 2, 4 + late / 2]) * ms, each="neuron")
    monitor = SpikeMonitor(net["place"], record=False)
    net.add(monitor)
    net.run(50 * ms)
    return monitor.count[:].reshape(len(DIFFERENCES), TRIALS, -1)


counts = [spikes(jitter) for jitter in JITTERS]
found = [np.abs(count.argmax(axis=0) - np.arange(len(DIFFERENCES))) for count in counts]
errors = [100 * np.mean(places > 1) for places in found]  # neighbours, 0.1 ms apart, hear both clicks, too

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.8), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    image = left.pcolormesh(DIFFERENCES, DIFFERENCES, counts[0].mean(axis=1) / 5, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=left, label="Spikes a click")
    left.set(xlabel="Right less left ear (ms)", ylabel="Difference of the unit's delays (ms)")
    right.plot(JITTERS, errors, "o-")
    right.set(xlabel="SD of the jitter (ms)", ylabel="Wrong unit (%)", ylim=(0, 100))
    tidy(left, right)
save(figure, __file__)
print(f"test error {errors[0]:.1f} %, with a jitter of {JITTERS[-1]} ms {errors[-1]:.1f} %")
assert errors[0] == 0 and counts[0].max() == 5
assert errors[-1] > 10
