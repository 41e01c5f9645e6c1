"""Supplementary Note 5: feedback alignment in deep networks, with dropout, rectifiers, local fields and distortions.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: test errors of the Note's networks on MNIST, and on MNIST over photographs, beside those of the paper: three
hidden layers of 1500 with alignment and with backpropagation, one with dropout, three of leaky rectifiers, a first
layer of local fields without and with elastic distortions of the training images, and ten hidden layers. Each is a
preset of ``lillicrap2016_rate`` and learns as long as that says, likely far shorter than in the paper. Arguments:
figure (``note5.png``), seeds (1; the paper has 5), and where runs are kept (a temporary directory): given, an
interrupted study goes on, and ``spikefa train lillicrap2016_rate --preset NAME --seed 0 --run DIRECTORY/NAME-0`` makes
one of its runs; with ``stored`` as a fourth, what has no run there is drawn from ``results.toml``. The photographs are
taken from ``SPIKEFA_DATA``; without them, and in quick mode, their rows are left out. Full run: about two
hours a seed on one core. Writes ``note5.png`` here. The numbers are in ``docs/results/lillicrap2016.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, mean_sd, save, tidy
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from spikefa import datasets
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, INK, STYLE, VERMILLION

SEEDS = 1 if QUICK or len(sys.argv) < 3 else int(sys.argv[2])
KEPT = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
STORED = sys.argv[4:] == ["stored"]
RESULTS = results_beside(__file__)
ROWS = {  # preset, which is also the result's name -> label, data
    "note5_backprop": ("backpropagation", "mnist"),
    "note5": ("alignment", "mnist"),
    "note5_dropout": ("one hidden layer, dropout", "mnist"),
    "note5_leaky": ("leaky rectifiers", "mnist"),
    "note5_local": ("local fields", "mnist"),
    "note5_distortions": ("local fields, distortions", "mnist"),
    "note5_deep_backprop": ("10 hidden layers, backpropagation", "mnist"),
    "note5_deep": ("10 hidden layers, alignment", "mnist"),
    "background_backprop": ("over photographs, backpropagation", "mnist-background"),
    "background": ("over photographs, alignment", "mnist-background"),
}
# Rates and distortions for 8 x 8 pixels, too; numpy has nothing to compile, for which small networks would wait longer.
SMALL = {
    "note5_backprop": {"sizes": (64, 60, 60, 60, 10)},
    "note5": {"sizes": (64, 60, 60, 60, 10)},
    "note5_dropout": {"sizes": (64, 100, 10)},
    "note5_leaky": {"sizes": (64, 60, 60, 60, 10), "eta": 3e-3},
    "note5_local": {"sizes": (64, 54, 60, 60, 10)},
    "note5_distortions": {"sizes": (64, 54, 60, 60, 10), "distort_sigma": 1.0, "distort_alpha": 3.0},
    "note5_deep_backprop": {"sizes": (64, *(60,) * 10, 10)},
    "note5_deep": {"sizes": (64, *(60,) * 10, 10)},
}


#: Of the digits over photographs 12,000 train, as in the data set that they are after (Larochelle et al. 2007).
HELD_OUT = 48000


def photographs():
    """Whether there are digits over photographs."""
    try:
        datasets.load("mnist-background")
    except datasets.DataError as error:
        print(f"without the rows over photographs: {error}")
        return False
    return True


def run(preset, data, seed):
    """Return the metrics of a run, made to its end or gone on with."""
    changes = SMALL[preset] | {"lr_milestones": (10,), "epochs": 12, "target": "numpy"} if QUICK else {}
    return new_run(
        KEPT / f"{preset}-{seed}",
        "lillicrap2016_rate",
        changes,
        preset=preset,
        data="digits" if QUICK else data,
        streams=20 if QUICK else 100,
        seed=seed,
        validation=0 if data == "mnist" else HELD_OUT,
        record_activity=False,
    ).train()


if not photographs() or QUICK:  # their 784 pixels are too many for the quick mode
    ROWS = {preset: row for preset, row in ROWS.items() if row[-1] == "mnist"}
made = [preset for preset in ROWS if not STORED or (KEPT / f"{preset}-0").exists()]
metrics = {preset: [run(preset, ROWS[preset][-1], seed) for seed in range(SEEDS)] for preset in made}
last = {
    preset: 100 * np.array([rows["test_error"][-1] for rows in metrics[preset]])
    if preset in metrics
    else np.array(RESULTS[preset].values)
    for preset in ROWS
}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.9), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    for preset, colour in (("note5_backprop", VERMILLION), ("note5", BLUE)):
        for part, line in (("test_error", "-"), ("train_error", ":")):
            curves = 100 * np.array([rows[part] for rows in metrics[preset]]).mean(axis=0)
            label = f"{ROWS[preset][0]}, {part.split('_')[0]}"
            left.plot(metrics[preset][0]["epoch"], curves, line, color=colour, linewidth=1.4, label=label)
    left.set(yscale="log", xlabel="Epoch", ylabel="Error (%)", xlim=(0, None))
    left.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    left.set_ylim(0.01, 100)
    left.legend(loc="upper right", handlelength=1.8)
    for place, preset in enumerate(ROWS):
        colour = VERMILLION if preset.endswith("backprop") else BLUE
        style = {"color": colour, "markersize": 4, "alpha": 0.7, "clip_on": False}
        right.plot(last[preset], np.full(len(last[preset]), place), "o", **style)
        right.plot(RESULTS[preset].paper, place, "|", color=INK, markersize=11, markeredgewidth=1.2)
    right.set(xscale="log", xlabel="Test error (%); |: paper", ylim=(len(ROWS) - 0.5, -0.5))
    right.set_yticks(range(len(ROWS)), [label for label, _ in ROWS.values()])
    right.xaxis.set_minor_formatter(NullFormatter())
    ticks = (0.5, 1, 2, 5, 10, 20)
    right.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    tidy(left, right)
save(figure, __file__)

for preset, errors in last.items():
    print(f"{ROWS[preset][0]}: test error {mean_sd(errors)} % (paper {RESULTS[preset].paper:g})")
    assert errors.max() < 25
    if not QUICK:
        RESULTS.check(preset, errors)
of = {preset: errors.mean() for preset, errors in last.items()}
assert of["note5_deep"] > of["note5_deep_backprop"]
if not QUICK:  # fields help, and alignment is not ahead of backpropagation
    assert of["note5_local"] < of["note5"] and of["note5"] > of["note5_backprop"]
    assert "background" not in of or of["background"] > of["background_backprop"]
