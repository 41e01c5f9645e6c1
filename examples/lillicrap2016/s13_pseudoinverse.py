"""Supplementary Figure 13: feedback alignment comes closer to the pseudoinverse than to backprop.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: the angle of the hidden update B E of feedback alignment with that of backprop, W^T E, and with the Gauss-Newton
step W^+ E ("pseudobackprop"), along the flow of linear 30-20-10 networks (sizes as in Fig. 2), W, A ~ U[-w, w], nine w
from 1e-4 to .25 (those between are our choice), 20 runs each; and the error of each w in time. From small weights the
pseudoinverse is the closer one from about a tenth of the error on; before, backprop is. From larger weights both stay
large and come together. Full run: about 20 seconds. Writes ``s13_pseudoinverse.png`` here. The numbers are in
``docs/results/lillicrap2016.md``.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from lillicrap2016.learning_flow import flow
from matplotlib.figure import Figure

from spikefa.metrics import angle
from spikefa.plotting.style import BLUE, RULE, STYLE, TICKS, VERMILLION

RESULTS = results_beside(__file__)
quick = bool(os.environ.get("SPIKEFA_QUICK"))
RUNS = 3 if quick else 20
SCALES = (1e-4, 1e-2, 0.25) if quick else (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 0.03, 0.07, 0.15, 0.25)
TIMES = np.linspace(0, 12, 601)
LEFT = np.geomspace(0.95, 1e-3, 20 if quick else 60)  # the error left, in fractions


def run(w, seed):
    """Return the two angles where each fraction of the error is left, (2, fractions), and the error in time."""
    rng = np.random.default_rng(seed)
    T, B = rng.uniform(-1, 1, (10, 30)), rng.uniform(-0.5, 0.5, (20, 10))
    path = flow(T, rng.uniform(-w, w, (10, 20)), rng.uniform(-w, w, (20, 30)), B, t=TIMES)
    at = np.argmax(path.normalized_squared_error < LEFT[:, None], axis=1)
    signals = [(B @ E, W.T @ E, np.linalg.pinv(W) @ E) for W, E in zip(path.W[at], path.E[at], strict=True)]
    return [[angle(signal[0], signal[k]) for signal in signals] for k in (1, 2)], path.normalized_squared_error


results = {w: [run(w, seed) for seed in range(RUNS)] for w in SCALES}
angles = {w: np.array([both for both, _ in runs]) for w, runs in results.items()}  # (runs, 2, fractions)
LOOKS = (("backprop, Wᵀe", VERMILLION, "o"), ("pseudobackprop, W⁺e", BLUE, "s"))

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(6.0, 4.6), dpi=150, layout="constrained")
    in_time, *axes = figure.subplots(2, 2).ravel()
    for number, (w, runs) in enumerate(results.items()):
        colour = matplotlib.colormaps["viridis"](number / len(results))
        error = np.exp(np.log([error for _, error in runs]).mean(axis=0))
        in_time.plot(TIMES, error, color=colour, linewidth=1.0, label=f"{w:g}")
    in_time.set(yscale="log", xlabel="Time", ylabel="Error |E|² / |T|²", xlim=(0, 6), ylim=(1e-4, 2))
    in_time.legend(title="w", loc="upper right", ncols=2, handlelength=1.0, columnspacing=0.8)
    for ax, w in zip(axes, (SCALES[0], SCALES[-1]), strict=False):
        for k, (label, colour, _) in enumerate(LOOKS):
            ax.plot(100 * LEFT, angles[w][:, k].T, color=colour, linewidth=0.3, alpha=0.35)
            ax.plot(100 * LEFT, angles[w][:, k].mean(axis=0), color=colour, linewidth=1.6, label=label)
        ax.set(xscale="log", xlim=(95, 0.1), xlabel="Error left (%)", title=f"W, A ~ U[−{w:g}, {w:g}]")
        ax.set_xticks([10, 1, 0.1], ["10", "1", "0.1"])
    for ax in axes:
        ax.set(ylabel="Angle with Be (degrees)", ylim=(0, 95))
    axes[0].legend(loc="lower left")
    at = np.abs(LEFT - 0.01).argmin()
    for k, (label, colour, marker) in enumerate(LOOKS):
        ends = np.array([angles[w][:, k, at] for w in SCALES])
        axes[2].errorbar(
            SCALES,
            ends.mean(axis=1),
            ends.std(axis=1, ddof=1),
            color=colour,
            marker=marker,
            markersize=3.5,
            capsize=2,
            elinewidth=0.7,
            label=label,
        )
    axes[2].set(xscale="log", xlabel="Initial weights w", title="1 % of the error left, mean ± s.d.")
    for ax in axes:
        ax.set_yticks([0, 30, 60, 90])
        ax.axhline(90, color=RULE, linewidth=0.6, linestyle=(0, (4, 3)), zorder=0)
    for ax in (in_time, *axes):
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(**TICKS)
        ax.tick_params(which="minor", length=0)
out = Path(sys.argv[1] if len(sys.argv) > 1 else f"{Path(__file__).stem}.png")
figure.savefig(out, dpi=300)

for w, both in angles.items():
    closer = (both[:, 1] < both[:, 0]).mean(axis=0)
    crossing = LEFT[closer > 0.5].max(initial=0)
    print(
        f"w = {w:g}: backprop {both[:, 0, at].mean():.1f}, pseudobackprop {both[:, 1, at].mean():.1f} degrees at 1 % "
        f"of the error, the second smaller in {closer[at]:.0%} of runs, and in most from {crossing:.0%} on"
    )
    if w <= 0.01:
        assert closer[at] == 1 and both[:, 1, at].mean() < both[:, 0, at].mean() - 10
        assert both[:, 0, 0].mean() < both[:, 1, 0].mean() and 0.05 < crossing < 0.2  # before, backprop is nearer
        if not quick:
            RESULTS.check("s13_backprop", both[:, 0, at])
            RESULTS.check("s13_pseudoinverse", both[:, 1, at])
    if w == SCALES[-1]:
        assert both[:, :, at].mean(axis=0).min() > 30  # both stay large
print(f"all down to test error {LEFT[-1]:.1%}; wrote {out}")
