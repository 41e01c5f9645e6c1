"""Figure 5 and Supplementary Figure 9: how the feedback weights reach the forward weights.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows, in 20-1000-20 tanh/linear networks that learn quadratic forms: (a) the angle between the weights with which each
hidden unit drives the output and those by which it receives the error, and (S9) their histograms. (c) Learning in three
phases: first only the hidden weights, which take up B but gain nothing; then only the output weights, which come to
align; then the hidden ones again, and now the same updates help. 5 runs; 10 examples a step (20 in phases); rates and
ranges, not in the paper, were chosen on another seed. The gain of the third phase depends on the length of the first.
Full run: 1 minute, 3 on a busy machine. Writes ``fig5.png`` here. The numbers are in ``docs/results/lillicrap2016.md``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, backward, band, build, forward, learn, log_errors, mean_sd, save, tidy
from matplotlib.figure import Figure

from spikefa.datasets import synthetic
from spikefa.metrics import unit_angles
from spikefa.plotting.style import BLUE, INK, RULE, STYLE, VERMILLION

RESULTS = results_beside(__file__)
RUNS, WINDOW = (1, 20) if QUICK else (5, 50)
#: Hidden units, examples a step, learning rate; and steps: of all together, and of three phases with a rate of its own.
TOGETHER = (200, 40, 5e-4, (400,)) if QUICK else (1000, 10, 3e-4, (3000,))
IN_TURN = (200, 40, 2e-4, (100, 300, 300)) if QUICK else (1000, 20, 1e-4, (400, 1000, 1000))
WEIGHTS = {"alignment": 0.1, "backprop": 0.3, "output_only": 0.1}


def network(setting, seed, pathway="alignment"):
    """Return the network, its task, and a function that tells the angle of each hidden unit."""
    hidden, streams, eta, steps = setting
    net = build("fig5", streams, seed, sizes=(20, hidden, 20), pathway=pathway, eta=eta, weight_range=WEIGHTS[pathway])
    look = (lambda: unit_angles(forward(net)[1].W, backward(net)[0].W.T, axis=1)) if pathway == "alignment" else None
    return net, synthetic.quadratic(seed=seed, train=streams * sum(steps)), look


def together(seed, pathway):
    """Errors and angles of a network of which everything learns."""
    net, data, look = network(TOGETHER, seed, pathway)
    before = look() if look else None
    return *learn(net, data, TOGETHER[3][0], WINDOW, look), before


def in_turn(seed):
    """Errors and angles of a network whose layers learn in turn."""
    net, data, look = network(IN_TURN, seed)
    parts = []
    for phase, steps in enumerate(IN_TURN[3]):
        for number, projection in enumerate(forward(net)):
            projection.learning.active = number == phase % 2
        parts.append(learn(net, data, steps, WINDOW, look, seed=phase))
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def examples(setting):
    """Thousands of examples at the end of each window."""
    return WINDOW * setting[1] * np.arange(1, sum(setting[3]) // WINDOW + 1) / 1e3


def draw_angles(ax, x, angles):
    """Median and middle 90 % of the units of all runs."""
    low, middle, high = np.percentile(angles, [5, 50, 95], axis=(0, 2))
    ax.fill_between(x, low, high, color=BLUE, alpha=0.2, linewidth=0, label="90 % of the units")
    ax.plot(x, middle, color=BLUE, linewidth=1.4, label="median")
    ax.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    ax.set(ylim=(0, 180), ylabel="Angle of a unit's W and B (degrees)", xlabel="Examples (thousands)")
    ax.set_yticks([0, 45, 90, 135, 180])


errors = {name: [] for name in ("alignment", "backprop", "output_only")}
angles, at_start = [], []
for seed in range(RUNS):
    for name in errors:
        curve, seen, before = together(seed, name)
        errors[name].append(curve)
        if name == "alignment":
            angles.append(seen)
            at_start.append(before)
PARTS = np.cumsum(IN_TURN[3]) // WINDOW
turns = [in_turn(seed) for seed in range(RUNS)]
turn_errors, turn_angles = np.array([t[0] for t in turns]), np.array([t[1] for t in turns])
angles, at_start = np.array(angles), np.array(at_start)  # (runs, windows, units), (runs, units)

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 4.4), dpi=150, layout="constrained")
    (top, bottom), (third, fourth), histograms = figure.subplots(2, 3, sharex="col").T
    x = examples(TOGETHER)
    for name, label, colour in (
        ("output_only", "output layer alone", RULE),
        ("backprop", "backprop", VERMILLION),
        ("alignment", "feedback alignment", BLUE),
    ):
        band(top, x, errors[name], colour, label)
    top.set(title="All weights learn", xlim=(0, x[-1]))
    log_errors(top)
    top.legend(loc="lower left", handlelength=1.4)
    draw_angles(bottom, x, angles)
    bottom.legend(loc="upper right", handlelength=1.4)
    x = examples(IN_TURN)
    for ax in (third, fourth):
        for mark in PARTS[:-1]:
            ax.axvline(x[mark - 1], color=RULE, linewidth=0.6)
    band(third, x, turn_errors, BLUE)
    third.set(title="Weights learn in turn", xlim=(0, x[-1]))
    third.margins(y=0.12)
    draw_angles(fourth, x, turn_angles)
    for start, end, text in zip((0, *PARTS), PARTS, ("hidden", "output", "hidden"), strict=False):
        middle = x[-1] * (start + end) / 2 / PARTS[-1]
        third.text(middle, 0.98, text, transform=third.get_xaxis_transform(), ha="center", va="top", fontsize=6.5)
    shown = (("before", at_start, RULE), ("after", angles[:, -1], BLUE))
    phases = (
        ("after phase 1", turn_angles[:, PARTS[0] - 1], RULE),
        ("after phase 2", turn_angles[:, PARTS[1] - 1], BLUE),
    )
    for ax, title, groups in zip(histograms, ("All weights learn", "In turn"), (shown, phases), strict=True):
        for label, values, colour in groups:
            ax.hist(values.ravel(), np.arange(0, 181, 5), histtype="step", color=colour, label=label)
        ax.set(title=title, ylabel="Hidden units of all runs", xlim=(0, 180))
        ax.set_xticks([0, 45, 90, 135, 180])
        ax.margins(y=0.3)
        ax.legend(loc="upper right", handlelength=1.0)
    histograms[1].set_xlabel("Angle of a unit's W and B (degrees)")
    tidy(top, bottom, third, fourth, *histograms)
save(figure, __file__)

last = {name: np.array(curves)[:, -4:].mean(axis=1) for name, curves in errors.items()}
for name, error in last.items():
    print(f"{name}: test error {100 * error.mean():.3g} % of the variance ({mean_sd(error)})")
medians = np.median(angles, axis=2)
print(f"median angle: {mean_sd(medians[:, 0])} in the first window, {mean_sd(medians[:, -1])} degrees at the end")
spreads = [np.mean(values < 90) for values in (at_start, angles[:, -1])]
print(f"units below 90 degrees: {spreads[0]:.1%} before, {spreads[1]:.2%} after")
ends = [np.median(turn_angles[:, part - 1], axis=1) for part in PARTS]
levels = [turn_errors[:, :2].mean(axis=1), *(turn_errors[:, p - 2 : p].mean(axis=1) for p in PARTS)]
print("in turn, error at the start and after each phase: " + "; ".join(map(mean_sd, levels)))
print("in turn, median angle after each phase: " + "; ".join(map(mean_sd, ends)))
ratio = last["alignment"].mean() / last["backprop"].mean()
alone = last["output_only"].mean()
print(f"alignment's error is {ratio:.2f} times backprop's, that of the output layer alone {alone:.2f}")
assert 1 / ratio < 1.15 and ratio < (1.3 if QUICK else 1.15)
assert last["alignment"].mean() < last["output_only"].mean() / 1.5
assert abs(spreads[0] - 0.5) < 0.1 and spreads[1] > 0.9
assert medians[:, -1].mean() < 60 < 75 < medians[:, 0].mean()
assert levels[1].mean() > 0.95 * levels[0].mean() and ends[1].mean() < 75 < 86 < ends[0].mean()
assert levels[3].mean() < (0.98 if QUICK else 0.93) * levels[2].mean()
if not QUICK:
    RESULTS.check("fig5a_alignment", last["alignment"])
    RESULTS.check("fig5a_first", medians[:, 0])
    RESULTS.check("s9_before", 100 * (at_start < 90).mean(axis=1))
    RESULTS.check("s9_after", 100 * (angles[:, -1] < 90).mean(axis=1))
    RESULTS.check("fig5a_greatest", medians.max(axis=1))
    RESULTS.check("fig5a_last", medians[:, -1])
    RESULTS.check("fig5c_angle_1", ends[0])
    RESULTS.check("fig5c_angle_2", ends[1])
    for result, level in zip(("before", "phase_1", "phase_2", "phase_3"), levels, strict=True):
        RESULTS.check(f"fig5c_{result}", level)
