"""One to four hidden layers: direct, indirect and plain feedback alignment beside backpropagation.

Nokland (2016), https://doi.org/10.48550/arXiv.1609.01596: layers of 800 tanh units, logistic outputs, cross-entropy,
RMSprop with a rate of 1e-4, batches of 64. Forward weights start at zero for alignment and direct, which need no more,
and in +- 1 / sqrt(presynaptic units) for backpropagation and indirect, which could not start there. With one hidden
layer the three with feedback weights are the same pathway, shown once.

Shows: the test error against the number of hidden layers and against time, and the angle between each hidden layer's
update and the one backpropagation would make of the same batch. The paper learns for 300 epochs, here there are fewer.
Arguments: figure (``depth.png``), epochs (30), and where runs are kept (a temporary directory): given, an interrupted
study goes on. Full run: about an hour and a half on one core. The numbers are in ``docs/results/nokland2016.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
from _results import results_beside
from _study import QUICK, save, tidy
from matplotlib.figure import Figure

from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, STYLE, VERMILLION

EPOCHS = 6 if QUICK else int(sys.argv[2]) if len(sys.argv) > 2 else 30
KEPT = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
LEARNERS = {  # pathway -> label, colour, initial forward weights
    "backprop": ("backpropagation", INK, "fan_in"),
    "alignment": ("alignment", BLUE, "zero"),
    "direct": ("direct", VERMILLION, "zero"),
    "indirect": ("indirect", GREEN, "fan_in"),
}
LAYERS, UNITS = ((2,), 60) if QUICK else ((1, 2, 3, 4), 800)
RESULTS = results_beside(__file__)
# numpy has nothing to compile, for which small networks would wait longer than for their learning.
SMALL = {"pixels": 64, "eta": 4e-3, "target": "numpy"} if QUICK else {}


def run(pathway, layers):
    """Return a network of so many hidden layers, trained to its end: its metrics."""
    changes = {"hidden": (UNITS,) * layers, "pathway": pathway, "weights": LEARNERS[pathway][2]} | SMALL
    return new_run(
        KEPT / f"{layers}-{pathway}",
        "nokland2016_dfa",
        changes,
        data="digits" if QUICK else "mnist",
        streams=20 if QUICK else 64,
        epochs=EPOCHS,
        evaluate_every=2,
        record_activity=False,
        diagnostics=True,
    ).train()


metrics = {
    (pathway, layers): run(pathway, layers)
    for layers in LAYERS
    for pathway in LEARNERS
    if layers > 1 or pathway in ("backprop", "direct")
}
last = {key: 100 * rows["test_error"][-1] for key, rows in metrics.items()}


def angles(rows):
    """Angle in degrees of each hidden layer's incoming updates with backpropagation's, at the end."""
    columns = [name for name in rows if name.startswith("update_angle_deg_") and not name.endswith("output")]
    return [rows[name][-1] for name in columns]


with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.4), dpi=150, layout="constrained")
    depth, learning, turned = figure.subplots(1, 3)
    for pathway, (label, colour, _) in LEARNERS.items():
        there = [layers for layers in LAYERS if (pathway, layers) in metrics]
        depth.plot(there, [last[pathway, n] for n in there], "o-", color=colour, markersize=3, label=label)
        rows = metrics[pathway, LAYERS[-1]]
        learning.plot(rows["epoch"][1:], 100 * rows["test_error"][1:], color=colour, linewidth=1.2)
        if pathway != "backprop":
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
save(figure, __file__)

for (pathway, layers), error in last.items():
    rows = metrics[pathway, layers]
    details = "" if pathway == "backprop" else f", angles of the updates {', '.join(f'{a:.0f}' for a in angles(rows))}"
    training = f"training {100 * rows['train_error'][-1]:.2f} %"
    print(f"{layers} hidden, {LEARNERS[pathway][0]}: test error {error:.2f} %, {training}{details}")
assert max(last.values()) < (20 if QUICK else 4)
assert max(max(angles(metrics[pathway, LAYERS[-1]])) for pathway in LEARNERS if pathway != "backprop") < 90
if not QUICK and EPOCHS == 30:
    training = {key: 100 * rows["train_error"][-1] for key, rows in metrics.items()}
    for (pathway, layers), error in last.items():
        RESULTS.check(f"depth_{layers}_{pathway}", error, at=0)
        RESULTS.check(f"depth_{layers}_{pathway}_training", training[pathway, layers], at=0)
    for pathway in ("alignment", "direct", "indirect"):
        for at, angle in enumerate(angles(metrics[pathway, LAYERS[-1]])):
            RESULTS.check(f"depth_angles_{pathway}_seed_0", angle, at)
    for layers in LAYERS[1:]:  # direct and indirect have not yet learned their training images
        slow, fast = (("direct", "indirect"), ("backprop", "alignment"))
        assert min(training[name, layers] for name in slow) > max(training[name, layers] for name in fast) + 0.1
