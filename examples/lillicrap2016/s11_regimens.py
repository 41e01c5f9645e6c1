"""Supplementary Figure 11 and Note 12: hidden and output weights learn in turn, by turns, or at once.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows linear 30-20-10 networks, T ~ U[-1, 1], B ~ U[-.5, .5], W and A ~ U[-.01, .01], 20 runs, in three regimens: first
A learns alone, then W alone; both by turns; both at once. The argument [derived from the summary of Note 12]: with W
near 0, A takes up B T; W, whose A then stays, goes to T A^+, which is in proportion to B^+. So after one turn each the
error sent is that of pseudobackprop, at less than 90 degrees from W^T e. By turns and at once W^+ E comes close to B E,
and all three learn the task. Full run: about 10 seconds. Writes ``s11_regimens.png`` here. The numbers are in
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
from spikefa.plotting.style import BLUE, INK, RULE, STYLE, TICKS, VERMILLION

RESULTS = results_beside(__file__)
quick = bool(os.environ.get("SPIKEFA_QUICK"))
RUNS = 2 if quick else 20
#: Regimen -> name of its results, and its turns: which matrix does not learn, and for how long.
REGIMENS = {
    "A, then W": ("once", [("W", 1.0), ("A", 9.0)]),
    "A and W by turns of 0.1": ("turns", [("W", 0.1), ("A", 0.1)] * 50),
    "A and W at once": ("synchronous", [(None, 10.0)]),
}


def run(turns, seed):
    """Return times; angles of W with B^+ and with B^T, and of B E with W^T E; and the error (4, times)."""
    rng = np.random.default_rng(seed)
    T, B = rng.uniform(-1, 1, (10, 30)), rng.uniform(-0.5, 0.5, (20, 10))
    W, A = rng.uniform(-0.01, 0.01, (10, 20)), rng.uniform(-0.01, 0.01, (20, 30))
    now, times, rows = 0.0, [], []
    for frozen, length in turns:
        path = flow(T, W, A, B, t=now + np.linspace(0, length, max(3, int(length * 20))), frozen=frozen)
        W, A, now = path.W[-1], path.A[-1], now + length
        for t, w, E, error in zip(path.t, path.W, path.E, path.normalized_squared_error, strict=True):
            signal = angle(B @ E, w.T @ E) if error > 1e-6 else np.nan
            times.append(t)
            rows.append((angle(w, np.linalg.pinv(B)), angle(w, B.T), signal, error))
    return np.array(times), np.transpose(rows)


results = {title: [run(turns, seed) for seed in range(RUNS)] for title, (_, turns) in REGIMENS.items()}
curves = {title: np.array([rows for _, rows in runs]) for title, runs in results.items()}  # (runs, 4, times)

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 3.6), dpi=150, layout="constrained")
    axes = figure.subplots(2, 3, sharex=True, sharey="row")
    for column, (title, runs) in enumerate(results.items()):
        angles, error = axes[:, column]
        x = runs[0][0]
        for row, colour, label in (
            (1, VERMILLION, "W with Bᵀ"),
            (0, BLUE, "W with B⁺"),
            (2, INK, "B e with Wᵀ e"),
        ):
            angles.plot(x, curves[title][:, row].T, color=colour, linewidth=0.3, alpha=0.35)
            angles.plot(x, np.median(curves[title][:, row], axis=0), color=colour, linewidth=1.4, label=label)
        error.plot(x, curves[title][:, 3].T, color=BLUE, linewidth=0.5, alpha=0.7)
        angles.axhline(90, color=RULE, linewidth=0.6, linestyle=(0, (4, 3)), zorder=0)
        angles.set(title=title)
        error.set(xlabel="Time")
        for ax in (angles, error):
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(**TICKS)
            ax.tick_params(which="minor", length=0)
    axes[0, 0].set(ylabel="Angle (degrees)", ylim=(0, 120), xlim=(0, 10))
    axes[0, 0].set_yticks([0, 30, 60, 90, 120])
    axes[0, 2].legend(loc="upper right", handlelength=1.2)
    axes[1, 0].set(ylabel="Error |E|² / |T|²", yscale="log", ylim=(1e-6, 3))
    figure.align_ylabels(axes[:, 0])
out = Path(sys.argv[1] if len(sys.argv) > 1 else f"{Path(__file__).stem}.png")
figure.savefig(out, dpi=300)

for title, (name, _) in REGIMENS.items():
    of_inverse, of_transpose, signal, error = curves[title].transpose(1, 0, 2)
    later = signal[:, results[title][0][0] > 1.5]
    positive = 100 * np.nanmean(np.where(np.isnan(later), np.nan, later < 90), axis=1)
    print(
        f"{title}: W ends {of_inverse[:, -1].mean():.1f} degrees from B^+, {of_transpose[:, -1].mean():.1f} from B^T; "
        f"tr(E'WBE) > 0 in {np.nanmean(positive):.1f}% after 1.5; test error {100 * np.median(error[:, -1]):.2g}%"
    )
    assert error[:, -1].max() < 0.05 and of_inverse[:, -1].mean() < of_transpose[:, -1].mean() < 80
    assert np.nanmean(positive) > 99
    if not quick:
        RESULTS.check(f"s11_{name}", of_inverse[:, -1])
        RESULTS.check(f"s11_{name}_transpose", of_transpose[:, -1])
once = curves["A, then W"]
assert once[:, 0, -1].max() < 10 < curves["A and W at once"][:, 0, -1].mean()
print(f"wrote {out}")
