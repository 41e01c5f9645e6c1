"""Figure 3d: with feedback alignment, as with backprop, a deeper network learns a deeper function better.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: the test error of tanh networks of three (30-20-10) and four layers (30-20-10-10) that learn the answers of a
random 30-20-10-10 network, with paired t-tests over 20 runs. 100 examples a step, 200,000 in all; rates and ranges, not
in the paper, were chosen on other seeds. Four layers are better than three with either pathway. That feedback alignment
is as good as backprop does not hold here: up to 50,000 examples it is, but in the end backprop is better. Full run: 2
minutes of one core, 16 on a busy machine. Writes ``fig3d.png`` here. The numbers are in
``docs/results/lillicrap2016.md``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, band, build, learn, log_errors, mean_sd, save, tidy
from matplotlib.figure import Figure
from scipy.stats import ttest_rel

from spikefa.datasets import synthetic
from spikefa.diagnostics import evaluation
from spikefa.plotting.style import BLUE, INK, RULE, SKY, STYLE, VERMILLION

RESULTS = results_beside(__file__)
RUNS, STEPS, WINDOW, STREAMS = (2, 1200, 50, 100) if QUICK else (20, 2000, 50, 100)
NETWORKS = {  # preset, pathway -> label, colour
    ("fig3d_3", "output_only"): ("output\nlayer alone", RULE),
    ("fig3d_3", "backprop"): ("backprop,\n3 layers", "#f0a878"),
    ("fig3d_3", "alignment"): ("alignment,\n3 layers", SKY),
    ("fig3d_4", "backprop"): ("backprop,\n4 layers", VERMILLION),
    ("fig3d_4", "alignment"): ("alignment,\n4 layers", BLUE),
}


def run(preset, pathway, seed):
    """Errors on the way, and the final test error."""
    data = synthetic.teacher(seed=seed, train=50_000)
    net = build(preset, STREAMS, seed, pathway=pathway, eta=5e-3, feedback_range=1.0)
    curve, _ = learn(net, data, STEPS, WINDOW)
    return curve, evaluation.error(net, data.test_images, data.test_targets, 1)


results = {network: [run(*network, seed) for seed in range(RUNS)] for network in NETWORKS}
ends = {network: np.array([error for _, error in runs]) for network, runs in results.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(6.4, 2.7), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    x = WINDOW * STREAMS * np.arange(1, STEPS // WINDOW + 1) / 1e3
    jitter = np.random.default_rng(0).uniform(-0.15, 0.15, RUNS)
    for place, (network, (label, colour)) in enumerate(NETWORKS.items()):
        band(left, x, [curve for curve, _ in results[network]], colour, label.replace("\n", " "))
        right.plot(place + jitter, ends[network], "o", color=colour, markersize=2.5, markeredgewidth=0)
        right.plot([place - 0.3, place + 0.3], [np.median(ends[network])] * 2, color=INK, linewidth=1)
    left.set(xlabel="Examples (thousands)", xlim=(0, x[-1]))
    log_errors(left)
    left.legend(loc="lower left", handlelength=1.4)
    right.set_xticks(range(5), [label for label, _ in NETWORKS.values()])
    right.set(title="Test error, runs and median", xlim=(-0.5, 4.5))
    tidy(left, right)
save(figure, __file__)

for (preset, pathway), error in ends.items():
    print(
        f"{preset}, {pathway}: test error {100 * error.mean():.3g} % of the variance ({mean_sd(error)}, median "
        f"{np.median(error):.3g})"
    )
shallow, three_bp, three_fa, four_bp, four_fa = ends.values()
assert shallow.mean() > 2 * three_fa.mean()
deeper = {"alignment": (three_fa, four_fa), "backprop": (three_bp, four_bp)}
for name, pair in deeper.items():
    print(
        f"{name}: 4 layers against 3, paired t-test P = {ttest_rel(*pair).pvalue:.1g}, better in "
        f"{(pair[1] < pair[0]).sum()} of {RUNS} runs"
    )
    assert (pair[1] < pair[0]).mean() >= (0.5 if QUICK else 0.9)
    assert QUICK or ttest_rel(*pair).pvalue < 1e-5  # two runs cannot tell
soon = slice(50_000 // (WINDOW * STREAMS))  # as well as backprop up to 50,000 examples, and then not
for layers, pair in {"3": (three_fa, three_bp), "4": (four_fa, four_bp)}.items():
    curves = [[curve[soon] for curve, _ in results[f"fig3d_{layers}", name]] for name in ("alignment", "backprop")]
    ratio = np.exp(np.subtract(*np.log(curves)).mean())
    print(
        f"{layers} layers: alignment's error by backprop's, first {ratio:.2f} times, in the end "
        f"{pair[0].mean() / pair[1].mean():.2f} times, P = {ttest_rel(*pair).pvalue:.1g}"
    )
    assert ratio < 1.15 and pair[0].mean() > pair[1].mean() and (QUICK or ttest_rel(*pair).pvalue < 0.02)
if not QUICK:
    RESULTS.check("fig3d_shallow", shallow)
    RESULTS.check("fig3d_backprop_three_layers", three_bp)
    RESULTS.check("fig3d_alignment_three_layers", three_fa)
    RESULTS.check("fig3d_backprop_four_layers", four_bp)
    RESULTS.check("fig3d_alignment_four_layers", four_fa)
