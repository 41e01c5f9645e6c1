"""One to four hidden layers: direct, indirect and plain feedback alignment beside backpropagation.

Nokland (2016), https://doi.org/10.48550/arXiv.1609.01596: layers of 800 tanh units, logistic outputs, cross-entropy,
RMSprop with a rate of 1e-4, batches of 64. Forward weights start at zero for alignment and direct, which need no more,
and in +- 1 / sqrt(presynaptic units) for backpropagation and indirect, which could not start there. With one hidden
layer the three with feedback weights are the same algorithm, shown once.

Shows: the test error against the number of hidden layers and against time, and the angle between each hidden layer's
update and the one backpropagation would make of the same batch. The paper learns for 300 epochs, here there are fewer.
Arguments: figure (``nokland2016_depth.png``), epochs (30), and where runs are kept (a temporary directory): given, an
interrupted study goes on. Full run: about an hour and a half on one core.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _study import QUICK, expect, save, tidy
from matplotlib.figure import Figure

from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, STYLE, VERMILLION

EPOCHS = 6 if QUICK else int(sys.argv[2]) if len(sys.argv) > 2 else 30
KEPT = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
LEARNERS = {  # algorithm -> label, colour, initial forward weights
    "transpose": ("backpropagation", INK, "fan_in"),
    "alignment": ("alignment", BLUE, "zero"),
    "direct": ("direct", VERMILLION, "zero"),
    "indirect": ("indirect", GREEN, "fan_in"),
}
LAYERS, UNITS = ((2,), 60) if QUICK else ((1, 2, 3, 4), 800)
#: Test errors and training errors in % after 30 epochs by the number of hidden layers, of seed 0.
OURS = {
    "transpose": {1: (1.93, 0.98), 2: (1.70, 0.12), 3: (1.81, 0.04), 4: (2.05, 0.06)},
    "alignment": {2: (1.86, 0.17), 3: (1.74, 0.04), 4: (1.78, 0.05)},
    "direct": {1: (2.11, 1.16), 2: (1.82, 0.48), 3: (2.07, 0.72), 4: (2.26, 0.77)},
    "indirect": {2: (1.67, 0.41), 3: (1.94, 0.82), 4: (2.40, 1.18)},
}
TURNED = {"alignment": (69, 63, 43, 23), "direct": (44, 42, 42, 28), "indirect": (54, 47, 54, 70)}  # four hidden layers
# numpy has nothing to compile, for which small networks would wait longer than for their learning.
SMALL = {"pixels": 64, "eta": 4e-3, "target": "numpy"} if QUICK else {}


def run(algorithm, layers):
    """A network of so many hidden layers, trained to its end: its metrics."""
    changes = {"hidden": (UNITS,) * layers, "algorithm": algorithm, "weights": LEARNERS[algorithm][2]} | SMALL
    return new_run(
        KEPT / f"{layers}-{algorithm}",
        "nokland2016_dfa",
        changes,
        data="digits" if QUICK else "mnist",
        streams=20 if QUICK else 64,
        epochs=EPOCHS,
        evaluate_every=2,
        display=False,
        diagnostics=True,
    ).train()


metrics = {
    (algorithm, layers): run(algorithm, layers)
    for layers in LAYERS
    for algorithm in LEARNERS
    if layers > 1 or algorithm in ("transpose", "direct")
}
last = {key: 100 * rows["test_error"][-1] for key, rows in metrics.items()}


def angles(rows):
    """Angle in degrees of each hidden layer's incoming updates with backpropagation's, at the end."""
    columns = [name for name in rows if name.startswith("update_angle_deg_") and not name.endswith("output")]
    return [rows[name][-1] for name in columns]


with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.4), dpi=150, layout="constrained")
    depth, learning, turned = figure.subplots(1, 3)
    for algorithm, (label, colour, _) in LEARNERS.items():
        there = [layers for layers in LAYERS if (algorithm, layers) in metrics]
        depth.plot(there, [last[algorithm, n] for n in there], "o-", color=colour, markersize=3, label=label)
        rows = metrics[algorithm, LAYERS[-1]]
        learning.plot(rows["epoch"][1:], 100 * rows["test_error"][1:], color=colour, linewidth=1.2)
        if algorithm != "transpose":
            turned.plot(range(1, LAYERS[-1] + 1), angles(rows), "o-", color=colour, markersize=3)
    depth.set(xlabel="Hidden layers", ylabel="Test error (%)", xticks=LAYERS, ylim=(0, None))
    learning.set(
        xlabel="Epoch", ylabel="Test error (%)", yscale="log", xlim=(0, None), title=f"{LAYERS[-1]} hidden layers"
    )
    ticks = [n for n in (2, 3, 5, 10, 20, 50) if n >= learning.get_ylim()[0]]
    learning.set_yticks(ticks, [f"{n}" for n in ticks])
    learning.set_yticks([], minor=True)
    turned.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    turned.set(xlabel="Hidden layer", ylabel="Angle of its updates (degrees)", xticks=range(1, LAYERS[-1] + 1))
    turned.set(ylim=(0, 100), yticks=[0, 30, 60, 90], title=f"{LAYERS[-1]} hidden layers")
    figure.legend(*depth.get_legend_handles_labels(), loc="outside lower center", ncols=4, handlelength=1.4)
    tidy(depth, learning, turned)
save(figure, "nokland2016_depth")

for (algorithm, layers), error in last.items():
    rows = metrics[algorithm, layers]
    told = "" if algorithm == "transpose" else f", angles of the updates {', '.join(f'{a:.0f}' for a in angles(rows))}"
    training = f"training {100 * rows['train_error'][-1]:.2f} %"
    print(f"{layers} hidden, {LEARNERS[algorithm][0]}: test error {error:.2f} %, {training}{told}")
assert max(last.values()) < (20 if QUICK else 4)
assert max(max(angles(metrics[algorithm, LAYERS[-1]])) for algorithm in TURNED) < 90
if not QUICK and EPOCHS == 30:
    training = {key: 100 * rows["train_error"][-1] for key, rows in metrics.items()}
    for (algorithm, layers), error in last.items():
        name, (wanted, learned) = f"{layers} hidden, {LEARNERS[algorithm][0]}", OURS[algorithm][layers]
        expect(f"{name}, test error in %", error, wanted, 0.4)
        expect(f"{name}, training error in %", training[algorithm, layers], learned, 0.1 + learned / 3)
    for algorithm, wanted in TURNED.items():
        off = np.subtract(angles(metrics[algorithm, LAYERS[-1]]), wanted)
        assert np.abs(off).max() < 12, f"{algorithm}: angles are off by {off} degrees"
    for layers in LAYERS[1:]:  # direct and indirect have not yet learned their training images
        slow, fast = (("direct", "indirect"), ("transpose", "alignment"))
        assert min(training[name, layers] for name in slow) > max(training[name, layers] for name in fast) + 0.1
