"""A layer without a derivative, passed round by direct feedback; a fixed first layer; and the right angle at the start.

Nokland (2016), https://doi.org/10.48550/arXiv.1609.01596, and slides on feedback alignment, claim of direct feedback
that it needs no derivative of the layers between, that its updates start at 90 degrees from the gradient and turn
toward it, and that it trains the layers below, which a fixed first layer shows. On the 8 x 8 digits, with tanh units:

(a) Angles of e B with the gradient's e W^T, where both are random: 90 degrees, and the closer to it the more units the
layer has. (b) The same angle, in each hidden layer of 64-100-100-100-10, while it learns by direct feedback. (c) Test
errors of 64-32-100-10 whose second hidden layer is of steps, y = 1 or -1, and keeps its random weights: by
backpropagation and alignment nothing comes through, by direct feedback the first layer learns; and all with a first
layer that keeps its weights. (d) Two principal components of the last hidden layer's activity, of the same network
with tanh units, by backpropagation and by direct feedback. Argument: figure (``skipped.png``). The numbers are in
``docs/results/nokland2016.md``.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, mean_sd, save, tidy
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

import spikefa as fa
from spikefa.plotting.style import BLUE, INK, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 3) if QUICK else (2, 6)
STREAMS, ETA = 20, 0.05
DIGITS = fa.datasets.load("digits")
RESULTS = results_beside(__file__)
TANH = "I : 1\ny : 1\npsi = 1 - y**2 : 1"
STEP = "I : 1\ny : 1\npsi = 0 : 1"
OUTPUT = "I : 1\ny : 1"
NAMES = {"backprop": ("backpropagation", INK), "alignment": ("alignment", BLUE), "direct": ("direct", VERMILLION)}


def angle(a, b):
    """Angle in degrees between the rows of two arrays, the mean over rows."""
    cosines = (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return np.degrees(np.arccos(np.clip(cosines, -1, 1)))


def scaled(gain=1.0):
    """Uniform weights whose sums have the size of their inputs."""
    return lambda rng, shape: rng.uniform(-1, 1, shape) * gain * np.sqrt(3 / shape[0])


def build(pathway, hidden, seed, steps=(), fixed=()):
    """Build a network; layers of `steps` have no derivative, those of `fixed` keep their weights."""
    net = fa.Network(streams=STREAMS, seed=seed, target="numpy")
    below = fa.Input(net, "image", 64, "y : 1", emit="", stimulus_variable="y", output="y", threshold=None)
    for number, units in enumerate(hidden, start=1):
        equations, emit = (STEP, "y = 2 * int(I > 0) - 1") if number in steps else (TANH, "y = tanh(I)")
        fa.Layer(net, f"h{number}", units, equations, emit=emit, output="y", threshold=None)
    fa.Layer(net, "output", 10, OUTPUT, output="y", threshold=None)
    fa.Softmax(net, "output", "I")
    parts = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}
    feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J * layer_psi"}
    fa.add_pathway(net, pathway, **parts, **feedback, B=scaled())
    for number, layer in enumerate(net.layers, start=1):
        rule = fa.Plasticity("dW = -eta * delta_post * y_pre", {"eta": ETA / STREAMS})
        fa.Projection(net, below, layer, scaled(), plasticity=None if number in (*steps, *fixed) else rule)
        below = layer
    fa.classification_task(net, 1, 10)
    return net


def learn(net, epochs, look=lambda: None):
    """Show the training images so many times, and return what `look` found before and after each epoch."""
    found = [look()]
    for epoch in range(epochs):
        order = np.random.default_rng([net.seed, epoch]).permutation(1420)
        net.stimulus.show_images(DIGITS.train_images[order], DIGITS.train_labels[order])
        net.run_steps(1420 // STREAMS)
        found.append(look())
    return found


def test_error(net):
    """Return the test error (%)."""
    return 100 * fa.error(net, DIGITS.test_images, DIGITS.test_labels, 1)


def modulators(net):
    """Angles of each hidden layer's e B with the error that the weights above would send, means over the images."""
    with fa.sandboxed(net, "recording"):
        net.stimulus.show_images(DIGITS.train_images[:STREAMS], DIGITS.train_labels[:STREAMS])
        net.run_steps(1)
        sent = net["error_output"].view("delta").T
        error, angles = sent, []
        for layer, above in zip(net.hidden[::-1], net.layers[:0:-1], strict=True):
            gradient = error @ net[f"{layer.name}_to_{above.name}"].W.T
            angles.append(angle(sent @ net[f"error_output_to_feedback_{layer.name}"].W, gradient).mean())
            error = gradient * (1 - layer.view("y").T ** 2)
    return angles[::-1]


rng = np.random.default_rng(0)
SIZES = (10, 30, 100, 300, 1000)
random = [
    angle(*(np.einsum("nk,nkj->nj", rng.standard_normal((200, 10)), rng.standard_normal((200, 10, n))) for _ in "BW"))
    for n in SIZES
]
deep = [build("direct", (100, 100, 100), seed) for seed in range(SEEDS)]
turned = np.mean([learn(net, EPOCHS, lambda net=net: modulators(net)) for net in deep], axis=0)  # (epochs + 1, layers)
CASES = {
    "whole": {},
    "first_fixed": {"fixed": (1,)},
    "step": {"steps": (2,)},
    "step_fixed": {"steps": (2,), "fixed": (1,)},
}
LABELS = ("tanh", "tanh, first layer fixed", "steps in layer 2", "steps, first layer fixed")
errors, trained = {}, {}
for pathway in NAMES:
    for case, changes in CASES.items():
        nets = [build(pathway, (32, 100), seed, **changes) for seed in range(SEEDS)]
        errors[pathway, case] = np.array([learn(net, EPOCHS) and test_error(net) for net in nets])
        trained[pathway, case] = nets[0]


def activity(net, count=360):
    """Two principal components of the last hidden layer's activity for test images."""
    found = []
    with fa.sandboxed(net, "evaluation"):
        net.stimulus.show_images(DIGITS.test_images[: count // STREAMS * STREAMS])
        for _ in range(count // STREAMS):
            net.run_steps(1)
            found.append(net.hidden[-1].view("y").T.copy())
    return PCA(2, random_state=0).fit_transform(np.concatenate(found))


with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 4.6), dpi=150, layout="constrained")
    (a, b), (c, d) = figure.subplots(2, 2)
    for size, angles in zip(SIZES, random, strict=True):
        a.plot(np.full(200, size), angles, ".", color=INK, markersize=1, alpha=0.4)
    a.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    a.set(xscale="log", xlabel="Units of the layer", ylabel="Angle of two random\nmodulators (degrees)", ylim=(0, 180))
    for layer, colour in enumerate((INK, BLUE, VERMILLION)):
        b.plot(turned[:, layer], color=colour, label=f"hidden layer {layer + 1}")
    b.axhline(90, color=INK, linewidth=0.5, linestyle=(0, (4, 3)))
    b.set(xlabel="Epoch", ylabel="Angle of e B with\nthe gradient's (degrees)", ylim=(0, 100))
    b.legend(loc="lower left")
    for at, (pathway, (label, colour)) in enumerate(NAMES.items()):
        heights = [errors[pathway, case].mean() for case in CASES]
        c.bar(np.arange(len(CASES)) + 0.25 * (at - 1), heights, 0.22, color=colour, label=label)
    c.set_xticks(range(len(CASES)), [label.replace(", ", ",\n") for label in LABELS], fontsize=6)
    c.set(ylabel="Test error (%)")
    c.legend(loc="upper left")
    d.set_axis_off()
    for at, (pathway, title) in enumerate((("backprop", "backpropagation"), ("direct", "direct"))):
        inset = d.inset_axes((0.52 * at, 0, 0.48, 0.9))
        points = activity(trained[pathway, "whole"])
        inset.scatter(*points.T, c=DIGITS.test_labels[: len(points)], cmap="tab10", s=2)
        inset.set(xticks=[], yticks=[], title=title)
    tidy(a, b, c)
save(figure, __file__)

for size, angles in zip(SIZES, random, strict=True):
    print(f"{size} units: angle of two random modulators {angles.mean():.1f} +- {angles.std():.1f} degrees")
print("angles at the start", turned[0].round(1), "and in the end", turned[-1].round(1))
for (pathway, case), several in errors.items():
    print(f"{pathway}, {case}: test error {mean_sd(several)} %")
assert np.abs(random[-1].mean() - 90) < 1 and random[-1].std() < 3 < random[0].std()
assert (np.abs(turned[0] - 90) < 20).all() and (turned[-1] < turned[0] - 10).all()
same = [errors[pathway, "step_fixed"] for pathway in NAMES]  # whose output layer alone learns
assert np.array_equal(errors["backprop", "step"], same[0]) and np.array_equal(errors["alignment", "step"], same[1])
assert errors["direct", "step"].mean() < same[2].mean()
if not QUICK:
    RESULTS.check("random_angle", random[-1])
    for at, layer in enumerate(turned[0]):
        RESULTS.check("modulators_start", layer, at)
        RESULTS.check("modulators_end", turned[-1, at], at)
    for (pathway, case), several in errors.items():
        RESULTS.check(f"skipped_{pathway}_{case}", several)
