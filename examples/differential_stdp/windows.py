"""Wider windows, a nudge that is real, and differences of two steps of one image, in the spiking network.

The network and the rules are those of models/differential_stdp.py, on the 8 x 8 digits, 64-300-300-300 units:

* spike-timing windows of one step (``pairwise``) and exponential ones of several (``stdp``), after Xie & Seung (2000)
  and Bengio et al. (2017), https://doi.org/10.1162/NECO_a_00934;
* such windows of the spikes alone, where feedback moves the potentials (``real_nudge``): each image is shown for 10
  steps, feedback acts in the last 5, and the first 2 are left out, in which potentials settle;
* iterative temporal differencing (Dargazany 2019, https://doi.org/10.48550/arXiv.1907.07255) where the difference is of
  two steps of one image, and not of unrelated batches;
* the published derivative, the rules with one bit, and hidden layers that do not learn.

Shows: test errors after each epoch, and in the end. The nudging strength, 2 of 2, 4 and 10, was chosen on 237
validation images (seed 100, 4 epochs). Arguments: figure (``windows.png``), seeds (1), epochs (4), and where runs are
kept (a temporary directory): given, an interrupted study goes on. The numbers are in
``docs/results/differential_stdp.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, mean_sd, metrics_of, save, tidy
from matplotlib.figure import Figure

from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, RULE, SKY, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 2) if QUICK else (int(n) for n in [*sys.argv[2:4], *["1", "4"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
NUDGE = {"nudging_strength": 2.0}
PHASES = {"steps_per_image": 10, "settling_steps": 2, "free_steps": 5}
LEARNERS = {  # name -> label, colour, parameters
    "derivative": ("derivative", INK, {}),
    "rectified": ("rectified difference", BLUE, {}),
    "nudged": ("nudged spike", GREEN, {}),
    "none": ("hidden layers fixed", RULE, {"weight_range": 2.0}),
    "pairwise": ("window of one step", SKY, NUDGE),
    "stdp_1": ("exponential, 1 step", ORANGE, NUDGE | {"hidden_rule": "stdp", "window_steps": 1.0}),
    "stdp_2": ("exponential, 2 steps", ORANGE, NUDGE | {"hidden_rule": "stdp", "window_steps": 2.0}),
    "stdp_4": ("exponential, 4 steps", ORANGE, NUDGE | {"hidden_rule": "stdp", "window_steps": 4.0}),
    "real_nudge": ("exponential, 2 steps, real nudge", PURPLE, NUDGE | PHASES),
    "itd_dy": (r"differences $\delta(\delta-\delta_{last})$", VERMILLION, {}),
    "itd_y": (r"... $\delta(r-r_{last})$", VERMILLION, {}),
    "itd_sub": (r"... $(\delta-\delta_{last})\psi$", VERMILLION, {}),
}
if QUICK:  # one of each kind, and all that must fail
    LEARNERS = {name: LEARNERS[name] for name in ("derivative", "stdp_2", "real_nudge", "itd_dy", "itd_y", "itd_sub")}
RESULTS = results_beside(__file__)


def run(name, seed):
    """Return a rule with a seed, run to its end, or until its weights grow without bound: its metrics."""
    small = {"hidden": (60,), "outputs": 100} if QUICK else {}
    made = new_run(
        KEPT / f"{name}-{seed}",
        "differential_stdp",
        {"hidden_rule": name, "target": "numpy"} | LEARNERS[name][2] | small,
        preset="digits",
        data="digits",
        streams=20,
        seed=seed,
        epochs=EPOCHS,
        record_activity=False,
    )
    return metrics_of(made, LEARNERS[name][0])


metrics = {name: [run(name, seed) for seed in range(SEEDS)] for name in LEARNERS}
last = {name: 100 * np.array([rows["test_error"][-1] for rows in several]) for name, several in metrics.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 3.2), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for name, (label, colour, _) in LEARNERS.items():
        for rows in metrics[name]:
            left.plot(rows["epoch"], 100 * rows["test_error"], color=colour, linewidth=0.9)
        right.plot(last[name], [label] * SEEDS, "o", color=colour, markersize=3.5)
    left.set(yscale="log", ylabel="Test error (%)", xlabel="Epoch", xlim=(0, EPOCHS))
    left.set_yticks([10, 20, 50, 100], ["10", "20", "50", "100"])
    right.set(xlabel="Test error in the end (%)", xlim=(0, 100))
    right.invert_yaxis()
    tidy(left, right)
save(figure, __file__)

for name, errors in last.items():
    print(f"{LEARNERS[name][0]}: test error {mean_sd(errors)} %")
assert last["derivative"].mean() < 40
assert min(last[name].mean() for name in ("itd_dy", "itd_y", "itd_sub")) > 60
if not QUICK and EPOCHS == 4:
    for name, errors in last.items():
        RESULTS.check(f"digits_{name}", errors)
