"""How fast activation relaxation comes to backpropagation's gradient: by layer, and by how far a step goes.

Millidge, Tschantz, Seth & Buckley (2020), Activation relaxation: a local dynamical approximation to backpropagation in
the brain, https://doi.org/10.48550/arXiv.2009.05359, Fig. 1.

Shows: the distance between the relaxing activity of each hidden layer of 784-300-300-100-10 rectifiers and the
gradient, over the steps of one batch of 64 images of MNIST, and the same of the lowest layer for relaxation rates from
0.05 to 0.5. The weights are those of an epoch of backpropagation, seed 0. Argument: figure (``convergence.png``). Full
run: a minute. The numbers are in ``docs/results/millidge2020.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, save, tidy
from matplotlib.figure import Figure

from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, STYLE, VERMILLION

SMALL = {"sizes": (64, 60, 60, 30, 10), "weight_sd": 0.15, "eta": 1e-3} if QUICK else {}
STEPS = 200
LAYERS = {"h3": BLUE, "h2": ORANGE, "h1": GREEN}  # from the top
RATES = {0.05: PURPLE, 0.1: GREEN, 0.2: VERMILLION, 0.5: INK}


def trained():
    """Return a run of one epoch of backpropagation."""
    made = new_run(
        Path(tempfile.mkdtemp()) / "run",
        "millidge2020_ar",
        SMALL | {"pathway": "backprop"},
        data="digits" if QUICK else "mnist",
        streams=64,
        seed=0,
        epochs=1,
        record_activity=False,
    )
    made.train()
    return made


def gradient_of(net):
    """Return the loss's gradient with respect to the output of each hidden layer, by plain arrays."""
    sent = net.error.view("delta").astype(float)
    found = {}
    for layer, above in zip(net.hidden[::-1], net.layers[:0:-1], strict=True):
        found[layer.name] = net[f"{layer.name}_to_{above.name}"].W @ sent
        sent = found[layer.name] * np.reshape(layer.psi, found[layer.name].shape)
    return found


def distances(run, rate):
    """Return how far each hidden layer is from its gradient after each step, over how far it was at the start."""
    params = run.model.params(SMALL | {"relaxation_step": rate, "relaxation": STEPS, "eta": 0.0, "dtype": "float64"})
    net, learned, data = run.model.build(params, 64, 0), run.trained_network(), run.dataset()
    for projection in net.projections:
        if projection.state_arrays():
            projection.W, projection.b = learned[projection.name].W, learned[projection.name].b
    net.stimulus.show_images(data.test_images[:64], data.test_labels[:64])
    found = {name: [] for name in LAYERS}
    for step in range(STEPS):
        net.run_steps(1)
        if step == 0:
            gradient = gradient_of(net)
            first = {name: np.linalg.norm(net[name].view("y") - gradient[name]) for name in LAYERS}
        for name in LAYERS:
            x = net[f"feedback_{name}"].view("x")
            found[name].append(np.linalg.norm(x - gradient[name]) / first[name])
    return {name: np.array([1, *values]) for name, values in found.items()}


run = trained()
curves = {rate: distances(run, rate) for rate in RATES}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(6.0, 2.6), dpi=150, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for name, colour in LAYERS.items():
        left.plot(curves[0.1][name], color=colour, linewidth=1.2, label=name)
    for rate, colour in RATES.items():
        right.plot(curves[rate]["h1"], color=colour, linewidth=1.2, label=f"{rate:g}")
    left.set(yscale="log", ylabel="Distance from the gradient,\nof that at the start", title="Layers, rate 0.1")
    right.set(title="Lowest layer, by rate")
    for ax in (left, right):
        ax.set(xlabel="Step", xlim=(0, STEPS), ylim=(1e-8, 2))
        ax.legend(loc="upper right", handlelength=1.4)
    tidy(left, right)
save(figure, __file__)

after = {name: curves[0.1][name][100] for name in LAYERS}
print("relative error after 100 steps of rate 0.1: " + ", ".join(f"{name} {after[name]:.2g}" for name in LAYERS))
needed = {rate: int(np.argmax(curves[rate]["h1"] < 0.01)) for rate in RATES}
print("steps of h1 to within 1 %: " + ", ".join(f"{needed[rate]} at {rate:g}" for rate in RATES))
np.testing.assert_allclose(curves[0.1]["h3"][:101], 0.9 ** np.arange(101), rtol=1e-6)
assert curves[0.1]["h3"][50] < curves[0.1]["h2"][50] < curves[0.1]["h1"][50]
assert all(np.diff([needed[rate] for rate in RATES]) < 0)
if not QUICK:
    RESULTS = results_beside(__file__)
    for name in LAYERS:
        RESULTS.check(f"convergence_{name}", [after[name]])
    assert list(needed.values()) == RESULTS["convergence_steps"].values
