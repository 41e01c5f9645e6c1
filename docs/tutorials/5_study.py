"""
5. From a question to a figure
==============================

*Does random feedback cost accuracy, compared with backpropagation?* You choose the learning rate of each on held-out
images, run several seeds, test the difference, and draw it.
"""

# %%
# The rules of a fair comparison
# ------------------------------
#
# * Each method gets its own learning rate, chosen by validation error and not by test error.
# * The seeds of the choice are not those of the comparison.
# * The same seed gives both methods the same initial weights, so that differences are paired.
# * A control without learning in the hidden layers says what learning there is worth.

import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

import spikefa as fa

QUICK = bool(os.environ.get("SPIKEFA_QUICK"))
EPOCHS, SEEDS = (2, 3) if QUICK else (15, 6)
WORKERS = 0 if QUICK else None  # in this process, or on all processors
studies = Path(
    tempfile.mkdtemp()
)  # keep it, and a study that was killed goes on where it was


def study(name, vary, **more):
    """State a study of a small spiking network on the digits."""
    return fa.Study(
        studies / name,
        "lillicrap2016_spiking",
        vary,
        changes={"hidden": (150,), "outputs": 100},
        preset="digits",
        streams=20,
        epochs=EPOCHS,
        evaluate_every=EPOCHS,
        validation=237,
        record_activity=False,
        **more,
    )


# %%
# Choose the learning rates
# -------------------------
#
# A study trains every combination of values. One seed will do, which the comparison does not use. ``study.table()`` has
# a row a point, with the mean errors over its seeds.

ETAS = [2e-3, 8e-3] if QUICK else [2e-3, 4e-3, 8e-3, 1.6e-2, 3.2e-2]
NAMES = {
    "alignment": "random feedback",
    "backprop": "backpropagation",
    "output_only": "output only",
}
rates = study("rates", {"pathway": list(NAMES), "eta": ETAS}, seeds=[100])
rates.run(WORKERS, progress=False)
chosen = {}
for pathway, name in NAMES.items():
    rows = [row for row in rates.table() if row["pathway"] == pathway]
    best = min(rows, key=lambda row: row["validation_error_mean"])
    chosen[pathway] = best["eta"]
    print(
        f"{name:16}",
        *(
            f"{row['eta']:g}: {row['validation_error_mean']:.1%}"
            for row in rows
        ),
        f"-> {best['eta']:g}",
    )

# %%
# Several seeds
# -------------
#
# Each pathway with its own rate: ``points`` names the combinations.

compared = study(
    "compared",
    {"pathway": list(NAMES), "eta": ETAS},
    points=[{"pathway": p, "eta": eta} for p, eta in chosen.items()],
    seeds=SEEDS,
)
compared.run(WORKERS, progress=False)
for row in compared.table():
    print(
        f"{NAMES[row['pathway']]:16} test error {row['test_error_mean']:.1%} "
        f"± {row['test_error_sd']:.1%} (sd of {row['done']} seeds)"
    )

# %%
# The learning curves of all seeds are one line: ``fa.plotting.plot_study(compared)``. Here, one number a run is enough.

results = {
    p: np.array(
        [
            row["test_error"]
            for row in compared.rows()
            if row["pathway"] == p
        ]
    )
    for p in NAMES
}

# %%
# Statistics
# ----------
#
# Differences are paired by seed. The confidence interval says more than the P value: how large may the difference be?

difference = results["alignment"] - results["backprop"]
test = stats.ttest_rel(results["alignment"], results["backprop"])
low, high = test.confidence_interval(0.95)
print(
    f"random feedback less backpropagation: {difference.mean():+.1%} (95 % interval {low:+.1%} to {high:+.1%})"
)
print(
    f"paired t-test: t({SEEDS - 1}) = {test.statistic:.2f}, P = {test.pvalue:.2g}"
)

# %%
# The figure
# ----------
#
# Every seed is shown, with mean and standard deviation. Lines join the runs of one seed.

fig, ax = plt.subplots(
    figsize=(3.5, 3), layout="constrained"
)  # 89 mm, a column of a journal
for x, errors in enumerate(results.values()):
    ax.errorbar(
        x + 0.15,
        100 * errors.mean(),
        100 * errors.std(ddof=1),
        fmt="o",
        color="black",
        capsize=3,
    )
ax.plot(
    [100 * errors for errors in results.values()],
    color="0.7",
    linewidth=0.8,
    marker="o",
    markersize=3,
)
ax.set(
    xticks=range(3),
    xticklabels=[
        "random\nfeedback",
        "backpropa-\ngation",
        "output\nonly",
    ],
    ylabel="Test error (%)",
)
ax.set(xlim=(-0.4, 2.5), ylim=(0, None))
fig.savefig(studies / "figure.pdf")

assert results["alignment"].mean() < 0.7

# %%
# What may be said
# ----------------
#
# The result is of one task, one size and one length of training. On MNIST, with the preset ``dense``, backpropagation
# is better by two tenths of a point (:doc:`/results/lillicrap2016`). Say in a paper how rates were chosen, how many
# seeds ran, and what the error bars are.
#
# Next
# ----
#
# * :doc:`/howto/many_seeds` runs seeds at the same time.
# * :doc:`6_neuron_model` changes the neuron.
