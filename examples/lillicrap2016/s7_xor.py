"""Supplementary Figure 7: exclusive or, and how the output weights come to resemble the feedback weights.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: (a) logistic 2-2-1 networks from the printed W = (.15, -.13) with B = (-3.75, -4.53), eta .5, and 10 draws of the
hidden weights, U[-.5, .5], which are not printed: whatever the draw, both output weights turn negative like B; those
that solve the task pass the printed (-4.65, -4.55) on their way, at an error of a few percent, and go on growing. Two
hidden units often do not solve it. (b) 2-25-1 networks all do. (c) In these W and B, U[-5, 5], are not correlated
before learning, and are after, as they are in 2-2-1 networks. The four patterns are shown at once. Full run: about 1
minute. Writes ``s7_xor.png`` here. The numbers are in ``docs/results/lillicrap2016.md``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, backward, build, forward, learn, mean_sd, save, tidy
from matplotlib.figure import Figure

from spikefa.datasets import synthetic
from spikefa.plotting.style import BLUE, INK, ORANGE, RULE, STYLE, VERMILLION

RESULTS = results_beside(__file__)
# The fifth draw of the hidden weights is the first that solves the task.
RUNS, STEPS, WINDOW = (5, 600, 20) if QUICK else (10, 2000, 20)
START, FEEDBACK, PRINTED = (0.15, -0.13), (-3.75, -4.53), (-4.65, -4.55)
XOR = synthetic.xor()


def run(sizes, seed, printed=False):
    """Errors and output weights on the way, and the feedback weights."""
    net = build("xor", 4, seed, sizes=sizes, weight_range=0.5, feedback_range=5.0)
    W, B = forward(net)[1], backward(net)[0]
    if printed:
        W.W, B.W = np.reshape(START, (2, 1)), np.reshape(FEEDBACK, (1, 2))
    start = W.W.ravel().copy()
    errors, weights = learn(net, XOR, STEPS, WINDOW, lambda: W.W.ravel().copy())
    return errors, np.vstack([start, weights]), B.W.ravel()


printed = [run((2, 2, 1), seed, True) for seed in range(RUNS)]
wide = [run((2, 25, 1), seed) for seed in range(RUNS)]
many = [run((2, 2, 1), seed) for seed in range(RUNS, (2 if QUICK else 4) * RUNS)]
solved = np.array([errors[-1] < 0.05 for errors, _, _ in printed])
nearest = [path[np.hypot(*(path - PRINTED).T).argmin()] for _, path, _ in printed]
distance = np.array([np.hypot(*(point - PRINTED)) for point in nearest])
W, B = np.array([(path[-1], b) for _, path, b in many]).transpose(1, 0, 2)
before, after = (np.array([np.corrcoef(path[at], b)[0, 1] for _, path, b in wide]) for at in (0, -1))

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.5), dpi=150, layout="constrained")
    first, second, third = figure.subplots(1, 3)
    for (_, path, _), good in zip(printed, solved, strict=True):
        first.plot(*path.T, color=BLUE if good else RULE, linewidth=0.8, zorder=2 if good else 1)
    first.plot([], [], color=BLUE, label="solve it"), first.plot([], [], color=RULE, label="do not")
    first.plot(*START, "o", color=INK, markersize=3, label="printed start")
    first.plot(*PRINTED, "*", color=VERMILLION, markersize=8, markeredgewidth=0, label="printed end", zorder=3)
    first.plot(*FEEDBACK, "s", color=ORANGE, markersize=4, label="feedback B", zorder=3)
    first.set(xlabel="W of hidden unit 1", ylabel="W of hidden unit 2", title="2-2-1 from the printed weights")
    first.legend(loc="lower right", handlelength=1.2)
    x = WINDOW * np.arange(1, STEPS // WINDOW + 1)
    second.plot(x, np.transpose([errors for errors, _, _ in wide]), color=BLUE, linewidth=0.5)
    second.plot(x, np.transpose([errors for errors, _, _ in many]), color=RULE, linewidth=0.3, alpha=0.7, zorder=0)
    second.plot([], [], color=BLUE, label="2-25-1"), second.plot([], [], color=RULE, label="2-2-1")
    second.set(yscale="log", xlabel="Presentations", ylabel="Normalised squared error", xlim=(0, STEPS), title="Error")
    second.legend(loc="lower left", handlelength=1.2)
    third.axhline(0, color=RULE, linewidth=0.5), third.axvline(0, color=RULE, linewidth=0.5)
    for at, colour, label in ((0, RULE, "before"), (-1, BLUE, "after")):
        points = np.array([(b, path[at]) for _, path, b in wide]).transpose(1, 0, 2).reshape(2, -1)
        third.plot(*points, "o", color=colour, markersize=2, markeredgewidth=0, label=label)
    third.set(xlabel="Feedback weight B", ylabel="Output weight W", title="2-25-1, all runs")
    third.legend(loc="upper left", handlelength=1.0)
    tidy(first, second, third)
save(figure, __file__)

ends = np.array([path[-1] for _, path, _ in printed])
correlation = np.corrcoef(W.ravel(), B.ravel())[0, 1]
error = np.array([errors[-1] for errors, _, _ in wide])
print(f"2-25-1: test error {100 * error.mean():.3g} % of the variance ({mean_sd(error)}), the worst {error.max():.3g}")
print(
    f"2-2-1 from the printed weights: {solved.sum()} of {RUNS} solve it; W at the end {mean_sd(ends[:, 0])}, "
    f"{mean_sd(ends[:, 1])}; those pass the printed W at {distance[solved].max(initial=0):.2f} or less"
)
print(f"2-25-1: W and B correlate, r = {mean_sd(before)} before and {mean_sd(after)} after, {after.min():.2f} at least")
print(f"2-2-1, {len(many)} runs: W and B correlate, r = {correlation:.2f}; same sign in {np.mean(W * B > 0):.0%}")
assert error.max() < (0.05 if QUICK else 2e-3) and (ends < 0).all() and correlation > 0.3 and np.mean(W * B > 0) > 0.95
assert abs(before.mean()) < 0.3 and after.min() > 0.6
assert 0 < solved.mean() < 0.7 and distance[solved].max() < 0.15
if not QUICK:
    RESULTS.check("s7_correlation", correlation)
    RESULTS.check("s7_wide_before", before)
    RESULTS.check("s7_wide_after", after)
