"""Temporal differencing of units without a derivative, which would have to do without one.

Dargazany (2019), https://doi.org/10.48550/arXiv.1907.07255, puts differences between batches in the place of the units'
derivative, so that units need not have one, and learns with tanh. Here hidden units are steps, y = 1 or -1.

Shows: test errors on MNIST of 784-32-32-32-10 where hidden layers learn by each form of temporal differencing; by
feedback alignment with nothing in the derivative's place, or with the slope of tanh; by backpropagation with that
slope, with the derivative itself, which is 0, and not at all. Errors are of each image, and RMSprop divides each
synapse's updates by their size, so that the direction alone counts: by the paper's plain descent, products of two small
errors hardly move a weight (``temporal_differencing.py``). Rates were chosen on the last 10,000 training images after
one epoch, among 1e-3, 3e-3 and 1e-2 (seed 100). Arguments: figure (``step_units.png``), seeds (3), epochs (3), and
where runs are kept (a temporary directory): given, an interrupted study goes on. The numbers are in
``docs/results/dargazany2019.md``.
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

SEEDS, EPOCHS = (1, 3) if QUICK else (int(n) for n in [*sys.argv[2:4], *["3", "3"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
FORMS = {  # name -> label, colour, pathway, what is in the derivative's place, learning rate
    "surrogate_backprop": ("backpropagation, slope of tanh", INK, "backprop", "surrogate", 3e-3),
    "surrogate": ("alignment, slope of tanh", BLUE, "alignment", "surrogate", 3e-3),
    "nothing": ("alignment, nothing", SKY, "alignment", "one", 1e-2),
    "sub": ("$g - g_{last}$, nothing", GREEN, "itd_sub", "one", 1e-2),
    "dy": ("$g(g-g_{last})$", VERMILLION, "itd_dy", "derivative", 1e-2),
    "y": ("$g(r-r_{last})$, outputs sent down", ORANGE, "itd_y", "derivative", 1e-2),
    "e": ("the same, errors sent down", PURPLE, "itd_e", "derivative", 3e-3),
    "h": ("$g(y-y_{last})$", "#8c6d4f", "itd_h", "derivative", 3e-3),
    "derivative": ("alignment, derivative (0)", RULE, "alignment", "derivative", 3e-3),
    "fixed": ("hidden layers fixed", RULE, "output_only", "derivative", 3e-3),
}
DIFFERENCES = ("dy", "y", "e", "h")
RESULTS = results_beside(__file__)
SMALL = {"sizes": (64, 32, 32, 32, 10), "target": "numpy"} if QUICK else {}


def run(name, seed):
    """Return the metrics of a form with a seed, and by how much each hidden layer's weights have moved."""
    _, _, pathway, psi, eta = FORMS[name]
    how = {"pathway": pathway, "psi": psi, "eta": eta, "units": "step", "rmsprop": 0.99, "mean_error": False}
    made = new_run(
        KEPT / f"{name}-{seed}",
        "dargazany2019_itd",
        how | SMALL,
        data="digits" if QUICK else "mnist",
        streams=50,
        seed=seed,
        epochs=EPOCHS,
        evaluate_every=1 if QUICK else 0.25,
        record_activity=False,
    )
    rows = made.train()
    start, end = made.network(), made.trained_network()
    layers = [f"{below}_to_{layer}" for below, layer in (("image", "h1"), ("h1", "h2"), ("h2", "h3"))]
    return rows, [np.linalg.norm(end[name].W - start[name].W) / np.linalg.norm(start[name].W) for name in layers]


results = {name: [run(name, seed) for seed in range(SEEDS)] for name in FORMS}
moved = {name: np.mean([moves for _, moves in several], axis=0) for name, several in results.items()}
last = {name: 100 * np.array([rows["test_error"][-1] for rows, _ in several]) for name, several in results.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 3.2), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    shown = [name for name in FORMS if name != "derivative"]  # it is that of fixed layers
    for name in shown:
        label, colour, *_ = FORMS[name]
        for rows, _ in results[name]:
            dashes = (0, (3, 2)) if name == "fixed" else "-"
            left.plot(rows["epoch"], 100 * rows["test_error"], color=colour, linewidth=0.9, linestyle=dashes)
        right.plot(last[name], [label] * SEEDS, "o", color=colour, markersize=3.5)
    left.set(yscale="log", ylabel="Test error (%)", xlabel="Epoch", xlim=(0, EPOCHS))
    left.set_yticks([5, 10, 20, 50, 100], ["5", "10", "20", "50", "100"])
    right.set(xlabel="Test error in the end (%)", xlim=(0, None))
    right.invert_yaxis()
    tidy(left, right)
save(figure, __file__)

for name, errors in last.items():
    far = ", ".join(f"{move:.2g}" for move in moved[name])
    print(f"{FORMS[name][0]}: test error {mean_sd(errors)} %; hidden weights moved by {far} of their size")
assert (last["derivative"] == last["fixed"]).all() and moved["derivative"].max() == 0
assert last["surrogate"].mean() < last["nothing"].mean() < last["fixed"].mean()
assert min(last[name].mean() for name in DIFFERENCES) > last["nothing"].mean()
if not QUICK and EPOCHS == 3:
    for name, errors in last.items():
        RESULTS.check(f"step_{name}", errors)
