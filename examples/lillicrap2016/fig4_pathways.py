"""Every pathway on the spiking network: test error, angle with backpropagation, and time.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276; the
papers of the other pathways are named in their files.

Shows: the spiking network of ``fig4_controls.py``, 784-500-500-500-500, with its rule, loss and averaging, where errors
reach the hidden layers in each way that the package has, or not at all. Rates, ranges and the pathways' own settings
were chosen on the last 10,000 training images, by one pass over the first 10,000. Arguments: figure
(``fig4_pathways.png``), seeds (3), epochs (4), training images (60000, the first ones), and where runs are kept (a
temporary directory): given, an interrupted study goes on. Seed by seed, all pathways are run. A test image is shown for
5 steps, or for 20 if there are several epochs. Full run: about two hours of one core. The numbers are in
``docs/results/lillicrap2016.md``.
"""

import json
import sys
import tempfile
import time
from dataclasses import replace
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _narrow import BACKPROP, narrow_run
from _results import results_beside
from _study import QUICK, mean_sd, metrics_of, save, tidy
from matplotlib.figure import Figure

from spikefa import datasets
from spikefa.plotting.style import BLUE, INK, ORANGE, STYLE, VERMILLION

RESULTS = results_beside(__file__)
USUAL = (3, 4, 60_000)
SEEDS, EPOCHS, IMAGES = (1, 4, None) if QUICK else (*map(int, sys.argv[2:5]), *USUAL[len(sys.argv[2:5]) :])
KEPT = Path(sys.argv[5] if len(sys.argv) > 5 else tempfile.mkdtemp())
PATHWAYS = {  # name -> (label, changes)
    "backprop": ("backpropagation", BACKPROP),
    "kolen_pollack": ("Kolen–Pollack", BACKPROP | {"feedback_range": 0.3, "gamma": 3e-4}),
    "product": ("product feedback", BACKPROP | {"feedback_range": 0.1, "gamma": 3e-4}),
    "sign_symmetric": ("sign-symmetric", BACKPROP | {"eta": 2e-3, "eta_factor_output": 1.5, "feedback_range": 0.15}),
    "relaxation": ("relaxation", BACKPROP | {"relaxation_step": 0.8}),
    "reinforce_feedback": ("feedback learned by spike noise", BACKPROP | {"eta_feedback": 1e-4}),
    "pseudobackprop": (
        "pseudoinverse",
        {"eta": 0.1, "eta_factor_output": 0.09, "feedback_every": 100, "pseudoinverse_cutoff": 0.3},
    ),
    "alignment": ("random feedback", {}),
    "direct": ("direct random feedback", {}),
    "augmented_direct": ("direct, other nonlinearity", {"eta": 5e-3, "eta_factor_output": 1.8}),
    "indirect": ("indirect random feedback", {}),
    "reinforce": ("spike noise alone", {"eta": 1e-5, "eta_factor_output": 1000.0, "weight_range": 2.0}),
    "shuffled_feedback": ("shuffled feedback", {}),
    "output_only": ("frozen, weights ±2", {"weight_range": 2.0}),
}
QUICKLY = ("alignment", "backprop", "reinforce")
LAYERS = ("image_to_h1", "h1_to_h2", "h2_to_h3")


@cache
def data():
    """Return MNIST with so many of its training images."""
    mnist = datasets.load("mnist")
    return replace(mnist, train_images=mnist.train_images[:IMAGES], train_labels=mnist.train_labels[:IMAGES])


def run(name, seed):
    """Return a pathway with a seed, run to its end: its metrics, and the processor's seconds."""
    changes = {"pathway": name, "test_steps": 20 if EPOCHS > 1 else 5} | PATHWAYS[name][1]
    stated = narrow_run(KEPT / f"{name}-{seed}", changes, seed, EPOCHS, 1, "digits" if QUICK else data())
    clock = Clock(stated.directory.with_suffix(".json"))
    metrics = metrics_of(stated, name, clock)
    return metrics | {"processor_seconds": clock.seconds()}


class Clock:
    """Seconds of the processor from one row of a run to the next, kept in a file beside it."""

    def __init__(self, file):
        self.file, self.last = file, None
        self.kept = json.loads(file.read_text()) if file.exists() else []

    def __call__(self, row):
        """Note a new row."""
        now = row["epoch"], time.process_time()
        if self.last is not None:
            self.kept.append([now[0] - self.last[0], now[1] - self.last[1]])
            self.file.write_text(json.dumps(self.kept))
        self.last = now

    def seconds(self):
        """Mean of an epoch, with its test."""
        epochs, seconds = np.sum(self.kept, axis=0)
        return seconds / epochs


def main():
    """Run what is not kept, draw, print and check."""
    names = [name for name in PATHWAYS if not QUICK or name in QUICKLY]
    metrics = {name: [] for name in names}
    for seed in range(SEEDS):
        for name in names:
            metrics[name].append(run(name, seed))
    last = {name: 100 * np.array([rows["test_error"][-1] for rows in several]) for name, several in metrics.items()}
    angles = {
        name: np.array([[rows[f"update_angle_deg_{layer}"][-1] for layer in LAYERS] for rows in several])
        for name, several in metrics.items()
        if f"update_angle_deg_{LAYERS[0]}" in several[0]
    }
    draw(last, angles)
    for name, errors in last.items():
        seconds = np.mean([rows["processor_seconds"] for rows in metrics[name]])
        said = f", angles {', '.join(f'{a:.0f}' for a in angles[name].mean(axis=0))} degrees" if name in angles else ""
        print(f"{PATHWAYS[name][0]}: test error {mean_sd(errors)} %{said}, {seconds:.0f} s of the processor an epoch")
    assert angles["backprop"].mean() < angles["alignment"].mean() < angles["reinforce"].mean()
    if (SEEDS, EPOCHS, IMAGES) == USUAL:
        assert last["alignment"].mean() < last["output_only"].mean()
        for name, errors in last.items():
            RESULTS.check(f"pathways_{name}", errors)
            for at in range(len(LAYERS)) if name in angles else ():
                RESULTS.check(f"pathways_{name}_angles", angles[name][:, at], at)


def draw(last, angles):
    """Draw errors and angles, the lowest error on top."""
    order = sorted(last, key=lambda name: -last[name].mean())
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.9 + 0.19 * len(order)), dpi=150, layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for at, name in enumerate(order):
            left.plot(last[name], np.full(len(last[name]), at), ".", color=INK, markersize=3, alpha=0.5)
            left.plot(last[name].mean(), at, "o", color=BLUE, markersize=4)
            for layer, colour in enumerate((BLUE, ORANGE, VERMILLION) if name in angles else ()):
                right.plot(angles[name][:, layer].mean(), at, "o", color=colour, markersize=4)
        for layer, colour in enumerate((BLUE, ORANGE, VERMILLION)):
            right.plot([], [], "o", color=colour, markersize=4, label=f"into h{layer + 1}")
        left.set_yticks(range(len(order)), [PATHWAYS[name][0] for name in order])
        left.set(xscale="log", xlabel=f"Test error after {EPOCHS} epoch{'s' * (EPOCHS > 1)} (%)")
        left.set_xticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
        right.axvline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
        right.set(xlabel="Angle of updates and backpropagation's (degrees)", xlim=(0, 110))
        right.set_xticks([0, 30, 60, 90])
        right.legend(loc="lower left")
        for ax in (left, right):
            ax.grid(axis="y", color="#dddddd", linewidth=0.4)
        tidy(left, right)
    save(figure, __file__)


if __name__ == "__main__":
    main()
