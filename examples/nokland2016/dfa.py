"""Direct, indirect and plain feedback alignment beside backpropagation: learning curves, and the angles of the updates.

Nokland (2016), https://doi.org/10.48550/arXiv.1609.01596, on the networks of the presets ``slides_small`` (784-100-10,
logistic, softmax) and ``slides_large`` (784-200-100-10, tanh, softmax): batches of 1000, learning rate .5, 50 epochs.
With one hidden layer the three with feedback weights are the same pathway, shown once.

Shows: the test error, the training error, and the angle between each hidden layer's update and the one backpropagation
would make of the same batch, which falls below 90 degrees and so descends the loss. Full run: six networks, a few
minutes on a quiet machine; a second argument names a directory in which runs are kept, and gone on with if they were
interrupted. Writes ``dfa.png`` here. The numbers are in ``docs/results/nokland2016.md``.
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
from _results import results_beside
from matplotlib.figure import Figure

from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, RULE, STYLE, TICKS, VERMILLION

quick = bool(os.environ.get("SPIKEFA_QUICK"))
NAMES = {
    "backprop": ("Backpropagation", INK),
    "alignment": ("Feedback alignment", BLUE),
    "direct": ("Direct (DFA)", VERMILLION),
    "indirect": ("Indirect (IFA)", GREEN),
}
ROWS = {
    "slides_small": ("784-100-10, logistic", ("backprop", "alignment")),
    "slides_large": ("784-200-100-10, tanh", tuple(NAMES)),
}
RESULTS = results_beside(__file__)
EPOCHS, EVERY, STREAMS, DATA = (12, 3, 50, "digits") if quick else (50, 1, 1000, "mnist")


def metrics(folder, preset, pathway):
    """Train to the end, going on with what is there, and read the metrics."""
    # numpy has nothing to compile, for which small networks would wait longer than for their learning.
    changes = {"pathway": pathway} | ({"pixels": 64, "target": "numpy"} if quick else {})
    return new_run(
        folder / f"{preset}_{pathway}",
        "nokland2016_dfa",
        changes,
        preset=preset,
        data=DATA,
        streams=STREAMS,
        epochs=EPOCHS,
        evaluate_every=EVERY,
        record_activity=False,
        diagnostics=True,
    ).train()


folder = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="nokland2016-"))
curves = {preset: {a: metrics(folder, preset, a) for a in pathways} for preset, (_, pathways) in ROWS.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 4.2), dpi=150, layout="constrained")
    axes = figure.subplots(2, 3, sharex=True)
    for row, (preset, (title, pathways)) in zip(axes, ROWS.items(), strict=True):
        for ax in row:
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(**TICKS)
            ax.tick_params(which="minor", length=0)
        for pathway in pathways:
            table = curves[preset][pathway]
            name, colour = NAMES[pathway]
            if len(pathways) == 2 and pathway != "backprop":
                name = "Alignment, direct, indirect"
            epochs = table["epoch"][1:]
            for ax, column in zip(row, ("test_error", "train_error"), strict=False):
                ax.plot(epochs, 100 * table[column][1:], color=colour, label=name)
            for number, column in enumerate(c for c in table if c.startswith("update_angle") and "_output" not in c):
                row[2].plot(epochs, table[column][1:], color=colour, linestyle=("-", "--")[number])
        for ax, label in zip(row, ("Test error (%)", "Training error (%)"), strict=False):
            ticks = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 20, 50)
            ticks = ticks if label.startswith("Test") else [t for t in ticks if t not in (3, 4, 6, 8)]
            ax.set(yscale="log", ylabel=label)
            low, high = ax.get_ylim()
            ax.set_yticks([t for t in ticks if low <= t <= high], [f"{t:g}" for t in ticks if low <= t <= high])
            ax.set_yticks([], minor=True)
        row[0].set_title(title, loc="left")
        row[1].legend(loc="upper right")
        row[2].axhline(90, color=RULE, linewidth=0.6, zorder=0)
        row[2].set(ylabel="Angle of updates (°)", ylim=(-3, 95), yticks=[0, 30, 60, 90])
        if len(pathways) > 2:
            row[2].plot([], [], color=RULE, label="first hidden layer")
            row[2].plot([], [], color=RULE, linestyle="--", label="second")
            row[2].legend(loc="lower right", bbox_to_anchor=(1, 0.08))
    for ax in axes[1]:
        ax.set(xlabel="Epoch", xlim=(0, None))
out = Path(sys.argv[1] if len(sys.argv) > 1 else f"{Path(__file__).stem}.png")
figure.savefig(out, dpi=300)

for preset, tables in curves.items():
    for pathway, table in tables.items():
        turned = [a for c, a in table.items() if c.startswith("update_angle") and "_output" not in c]
        angles = [a[-1] for a in turned]
        test, train = table["test_error"][-1], table["train_error"][-1]
        print(
            f"{preset}, {NAMES[pathway][0]}: test error {test:.2%}, training error {train:.2%}, angle of the "
            f"hidden updates {' and '.join(f'{a:.0f}' for a in angles)} degrees"
        )
        assert test < 0.25 and max(angles) < 90
        if not quick:
            RESULTS.check(f"{preset}_{pathway}", 100 - 100 * test, at=0)
            RESULTS.check(f"{preset}_{pathway}_training", 100 - 100 * train, at=0)
            if pathway == "backprop":
                assert max(angles) < 12, f"angles are {angles}, not 0"
            elif preset == "slides_small":
                RESULTS.check("angle_small", angles, at=1)
            else:
                for layer, angle in enumerate(angles):
                    RESULTS.check(f"angle_large_{pathway}", angle, at=layer)
            assert pathway == "backprop" or all(a[-1] < a[1] - 5 for a in turned), "the angles do not fall"
if not quick:  # indirect is not on the slides
    order = [100 * curves["slides_large"][a]["train_error"][-1] for a in ("backprop", "direct", "alignment")]
    assert order[0] + 0.3 < order[1] < order[2] - 0.15, f"training errors, backpropagation to alignment: {order}"
print(f"wrote {out}")
