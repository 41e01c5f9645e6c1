"""Feedback to apical dendrites: it sets plasticity and not spikes, and needs no modulatory neuron for each neuron.

After the Supplementary Notes of Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276,
https://doi.org/10.1038/ncomms13276; models/apical_dendrites.py states the equations.

Shows: (a) the potentials of the soma and of the apical dendrite of one hidden neuron, over eight images early in
learning. (b) Test errors on the digits, 64-200-200-200 units, where dendrites receive the error itself, or 5, 20 or 80
modulatory neurons of each layer, or nothing. (c) The same with 20 of them, if a part of the apical potential leaks into
the soma. Arguments: figure (``apical.png``), seeds (3), and where runs are kept (a temporary directory): given, an
interrupted study goes on.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _entries import check_or_write
from _study import FEW_STEPS, QUICK, mean_sd, metrics_of, save, tidy
from brian2 import StateMonitor, ms
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spikefa import datasets
from spikefa.experiments import model_file
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, STYLE, VERMILLION

SEEDS = 1 if QUICK else int([*sys.argv, "3"][2 if len(sys.argv) > 2 else -1])
KEPT = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
EPOCHS = 2 if QUICK else 15
SMALL = {"hidden": (40, 40), "outputs": 40, "eta": 1e-2} | FEW_STEPS if QUICK else {}
CONDITIONS = {  # name -> (label, changes, colour)
    "direct": ("the error itself", {"feedback": "direct"}, INK),
    "modulators_80": ("80 modulatory neurons", {"modulators": 80}, BLUE),
    "modulators_20": ("20", {}, GREEN),
    "modulators_5": ("5", {"modulators": 5}, ORANGE),
    "none": ("none", {"feedback": "none"}, PURPLE),
    "coupling_003": ("", {"coupling": 0.03}, SKY),
    "coupling_01": ("", {"coupling": 0.1}, SKY),
    "coupling_03": ("", {"coupling": 0.3}, VERMILLION),
}
if QUICK:
    CONDITIONS = {name: CONDITIONS[name] for name in ("modulators_20", "none")}
COUPLING = {"modulators_20": 0, "coupling_003": 0.03, "coupling_01": 0.1, "coupling_03": 0.3}
COUPLING = {name: value for name, value in COUPLING.items() if name in CONDITIONS}


def run(name, seed):
    """Return the metrics of a condition with a seed."""
    _, changes, _ = CONDITIONS[name]
    state = new_run(
        KEPT / f"{name}-{seed}",
        "apical_dendrites",
        SMALL | changes,
        data="digits",
        seed=seed,
        epochs=EPOCHS,
        record_activity=False,
    )
    return metrics_of(state, name)


def potentials(images=8):
    """Return soma and dendrite of a unit of h2 over images, and that spikes do not depend on the feedback."""
    model, digits, spikes = model_file.load("apical_dendrites"), datasets.load("digits"), {}
    for feedback in ("modulators", "none"):
        params = model.params(SMALL | {"feedback": feedback, "eta": 0.0})
        net = model.build(params, streams=1, seed=0)
        units = net["h2"].index([0])
        variables = ["v", "s", "u"]
        monitor = StateMonitor(net["h2"], variables, record=units)
        net.add(monitor)
        net.stimulus.show_images(digits.train_images[:images], digits.train_labels[:images])
        net.run_steps(params.steps_per_image * images)
        spikes[feedback] = monitor
    same = np.array_equal(spikes["modulators"].v, spikes["none"].v)
    return spikes["modulators"].t / ms, spikes["modulators"].v[0], spikes["modulators"].u[0], same


t, soma, dendrite, same = potentials()
metrics = {name: [run(name, seed) for seed in range(SEEDS)] for name in CONDITIONS}
last = {name: 100 * np.array([rows["test_error"][-1] for rows in several]) for name, several in metrics.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.6), dpi=150, layout="constrained")
    a, b, c = figure.subplots(1, 3)
    a.plot(t, soma, color=INK, linewidth=1, label="soma $v$")
    a.plot(t, dendrite, color=VERMILLION, linewidth=1, label="dendrite $u$")
    for switch in range(0, int(t[-1]) + 2, 5):
        a.axvline(switch, color=INK, linewidth=0.3, alpha=0.4)
    a.set(xlabel="Time (ms)", ylabel="Potential", xlim=(0, None), ylim=(None, 1.5 * soma.max()))
    a.legend(loc="upper center", ncols=2, handlelength=1.4, columnspacing=1)
    for name, (label, _, colour) in CONDITIONS.items():
        if label:
            curve = np.mean([100 * rows["test_error"] for rows in metrics[name]], axis=0)
            b.plot(metrics[name][0]["epoch"], curve, color=colour, label=label)
    b.set(xlabel="Epoch", ylabel="Test error (%)", yscale="log", xlim=(0, EPOCHS), ylim=(2, 100))
    b.set_yticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
    b.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    b.legend(loc="lower left", handlelength=1.4, title="dendrites receive")
    for name, coupling in COUPLING.items():
        c.plot([coupling] * SEEDS, last[name], "o", color=BLUE, markersize=3, alpha=0.6)
    c.plot(list(COUPLING.values()), [last[name].mean() for name in COUPLING], color=BLUE, linewidth=1)
    c.set(xlabel="Coupling of dendrite and soma", ylabel="Test error (%)", ylim=(0, 100))
    tidy(a, b, c)
save(figure, __file__)

for name, errors in last.items():
    print(f"{name}: test error {mean_sd(errors)} %")
assert same, "feedback must not change the spikes"
assert np.abs(dendrite).max() > 0.05, "feedback must reach the dendrite"
if not QUICK:
    claims = {name: f"Dendrites receive {label}" for name, (label, _, _) in CONDITIONS.items()}
    claims |= {"modulators_20": "20 modulatory neurons", "modulators_5": "5 modulatory neurons"}
    claims |= {name: f"... coupling {value}" for name, value in COUPLING.items() if value}
    command = "python examples/dendrites/apical.py"
    title = "Apical dendrites, after Lillicrap et al. (2016)"
    check_or_write(
        __file__, title, "dendrites", last, claims, margin=6, epochs=EPOCHS, command=command, figure="apical.png"
    )
    taught = ("direct", "modulators_80", "modulators_20", "modulators_5")
    assert max(last[name].mean() for name in taught) < last["none"].mean() / 2
