"""Supplementary Figure 14: feedback alignment, begun where backprop has ended.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: a 20-1000-20 network, tanh and linear, learns y_k = x^T Q_k x by backprop, its rate lowered until the
error hardly falls, and then by feedback alignment with B ~ U[-1, 1], which its weights know nothing of: the error
leaps, W turns towards B, and the error falls to below where it was. Backprop that goes on from the same weights at the
same rate does not leap. Rates, ranges and steps are ours, by hand. Full run: about 2 minutes on two free cores. Writes
``lillicrap2016_s14_from_minimum.png`` here.
"""

import os
import sys
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

import spikefa as fa
from spikefa import evaluation, pathways, tasks
from spikefa.analysis import angle
from spikefa.plotting.style import BLUE, RULE, STYLE, TICKS, VERMILLION

quick = bool(os.environ.get("SPIKEFA_QUICK"))
HIDDEN, BATCH, PIECES = (300 if quick else 1000), 50, 10 if quick else 40
DESCENT = [(3e-4, 1500), (1e-4, 1000)] if quick else [(1e-4, 6000), (3e-5, 3000), (1e-5, 3000)]
ETA, STEPS = (1e-4, 4000) if quick else (3e-5, 16000)
task = tasks.quadratic(train=20000, test=1000)


def network(feedback, **options):
    """A rate network of streams = batch; `feedback` adds its pathway."""
    net = fa.Network(streams=BATCH)
    fa.Input(net, "x", 20, emit="s = x", threshold=None, limits=None)
    rate = {"equations": "I : 1\npsi : 1\ns : 1", "threshold": None}
    fa.Layer(net, "hidden", HIDDEN, emit="s = tanh(I)\npsi = 1 - s**2", **rate)
    fa.Layer(net, "output", 20, emit="s = I\npsi = 1", **rate)
    feedback(net, error="target : 1\ndelta : 1", emit_error="delta = layer_s - target",
             feedback="J : 1\ndelta : 1", emit="delta = J * layer_psi", **options)  # fmt: skip
    rule = fa.Plasticity("dW = -eta * delta_post * s_pre", {"eta": 1.0})
    weights = [fa.Projection(net, *ends, fa.uniform(0.05), plasticity=rule)
               for ends in (("x", "hidden"), ("hidden", "output"))]  # fmt: skip
    net.present(1)
    rng = np.random.default_rng(1)

    def batch():
        chosen = rng.integers(0, len(task.train_images), BATCH)
        return task.train_images[chosen], task.train_targets[chosen]

    net.stimulus.show(batch)
    return net, rule, weights


def learn(parts, eta, steps, pieces, B):
    """Test errors, and angles of W with B^T, before and after each piece."""
    net, rule, weights = parts
    rule.rate = eta
    rows = []
    for piece in range(pieces + 1):
        if piece:
            net.run_steps(steps // pieces)
        error = evaluation.error(net, task.test_images, task.test_targets, steps=1)
        rows.append((piece * (steps // pieces), error, angle(weights[1].W, B.T)))
    return np.array(rows).T


B = np.random.default_rng(2).uniform(-1, 1, (20, HIDDEN))
backprop, alignment = network(pathways.transpose), network(pathways.feedback_alignment, B=B)
before = [learn(backprop, eta, steps, PIECES // 10 * 2, B) for eta, steps in DESCENT]
for ours, theirs in zip(alignment[2], backprop[2], strict=True):
    ours.W, ours.b = theirs.W, theirs.b
both = {"feedback alignment": alignment, "backprop": backprop}
after = {label: learn(parts, ETA, STEPS, PIECES, B) for label, parts in both.items()}

starts = np.cumsum([0, *(rows[0, -1] for rows in before)])
with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(3.6, 3.6), dpi=150, layout="constrained")
    axes = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for k, ax in enumerate(axes, start=1):
        for start, rows in zip(starts, before, strict=False):
            ax.plot((start + rows[0]) / 1000, rows[k], color=VERMILLION)
        for (label, rows), colour in zip(after.items(), (BLUE, VERMILLION), strict=True):
            ax.plot((starts[-1] + rows[0]) / 1000, rows[k], color=colour, label=label)
        ax.axvline(starts[-1] / 1000, color=RULE, linewidth=0.6, zorder=0)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(**TICKS)
        ax.tick_params(which="minor", length=0)
    axes[0].set(ylabel="Test error (NSE)", yscale="log", ylim=(0.03, 1.3))
    axes[0].set_yticks([0.03, 0.1, 0.3, 1], ["0.03", "0.1", "0.3", "1"])
    axes[0].legend(loc="upper right")
    axes[1].set(ylabel="Angle of W\nwith Bᵀ (degrees)", ylim=(0, 95))
    axes[1].set(xlabel="Batches of 50 (thousands)", xlim=(0, None))
    axes[1].set_yticks([0, 30, 60, 90])
    axes[1].axhline(90, color=RULE, linewidth=0.6, linestyle=(0, (4, 3)), zorder=0)
out = Path(sys.argv[1] if len(sys.argv) > 1 else "lillicrap2016_s14_from_minimum.png")
figure.savefig(out, dpi=300)

_, errors, angles = after["feedback alignment"]
control = after["backprop"][1]
print(f"backprop to test error {errors[0]:.1%}; feedback alignment leaps to {errors.max():.1%} and falls to "
      f"{errors[-1]:.1%}, W and B from {angles[0]:.0f} to {angles[-1]:.0f} degrees; backprop went on from "
      f"{control[0]:.1%} over at most {control.max():.1%} to {control[-1]:.1%}; wrote {out}")  # fmt: skip
assert control[0] == errors[0] and control.max() < 1.1 * errors[0]
assert errors.max() > 1.5 * errors[0] and errors[-1] < (0.7 * errors.max() if quick else errors[0])
assert angles[-1] < angles[0] - 10
