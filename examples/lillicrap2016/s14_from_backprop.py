"""Supplementary Figure 14: feedback alignment leaves a minimum that backprop found, and comes back.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: 20-1000-20 tanh/linear networks learn quadratic forms with backprop until the error falls only slowly. Then a
network with the pathway of feedback alignment is built and given their weights: its feedback is at right angles to that
of backprop at first, the error rises, the output weights come to align, and the error falls again. 3 runs, 10 examples
a step. Rates and lengths, not in the paper, were settled on these seeds: a first try, with 5e-4 for backprop and 2e-4
for alignment, mixed the switch with the smaller rate, and its error first fell. Full run: 1 minute, 2 on a busy
machine. Writes ``s14_from_backprop.png`` here. The numbers are in ``docs/results/lillicrap2016.md``.
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
from spikefa.metrics import angle
from spikefa.plotting.style import BLUE, INK, RULE, STYLE, VERMILLION

RESULTS = results_beside(__file__)
RUNS, WINDOW = (1, 10) if QUICK else (3, 25)
#: Hidden units, examples a step, learning rate; then steps with backprop, and with alignment.
HIDDEN, STREAMS, ETA, BACKPROP, ALIGNMENT = (200, 40, 4e-4, 600, 600) if QUICK else (1000, 10, 2e-4, 6000, 12_000)


def network(seed, pathway):
    """Return a network of either pathway."""
    return build("fig5", STREAMS, seed, sizes=(20, HIDDEN, 20), pathway=pathway, eta=ETA, weight_range=0.3)


def run(seed):
    """Errors with backprop, errors with alignment, and the angle of W and B with alignment."""
    data = synthetic.quadratic(seed=seed, train=40_000)
    teacher = network(seed, "backprop")
    before, _ = learn(teacher, data, BACKPROP, WINDOW)
    net = network(seed, "alignment")
    for new, old in zip(forward(net), forward(teacher), strict=True):
        new.W, new.b = old.W, old.b
    W, B = forward(net)[1], backward(net)[0]
    after, angles = learn(net, data, ALIGNMENT, WINDOW, lambda: angle(W.W, B.W.T), seed=1)
    return before, after, angles


before, after, angles = (np.array(part) for part in zip(*map(run, range(RUNS)), strict=True))

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(5.2, 3.2), dpi=150, layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    thousand = WINDOW * STREAMS / 1e3
    x, switch = thousand * np.arange(1, before.shape[1] + 1), thousand * before.shape[1]
    later = switch + thousand * np.arange(1, after.shape[1] + 1)
    band(top, x, before, VERMILLION, "backprop")
    band(top, later, after, BLUE, "feedback alignment")
    top.set(xlim=(0, later[-1]))
    log_errors(top)
    top.legend(loc="upper right", handlelength=1.4)
    bottom.plot(later, angles.T, color=BLUE, linewidth=0.3, alpha=0.4)
    bottom.plot(later, angles.mean(axis=0), color=BLUE, linewidth=1.4)
    bottom.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    bottom.set(ylabel="Angle of W and B\n(degrees)", xlabel="Examples (thousands)", ylim=(0, 100))
    bottom.set_yticks([0, 30, 60, 90])
    for ax in (top, bottom):
        ax.axvline(switch, color=RULE, linewidth=0.6)
    tidy(top, bottom)
save(figure, __file__)

found, worst, end = before[:, -4:].mean(axis=1), after.max(axis=1), after[:, -4:].mean(axis=1)
print(
    f"test error {100 * found.mean():.3g} % of the variance with backprop ({mean_sd(found)}); "
    f"then up to {mean_sd(worst)}, and {mean_sd(end)} at the end; "
    f"angle {mean_sd(angles[:, 0])} -> {mean_sd(angles[:, -1])} degrees"
)
assert (worst > (1.05 if QUICK else 1.3) * found).all() and (end < worst).all()
assert angles[:, 0].min() > 75 and (angles[:, -1] < angles[:, 0] - 10).all()
if not QUICK:
    RESULTS.check("s14_backprop", found)
    RESULTS.check("s14_worst", worst)
    RESULTS.check("s14_end", end)
    RESULTS.check("s14_angle", angles[:, -1])
    assert (after[:, -4:].mean(axis=1) < after[:, -100:-96].mean(axis=1)).all()  # still falling
