"""Three-factor rules with eligibility traces on 8 x 8 digits: e-prop, and reward-modulated plasticity.

e-prop is of Bellec et al. (2020), Nature Communications 11:3625, https://doi.org/10.1038/s41467-020-17236-y, and
reward-modulated plasticity of Izhikevich (2007), Cerebral Cortex 17:2443, https://doi.org/10.1093/cercor/bhl152, and
Frémaux & Gerstner (2016), Frontiers in Neural Circuits 9:85, https://doi.org/10.3389/fncir.2015.00085; models/eprop.py
and models/reward_stdp.py state them.

Shows: (a) test errors of e-prop with random feedback, by traces of units, and of the control whose hidden units do not
learn. (b) Test errors of rules that know a
global reward only: by the postsynaptic spike less its probability, and by pairs of spikes. Arguments: figure
(``digits.png``), seeds (3), epochs (6). The numbers are in ``results.toml``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import FEW_STEPS, QUICK, mean_sd, save, tidy
from matplotlib.figure import Figure

import spikefa as fa
from spikefa.experiments import model_file
from spikefa.plotting.style import BLUE, INK, ORANGE, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 1) if QUICK else (int(n) for n in [*sys.argv[2:4], *["3", "6"][len(sys.argv[2:4]) :]])
RULES = {  # name -> (model, changes, label, colour)
    "eprop": ("eprop", {}, "random feedback", BLUE),
    "eprop_none": ("eprop", {"pathway": "none", "eta_output": 0.15}, "hidden units fixed", INK),
    "reward_escape": ("reward_stdp", {}, "spike less probability", ORANGE),
    "reward_pairs": ("reward_stdp", {"window": "pairs"}, "pairs of spikes", VERMILLION),
}
RESULTS = results_beside(__file__)
DIGITS = fa.datasets.load("digits")


def learn(rule, seed):
    """Return the test error before learning and after each epoch."""
    name, changes, *_ = RULES[rule]
    model = model_file.load(name)
    net = model.build(model.params(FEW_STEPS | changes), streams=20, seed=seed)
    count, steps = (200 if QUICK else 1420), model.params(changes).test_steps
    rng = np.random.default_rng(seed)

    def test():
        return 100 * fa.error(net, DIGITS.test_images, DIGITS.test_labels, steps=steps)

    errors = [test()]
    for _ in range(EPOCHS):
        shown = rng.permutation(1420)[:count]
        net.stimulus.show_images(DIGITS.train_images[shown], DIGITS.train_labels[shown])
        net.run_steps(net.stimulus.steps_per_image * count // net.streams)
        errors.append(test())
    print(f"{rule}, seed {seed}: {' '.join(f'{error:.1f}' for error in errors)}", flush=True)
    return errors


errors = {rule: np.array([learn(rule, seed) for seed in range(SEEDS)]) for rule in RULES}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.8), dpi=150, layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for rule, (model, _, label, colour) in RULES.items():
        ax = axes[int(model == "reward_stdp")]
        ax.plot(errors[rule].T, color=colour, linewidth=0.4, alpha=0.6)
        ax.plot(errors[rule].mean(axis=0), color=colour, linewidth=1.4, label=label)
    for ax, title in zip(axes, ("e-prop", "reward-modulated"), strict=True):
        ax.set(xlabel="Epoch", xlim=(0, EPOCHS), ylim=(0, 100), title=title)
        ax.legend(loc="lower left" if ax is axes[1] else "upper right", handlelength=1.4)
    axes[0].set_ylabel("Test error (%)")
    tidy(*axes)
save(figure, __file__)

last = {rule: several[:, -1] for rule, several in errors.items()}
for rule, found in last.items():
    print(f"{rule}: test error {mean_sd(found)} %")
if not QUICK and EPOCHS == 6:
    for rule, found in last.items():
        RESULTS.check(rule, found)
