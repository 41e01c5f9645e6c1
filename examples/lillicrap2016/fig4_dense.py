"""The lowest error of the spiking network with fixed random feedback: what it reaches, and how its weights align.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276, Fig. 4.

Shows, for the preset ``dense``, ``receptive_fields``, ``two_class_feedback`` or ``wide``: the test error while it
learns, and with 1 to 50 steps an image in the end; receptive fields of the first layer; and the angle between forward
and feedback weights. The feedback weights are 200 x 1500 and more numbers, but the errors of 20 output units of one
class are nearly the same: only 10 directions carry signal. So the angle is shown for the whole matrices, if feedback
comes from the layer above, and for the paths from the 10 classes down to a layer, through B and through the transposed
W (products of the matrices, summed over the units of a class).

Arguments: figure (``fig4_dense.png``), seeds (1), where runs are kept (a temporary directory), and the preset
(``dense``). If the directory is given, an interrupted study goes on, and a finished one is only measured. Full run:
about 46 minutes a seed on one core. The numbers are in ``docs/results/lillicrap2016.md``.
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

from spikefa import plotting
from spikefa.diagnostics import evaluation
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import new_run
from spikefa.metrics import angle
from spikefa.plotting.style import BLUE, GREEN, INK, STYLE

SEEDS = 1 if QUICK else int(sys.argv[2]) if len(sys.argv) > 2 else 1
KEPT = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
PRESET = sys.argv[4] if len(sys.argv) > 4 else "dense"
RESULTS = results_beside(__file__)
CHANGES, STEPS = {}, (1, 2, 5, 10, 20, 50)
if QUICK:
    CHANGES = {"pixels": 64, "hidden": (100, 100), "outputs": 100, "weight_range": 0.2, "feedback_range": 0.15}
    CHANGES |= {"eta": 3e-2, "eta_factor_first": 1.0, "epochs": 12, "lr_milestones": (10,), "averaging_images": 1500}
    STEPS = (1, 5, 20)


def run(seed):
    """Return a network trained to its end: the run."""
    made = new_run(
        KEPT / f"{seed}",
        "lillicrap2016_spiking",
        CHANGES,
        preset=PRESET,
        data="digits" if QUICK else "mnist",
        streams=20 if QUICK else 100,
        seed=seed,
        evaluate_every=6 if QUICK else 4,
        record_activity=seed == 0,
    )
    made.train()
    return made


def path_angles(net):
    """Angle in degrees, of each hidden layer, between the paths down from the classes through B and through W."""
    above, angles = net.layers[-1], {}
    through_W = np.repeat(np.eye(params.classes), params.outputs // params.classes, axis=1)
    through_B = {above.name: through_W}
    for layer in reversed(net.hidden):
        forward = next(p for p in net.projections if p.pre is layer and p.post is above)
        back = next(p for p in net.projections if getattr(p.post, "layer", None) is layer)
        through_W = through_W @ forward.W.T
        through_B[layer.name] = through_B[back.pre.layer.name] @ back.W
        angles[layer.name] = angle(through_B[layer.name], through_W)
        above = layer
    return angles


runs = [run(seed) for seed in range(SEEDS)]
metrics = [read_metrics(run.directory / "metrics.csv") for run in runs]
nets, data, params = [run.trained_network() for run in runs], runs[0].dataset(), runs[0].params
labels = data.answers("test", params.classes)
errors = 100 * np.array([[evaluation.error(net, data.test_images, labels, n) for n in STEPS] for net in nets])
net, whole, paths = nets[0], evaluation.alignment(nets[0]), path_angles(nets[0])

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.1), dpi=150, layout="constrained")
    learning, steps, angles, fields = figure.subplots(1, 4)
    for rows in metrics:
        learning.plot(rows["epoch"][1:], 100 * rows["test_error"][1:], color=BLUE, linewidth=1)
    learning.set(xlabel="Epoch", ylabel="Test error (%)", xlim=(0, None), ylim=(0, None))
    steps.plot(STEPS, errors.T, "o-", color=BLUE, markersize=3, linewidth=1)
    steps.set(xlabel="Steps an image", ylabel="Test error (%)", xscale="log", ylim=(0, None))
    steps.set_xticks(STEPS, [f"{n}" for n in STEPS])
    steps.set_xticks([], minor=True)
    names = list(whole)
    angles.plot(names, list(whole.values()), "o", color=INK, label="W and Bᵀ, whole", markersize=4)
    angles.plot(names, [paths[name] for name in names], "s", color=GREEN, label="from the classes down", markersize=4)
    angles.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    angles.set(ylabel="Angle (degrees)", xlabel="Layer", ylim=(0, 100), yticks=[0, 30, 60, 90])
    angles.margins(x=0.2)
    angles.legend(loc="lower center")
    tidy(learning, steps, angles)
    first = next(p for p in net.projections if p.pre is net.input)
    plotting.plot_receptive_fields(first.W, data.shape, n=25, ax=fields)
save(figure, __file__)

for count, of_seeds in zip(STEPS, errors.T, strict=True):
    print(f"test error {mean_sd(of_seeds)} % with {count} steps an image ({SEEDS} seeds)")
for name in names:
    of_matrices = "" if np.isnan(whole[name]) else f"of W and B.T {whole[name]:.1f} degrees, "
    print(f"{name}: angle {of_matrices}of the paths {paths[name]:.1f}")
assert errors[:, -1].max() < (20 if QUICK else 1.8) and max(paths.values()) < 90
assert (np.diff(errors[:, [STEPS.index(n) for n in (1, 5, 20)]]) < 0).all()
if not QUICK:
    RESULTS.check(PRESET, errors[:, STEPS.index(20)])
if not QUICK and PRESET == "dense":
    for at, name in enumerate(("h1", "h2")):
        RESULTS.check("dense_path_angles", paths[name], at)
