"""Iterative temporal differencing: what differences between batches teach, and what they do not.

Dargazany (2019), Iterative temporal differencing with random synaptic feedback weights support error backpropagation
for deep learning, https://doi.org/10.48550/arXiv.1907.07255.

Shows: test errors on MNIST of 784-32-32-32-10 tanh units where hidden layers learn by backpropagation, by feedback
alignment, by the forms of temporal differencing that take the derivative's place, and not at all; by an earlier form,
which keeps the derivative, with its own rate and batches; and how far the hidden layers' weights have moved. Arguments:
figure (``temporal_differencing.png``), seeds (3), epochs (84: the paper's 100,000 batches of 50), and where runs are
kept (a temporary directory): given, an interrupted study goes on. The numbers are in ``docs/results/dargazany2019.md``.
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

from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, RULE, SKY, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 6) if QUICK else (int(n) for n in [*sys.argv[2:4], *["3", "84"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
FORMS = {  # pathway -> (label, colour)
    "backprop": ("backpropagation", INK),
    "alignment": ("alignment", VERMILLION),
    "itd_dy": ("differences of g", BLUE),
    "itd_y": ("of outputs sent down", GREEN),
    "itd_e": ("of errors sent down", ORANGE),
    "itd_h": ("of own outputs", PURPLE),
    "itd_sub": ("of g, times derivative", SKY),
    "output_only": ("hidden layers fixed", RULE),
}
RESULTS = results_beside(__file__)
SMALL = {"sizes": (64, 32, 32, 32, 10), "eta": 2e-2} if QUICK else {}


def run(pathway, seed):
    """Return the metrics of a form with a seed, and by how much each hidden layer's weights have moved."""
    own = {"eta": 1e-2} if pathway == "itd_sub" else {}
    made = new_run(
        KEPT / f"{pathway}-{seed}",
        "dargazany2019_itd",
        {"pathway": pathway} | own | SMALL,
        data="digits" if QUICK else "mnist",
        streams=100 if pathway == "itd_sub" else 50,
        seed=seed,
        epochs=EPOCHS,
        evaluate_every=max(1, EPOCHS // 42),
        record_activity=False,
    )
    rows = made.train()
    start, end = made.network(), made.trained_network()
    layers = [f"{below}_to_{layer}" for below, layer in (("image", "h1"), ("h1", "h2"), ("h2", "h3"))]
    return rows, [np.linalg.norm(end[name].W - start[name].W) / np.linalg.norm(start[name].W) for name in layers]


results = {name: [run(name, seed) for seed in range(SEEDS)] for name in FORMS}
moved = {name: np.mean([moves for _, moves in several], axis=0) for name, several in results.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.9), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, (label, colour) in FORMS.items():
        for seed, (rows, _) in enumerate(results[name]):
            dashes = (0, (3, 2)) if name == "output_only" else "-"
            left.plot(
                rows["epoch"],
                100 * rows["test_error"],
                color=colour,
                linewidth=0.9,
                linestyle=dashes,
                label=None if seed else label,
            )
        if name != "output_only":
            right.plot([1, 2, 3], moved[name], "o-", color=colour, linewidth=0.6, markersize=3)
    left.set(yscale="log", ylabel="Test error (%)", xlabel="Epoch", xlim=(0, EPOCHS))
    left.set_yticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
    right.set(yscale="log", xlabel="Hidden layer", ylabel="Change of the weights, relative")
    right.set_xticks([1, 2, 3])
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, handlelength=1.8)
    tidy(left, right)
save(figure, __file__)

last = {name: 100 * np.array([rows["test_error"][-1] for rows, _ in several]) for name, several in results.items()}
for name, errors in last.items():
    early = [100 * rows["test_error"][np.argmax(rows["epoch"] >= min(8, EPOCHS))] for rows, _ in results[name]]
    far = ", ".join(f"{move:.2g}" for move in moved[name])
    print(
        f"{FORMS[name][0]}: {mean_sd(early)} % after 8 epochs, in the end test error {mean_sd(errors)} %; "
        f"hidden weights moved by {far} of their size"
    )
differences = ("itd_dy", "itd_y", "itd_e", "itd_h")
# As good as fixed layers.
assert np.abs([last[name].mean() - last["output_only"].mean() for name in differences]).max() < 5
assert max(moved[name][0] for name in differences) < moved["alignment"][0] / 5
assert moved["alignment"][0] < moved["backprop"][0] and last["backprop"].mean() < last["output_only"].mean() - 10
if not QUICK and EPOCHS == 84:
    for name, errors in last.items():
        RESULTS.check(name, errors)
    for name in ("backprop", "alignment"):
        wanted = np.array(RESULTS.values(f"{name}_moved"))
        assert np.abs(moved[name] / wanted - 1).max() < 0.25, f"{name}: weights moved by {moved[name]}, not {wanted}"
    assert max(moved[name].max() for name in ("itd_dy", "itd_e")) < 0.02
