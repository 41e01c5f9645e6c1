"""Supplementary Figures 11 and 12: the feedback signal pulls the hidden weights, and alignment grows by as much.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: the flow W' = E A^T, A' = B E in linear networks of 30-20-10 units (three starts, the choice of which is ours)
and 100-50-20, with T ~ U[-1, 1] and B ~ U[-.5, .5], 20 runs each. tr(A^T B E) is both tr(B W)' and half of |A|^2'. From
small weights its sign is chance at first and positive within t = 0.01, and so tr(B W) rises; from large random weights
too, if not at once. From hidden weights opposed to B T it is negative first, tr(B W) falls, and turns: there the claim
does not hold, yet the network learns. Full run: about 20 seconds. Writes ``s11_s12_alignment.png`` here. The numbers
are in ``docs/results/lillicrap2016.md``.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from lillicrap2016.learning_flow import flow
from matplotlib.figure import Figure

from spikefa.plotting.style import BLUE, PURPLE, RULE, STYLE, TICKS, VERMILLION

quick = bool(os.environ.get("SPIKEFA_QUICK"))
RUNS = 3 if quick else 20
TIMES = np.concatenate([[0], np.geomspace(1e-3, 10, 60 if quick else 200)])
COLUMNS = {
    "30-20-10, small weights\nW, A ~ U[−.01, .01]": ((30, 20, 10), 0.01, BLUE),
    "30-20-10, large weights\nW, A ~ U[−.5, .5]": ((30, 20, 10), 0.5, BLUE),
    "30-20-10, opposed weights\nA = −0.1 B T": ((30, 20, 10), None, VERMILLION),
    "100-50-20, small weights\nW, A ~ U[−.01, .01]": ((100, 50, 20), 0.01, PURPLE),
}


def run(sizes, w, seed):
    """Cosine of A and B E, tr(B W) and the normalised error along the flow; the cosine until 1e-6 of it is left."""
    n_in, n_hidden, n_out = sizes
    rng = np.random.default_rng(seed)
    T, B = rng.uniform(-1, 1, (n_out, n_in)), rng.uniform(-0.5, 0.5, (n_hidden, n_out))
    W, A = (rng.uniform(-(w or 0.01), w or 0.01, shape) for shape in ((n_out, n_hidden), (n_hidden, n_in)))
    path = flow(T, W, -0.1 * B @ T if w is None else A, B, t=TIMES)
    signal = B @ path.E
    cosine = (path.A * signal).sum(axis=(1, 2)) / np.sqrt((path.A**2).sum(axis=(1, 2)) * (signal**2).sum(axis=(1, 2)))
    return (
        np.where(path.normalized_squared_error > 1e-6, cosine, np.nan),
        np.trace(B @ path.W, axis1=1, axis2=2),
        path.normalized_squared_error,
    )


curves = {title: np.array([run(sizes, w, seed) for seed in range(RUNS)]) for title, (sizes, w, _) in COLUMNS.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 4.6), dpi=150, layout="constrained")
    axes = figure.subplots(3, 4, sharex=True, sharey="row")
    for column, (title, (_, _, colour)) in enumerate(COLUMNS.items()):
        for row, ax in enumerate(axes[:, column]):
            ax.plot(TIMES, curves[title][:, row].T, color=colour, linewidth=0.5, alpha=0.7)
            ax.spines[["top", "right"]].set_visible(False)
            ax.tick_params(**TICKS)
            ax.tick_params(which="minor", length=0)
            if row < 2:
                ax.axhline(0, color=RULE, linewidth=0.6, zorder=0)
        axes[0, column].set_title(title, fontsize=7)
        axes[2, column].set_xlabel("Time")
    axes[0, 0].set(ylabel="tr(Aᵀ B E) / |A| |B E|", ylim=(-1.05, 1.05), xscale="log", xlim=(1e-3, 10))
    axes[0, 0].set_xticks([1e-2, 1e-1, 1], ["0.01", "0.1", "1"])
    axes[1, 0].set(ylabel="tr(B W)", ylim=(-10, 150))
    axes[1, 0].set_yscale("asinh", linear_width=1)
    axes[1, 0].set_yticks([-10, -1, 0, 1, 10, 100], ["−10", "−1", "0", "1", "10", "100"])
    axes[2, 0].set(ylabel="Error |E|² / |T|²", yscale="log", ylim=(1e-6, 3))
    figure.align_ylabels(axes[:, 0])
out = Path(sys.argv[1] if len(sys.argv) > 1 else f"{Path(__file__).stem}.png")
figure.savefig(out, dpi=300)

for title, curve in curves.items():
    pull, aligned, error = curve.transpose(1, 0, 2)
    later = TIMES > 0.01
    late = pull[:, later]
    rising = (np.diff(aligned[:, later], axis=1) > 0)[np.isfinite(late[:, 1:])].mean()
    positive, at_first = (late[np.isfinite(late)] > 0).mean(), (pull[:, 0] > 0).mean()
    print(
        f"{' '.join(title.split())}: tr(A'BE) > 0 in {at_first:.0%} of runs at first, {positive:.1%} of the time "
        f"after 0.01, where tr(BW) rises {rising:.1%}; tr(BW) {aligned[:, 0].mean():.2f} -> "
        f"{aligned[:, -1].mean():.1f}; test error {np.median(error[:, -1]):.4%}"
    )
    if "small" in title:
        assert positive == rising == 1 and (quick or 0 < at_first < 1)  # by chance at first
    elif "large" in title:
        assert positive > 0.9
    elif "opposed" in title:
        assert at_first == 0 and (aligned.min(axis=1) < aligned[:, 0]).all()
    assert (aligned[:, -1] > aligned[:, 0]).all() and np.median(error[:, -1]) < 1e-3
print(f"wrote {out}")
