"""Supplementary Figure 10: the smallest network that learns with feedback alignment, as a flow in the plane.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: one input, one hidden and one output unit with T = B = 1. The flow W' = (1 - W A) A, A' = 1 - W A runs along the
parabolas 2 W - A^2 = c to the hyperbola W A = 1, from weights near zero always to W > 0, the sign of B; zero is no
fixed point. Backprop, beside it, has a fixed point at zero and goes to either branch. Where alignment ends with W < 0
is shaded: such a start has 2 W - A^2 < -3, so |W| or |A| is above 1. Full run: about 8 seconds. Writes ``s10_flow.png``
here. The numbers are in ``docs/results/lillicrap2016.md``.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from lillicrap2016.learning_flow import flow, velocity
from matplotlib.figure import Figure

from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, RULE, SKY, STYLE, TICKS, VERMILLION

quick = bool(os.environ.get("SPIKEFA_QUICK"))
LIMIT = 3.0
ONE = np.ones((1, 1))


def path_from(W, A, feedback, t=40.0):
    """W and A along the flow from one start."""
    times = np.concatenate([[0], np.geomspace(1e-3, t, 100 if quick else 300)])
    path = flow(ONE, W * ONE, A * ONE, ONE, feedback, t=times)
    return path.W.ravel(), path.A.ravel()


def draw(ax, feedback, starts):
    """Return the field, the fixed points, and paths from the starts (W, A); and where they end."""
    grid = np.linspace(-LIMIT, LIMIT, 21 if quick else 61)
    A, W = np.meshgrid(grid, grid)
    field = np.array(
        [
            [np.ravel(velocity(ONE, w * ONE, a * ONE, ONE, feedback)) for w, a in zip(*row, strict=True)]
            for row in zip(W, A, strict=True)
        ]
    )
    ax.streamplot(grid, grid, field[..., 1], field[..., 0], color=RULE, linewidth=0.35, arrowsize=0.5, density=1.1)
    ends = []
    for start in starts:
        w, a = path_from(*start, feedback)
        ax.plot(a, w, color=GREEN if w[-1] > 0 else ORANGE, linewidth=1.1, zorder=3)
        ax.plot(a[0], w[0], "o", color=INK, markersize=1.8, zorder=4)
        ends.append((w[-1], a[-1]))
    for side in (1, -1):
        a = side * np.geomspace(1 / LIMIT / 1.1, 1.1 * LIMIT, 200)
        stable = (a > 0) | (a < -1) if feedback == "alignment" else np.ones(200, bool)
        ax.plot(np.where(stable, a, np.nan), 1 / a, color=BLUE, linewidth=1.6, zorder=2)
        ax.plot(np.where(stable, np.nan, a), 1 / a, color=BLUE, linewidth=1.2, linestyle=(0, (2, 1.5)), zorder=2)
    ax.set(xlim=(-LIMIT, LIMIT), ylim=(-LIMIT, LIMIT), aspect="equal", xlabel="Hidden weight A")
    ax.set_xticks(np.arange(-3, 4)), ax.set_yticks(np.arange(-3, 4))
    ax.tick_params(**TICKS)
    return np.array(ends)


near = [(0.05 * np.sin(x), 0.05 * np.cos(x)) for x in np.linspace(0, 2 * np.pi, 4 if quick else 12, endpoint=False)]
far = [(0, -2.5), (-0.6, -0.7), (2.5, -2.0), (-2.5, -0.2), (-2.5, 2), (-1.5, -2.7), (-2.8, -1.2), (2.5, 2.5)]
far += [(2.5, -0.8), (-0.4, 2.6), (-2.2, -2.6)]
with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(6.2, 3.7), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    a = np.linspace(-LIMIT, -1 / LIMIT, 300)
    edge = np.where(a < -1, (a**2 - 3) / 2, 1 / a)  # the parabola c = -3, then the fixed points that repel
    left.fill_between(a, -LIMIT, edge, color=VERMILLION, alpha=0.13, linewidth=0)
    ends = draw(left, "alignment", near + far)
    left.set_title("Feedback alignment, B = 1")
    left.set_ylabel("Output weight W")
    other = draw(right, "backprop", near + far)
    right.fill_between([-LIMIT, LIMIT], [LIMIT, -LIMIT], -LIMIT, color=VERMILLION, alpha=0.13, linewidth=0)
    right.plot(0, 0, "s", color=SKY, markeredgecolor=INK, markeredgewidth=0.5, markersize=4, zorder=5)
    right.set_title("Backprop")
    handles = [
        matplotlib.lines.Line2D([], [], color=BLUE, linewidth=1.6, label="W A = 1, attracts"),
        matplotlib.lines.Line2D([], [], color=BLUE, linewidth=1.2, linestyle=(0, (2, 1.5)), label="W A = 1, repels"),
        matplotlib.lines.Line2D([], [], color=GREEN, label="ends with W > 0"),
        matplotlib.lines.Line2D([], [], color=ORANGE, label="ends with W < 0"),
        matplotlib.patches.Patch(color=VERMILLION, alpha=0.13, linewidth=0, label="all that do"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=5, columnspacing=1.2, handlelength=1.6)
out = Path(sys.argv[1] if len(sys.argv) > 1 else f"{Path(__file__).stem}.png")
figure.savefig(out, dpi=300)

error = np.square(1 - ends.prod(axis=1)).max()
print(
    f"alignment: test error {error:.6%} at most over {len(ends)} starts; from near 0, W ends in "
    f"{ends[: len(near), 0].min():.2f} .. {ends[: len(near), 0].max():.2f}, under backprop in "
    f"{other[: len(near), 0].min():.2f} .. {other[: len(near), 0].max():.2f}; wrote {out}"
)
starts = np.array(near + far)
c = 2 * starts[:, 0] - starts[:, 1] ** 2
assert error < 1e-6 and (ends[c > -3, 0] > 0).all() and len(near) < (c > -3).sum() < len(c)
assert ends[: len(near), 0].min() > 0.75 and ends[: len(near), 0].max() < 0.85
assert other[: len(near), 0].min() < 0 < other[: len(near), 0].max()
