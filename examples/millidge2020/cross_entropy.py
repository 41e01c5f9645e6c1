"""Activation relaxation with softmax outputs and cross-entropy, and what can be left out of it.

Millidge, Tschantz, Seth & Buckley (2020), Activation relaxation: a local dynamical approximation to backpropagation in
the brain, https://doi.org/10.48550/arXiv.2009.05359, Fig. 5.

Shows: training and test errors on MNIST of 784-300-300-100-10 rectifiers with softmax outputs, which learn by
backpropagation, by activation relaxation, with backward weights that learn, without the rectifier's derivative in the
relaxation, with both, and by relaxation of 300 steps in the place of 100; the angle between the updates of the first
layer and backpropagation's; and that between backward weights and the transposed forward ones. The relaxation is
computed in closed form, which is the same but for rounding. Arguments: figure (``cross_entropy.png``), seeds (5),
epochs (50), and where runs are kept (a temporary directory): given, an interrupted study goes on. Full run: half an
hour a seed on one core. The numbers are in ``docs/results/millidge2020.md``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

from _relaxed import NETWORKS, draw, report, trained
from _study import QUICK

names = [name for name in NETWORKS if name != "fixed"]
metrics = trained("cross_entropy", names, loss="cross_entropy", **({"eta": 2e-3} if QUICK else {}))
draw(metrics, __file__)
errors = report(metrics, "cross_entropy_", __file__)
assert abs(errors["more_steps"].mean() - errors["backprop"].mean()) < (20 if QUICK else 0.5)
assert all(rows["update_angle_deg_image_to_h1"][1:].max() < 10 for rows in metrics["more_steps"])
