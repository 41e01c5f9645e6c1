"""The model of Millidge et al. 2020: what relaxes, to what, by how much a step; when weights learn; what is refused."""

import numpy as np
import pytest

import spikefa as fa
from spikefa.errors import ArgumentError, ModelError
from spikefa.experiments import model_file

# numpy has nothing to compile; the digests of `tests/frozen` have each model on numba, too.
SMALL = {"sizes": (6, 5, 4, 3), "classes": None, "weight_sd": 0.5, "eta": 1e-3, "units": "tanh"}
SMALL |= {"dtype": "float64", "target": "numpy"}
STREAMS = 7


@pytest.fixture(scope="module")
def ar():
    return model_file.load("millidge2020_ar")


def built(ar, seed=1, **changes):
    net = ar.build(ar.params(SMALL | changes), streams=STREAMS, seed=seed)
    rng = np.random.default_rng(5)
    net.stimulus.show_images(rng.normal(size=(2 * STREAMS, 6)), rng.normal(size=(2 * STREAMS, 3)))
    return net


def forward(net):
    return [p for p in net.projections if p.post in net.layers]


def updates(net):
    before = [p.W.copy() for p in forward(net)]
    net.run_steps(net.stimulus.steps_per_image)
    return [p.W - W for p, W in zip(forward(net), before, strict=True)]


def test_values_of_the_paper(ar):
    params = ar.params()
    assert (params.sizes, params.units, params.eta) == ((784, 300, 300, 100, 10), "rectifier", 5e-4)
    assert (params.relaxation, params.relaxation_step, params.weight_sd, params.epochs) == (100, 0.1, 0.05, 50)
    net = ar.build(ar.params({"pathway": "learned"}), streams=2)
    assert all(abs(p.W.std() / 0.05 - 1) < 0.05 for p in net.projections)


def test_the_top_hidden_layer_goes_a_tenth_of_the_way_in_each_step(ar):
    """Its residual after n steps is 0.9^n of that at the start: after 100, 7.06e-10 of the squared error."""
    net = built(ar, relaxation=100, eta=0.0)
    residuals = []
    for _ in range(101):
        net.run_steps(1)
        error = net["output"].view("y") - net.error.view("target")
        x = net["feedback_h2"].view("x")  # after this step's move
        residuals.append(np.linalg.norm(x - net["h2_to_output"].W @ error))
    first = np.linalg.norm(net["h2"].view("y") - net["h2_to_output"].W @ error)
    np.testing.assert_allclose(residuals[:100], first * 0.9 ** np.arange(1, 101), rtol=1e-6)
    assert (residuals[99] / first) ** 2 == pytest.approx(7.06e-10, rel=1e-2)


@pytest.mark.parametrize("units", ["tanh", "rectifier"])
def test_what_it_relaxes_to_is_the_gradient(ar, units):
    """In 400 steps the updates are those of backpropagation to rounding; in 100 nearly; and at once they are not."""
    exact = updates(built(ar, pathway="backprop", units=units))
    for steps, tolerance in ((400, 1e-12), (100, 5e-3)):
        for relaxed, true in zip(updates(built(ar, relaxation=steps, units=units)), exact, strict=True):
            assert np.abs(relaxed - true).max() < tolerance * np.abs(true).max()
    assert np.abs(updates(built(ar, relaxation=1, units=units))[0] - exact[0]).max() > 0.1 * np.abs(exact[0]).max()


#: A branch, h1 to h2 and h3, and two skips: h1 to the output, and the image to h3.
GRAPH = ("image-h1", "h1-h2", "h1-h3", "image-h3", "h2-output", "h3-output", "h1-output")


def loss_of(net, kind, added):
    """The loss of a graph whose layers' outputs are those of the weights plus what is `added`: by plain arrays."""
    y = {"image": net.input.view("y")}
    for layer in net.layers:
        into = [p for p in forward(net) if p.post is layer]
        v = sum(p.W.T @ y[p.pre.name] + p.b[:, None] for p in into)
        y[layer.name] = (v if layer.name == "output" else np.tanh(v)) + added.get(layer.name, 0)
    out, target = y["output"], net.error.view("target")
    if kind == "squared_error":
        return ((out - target) ** 2).sum() / 2
    return (np.log(np.exp(out).sum(axis=0)) - (target * out).sum(axis=0)).sum()


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_in_a_graph_each_layer_relaxes_to_the_gradient(ar, loss):
    """By finite differences with respect to each unit's activity; without the skip it does not."""
    changes = {"sizes": (6, 5, 4, 4, 3), "connections": GRAPH, "loss": loss, "target": "numpy", "relaxation": 300}
    net = ar.build(ar.params(SMALL | {"classes": 3, "eta": 0.0} | changes), streams=STREAMS, seed=1)
    rng = np.random.default_rng(5)
    net.stimulus.show_images(rng.uniform(size=(STREAMS, 6)), rng.integers(0, 3, STREAMS))
    net.run_steps(301)
    for layer in net.hidden:
        x, gradient = net[f"feedback_{layer.name}"].view("x"), np.zeros((layer.units, STREAMS))
        for unit, stream in np.ndindex(*gradient.shape):
            step = np.zeros_like(gradient)
            step[unit, stream] = 1e-5
            high, low = (loss_of(net, loss, {layer.name: sign * step}) for sign in (1, -1))
            gradient[unit, stream] = (high - low) / 2e-5
        assert np.abs(gradient).max() > 1e-2
        np.testing.assert_allclose(x, gradient, rtol=0, atol=1e-8, err_msg=layer.name)
    without = net["h1_to_output"].W @ net.error.view("delta")
    assert np.abs(without).max() > 1e-2  # what h1 would lack without the skip's share


@pytest.mark.parametrize("step", [0.1, 1])
@pytest.mark.parametrize("steps", [1, 100])
@pytest.mark.parametrize(
    "changes",
    [
        {"units": "rectifier"},
        {"derivative": False},
        {"pathway": "learned"},
        {"pathway": "fixed", "sizes": (6, 5, 3)},
        {"sizes": (6, 5, 4, 4, 3), "connections": GRAPH},
    ],
    ids=["rectifier", "plain", "learned", "shallow", "graph"],
)
def test_the_closed_form_is_the_state_after_these_steps(ar, changes, steps, step):
    """Images one after another, all weights and all that is sent: the same as step by step, to rounding."""
    by_step, at_once = (
        built(ar, relaxation=steps, relaxation_step=step, closed_form=closed, **changes) for closed in (False, True)
    )
    assert at_once.stimulus.steps_per_image == (2 if changes.get("sizes") == (6, 5, 3) else 3)
    for _ in range(2):
        start = by_step["image_to_h1"].W.copy()
        for net in (by_step, at_once):
            net.run_steps(net.stimulus.steps_per_image)
        assert np.abs(by_step["image_to_h1"].W - start).max() > 0
        for one, other in zip(by_step.projections, at_once.projections, strict=True):
            np.testing.assert_allclose(other.W, one.W, rtol=0, atol=1e-13, err_msg=one.name)
        for one, other in zip(by_step.feedback, at_once.feedback, strict=True):
            np.testing.assert_allclose(other.view("delta"), one.view("delta"), rtol=0, atol=1e-12, err_msg=one.name)


def test_in_a_graph_backpropagation_and_relaxation_learn_the_same(ar):
    graph = {"sizes": (6, 5, 4, 4, 3), "connections": GRAPH, "target": "numpy"}
    exact = updates(built(ar, pathway="backprop", **graph))
    assert len(exact) == len(GRAPH)
    for relaxed, true in zip(updates(built(ar, relaxation=300, **graph)), exact, strict=True):
        assert np.abs(relaxed - true).max() < 1e-9 * np.abs(true).max()
    learned = built(ar, pathway="learned", relaxation=3, **graph)
    down = {p.name for p in learned.projections if p.post in learned.feedback}
    assert down == {
        *("error_output_to_feedback_h1", "error_output_to_feedback_h2", "error_output_to_feedback_h3"),
        *("feedback_h2_to_feedback_h1", "feedback_h3_to_feedback_h1"),
    }


@pytest.mark.parametrize("closed", [False, True])
def test_after_a_look_of_other_steps_it_learns_in_phase_or_not_at_all(ar, closed):
    """Equations count the steps of an image by the clock; out of phase, weights would learn of half-relaxed layers."""
    fresh, net = (built(ar, relaxation=6, closed_form=closed) for _ in range(2))
    steps = net.stimulus.steps_per_image
    net.learns, net.stimulus.steps_per_image = False, 1
    net.run_steps(2)  # both batches, for a step each
    net.learns = True
    rng = np.random.default_rng(5)
    images, targets = rng.normal(size=(2 * STREAMS, 6)), rng.normal(size=(2 * STREAMS, 3))
    net.stimulus.show_images(images, targets)
    rule = rf"begin at a multiple of {steps} steps and last for these, by which equations count, got step"
    with pytest.raises(ArgumentError, match=f"{rule} 2 and 1 steps"):
        net.run_steps(1)
    net.stimulus.steps_per_image = steps
    net.stimulus.show_images(images, targets)
    with pytest.raises(ArgumentError, match=f"{rule} 2 and {steps} steps; set network.step$"):
        net.run_steps(steps)
    fa.error(net, images, targets, steps=1)  # which looks on, and does not learn
    net.step = 2 * steps
    net.stimulus.show_images(images, targets)
    for got, wanted in zip(updates(net), updates(fresh), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-15)
        assert np.abs(wanted).max() > 0


def test_all_layers_relax_at_once(ar):
    """Plain recursions: a layer receives the layer above as it was before the step; x starts at the activity."""
    net = built(ar, relaxation=6, eta=0.0)
    for image in range(2):
        net.run_steps(1)
        W = [p.W for p in forward(net)]
        y = [net[name].view("y") for name in ("h1", "h2", "output")]
        error = y[2] - net.error.view("target")
        x1, x2 = y[0].copy(), y[1].copy()
        for step in range(7):
            if step:
                net.run_steps(1)
            sent = x2 * (1 - y[1] ** 2)
            x1, x2 = x1 + 0.1 * (W[1] @ sent - x1), x2 + 0.1 * (W[2] @ error - x2)
            np.testing.assert_allclose(net["feedback_h2"].view("x"), x2, atol=1e-12, err_msg=f"{image}, {step}")
            np.testing.assert_allclose(net["feedback_h1"].view("x"), x1, atol=1e-12, err_msg=f"{image}, {step}")


def test_without_the_derivative_it_is_left_out_of_the_relaxation_alone(ar):
    net = built(ar, relaxation=400, derivative=False)
    W = [p.W.copy() for p in forward(net)]
    changed = updates(net)
    net = built(ar, relaxation=400, derivative=False, eta=0.0)
    net.run_steps(401)
    y = [net[name].view("y") for name in ("image", "h1", "h2", "output")]
    error = y[3] - net.error.view("target")
    x2 = W[2] @ error
    for got, below, x in ((changed[1], y[1], x2 * (1 - y[2] ** 2)), (changed[0], y[0], W[1] @ x2 * (1 - y[1] ** 2))):
        np.testing.assert_allclose(got, -1e-3 * below @ x.T, atol=1e-12)


@pytest.mark.parametrize("derivative", [True, False])
def test_learned_backward_weights_get_the_forward_updates_transposed(ar, derivative):
    net = built(ar, pathway="learned", derivative=derivative, relaxation=20)
    down = [net[name] for name in ("feedback_h2_to_feedback_h1", "error_output_to_feedback_h2")]
    before = [p.W.copy() for p in down]
    forwards = updates(net)
    for projection, M, change in zip(down, before, forwards[1:], strict=True):
        assert np.abs(change).max() > 0
        np.testing.assert_allclose(projection.W - M, change.T, atol=1e-15)
    net = built(ar, pathway="fixed", derivative=derivative, relaxation=20)
    before = net["feedback_h2_to_feedback_h1"].W.copy()
    updates(net)
    assert np.array_equal(net["feedback_h2_to_feedback_h1"].W, before)


#: Two convolutions of 5 x 5 with maxima, 16 -> 12 -> 6 -> 2 -> 1, and two layers of tanh units.
MAPS = {
    "sizes": (256, 4, 5, 3),
    "convolutions": (2, 3),
    "grid": (1, 16, 16),
    "classes": 3,
    "weight_sd": 0.3,
    "target": "numpy",
}


def convolutional(ar, **changes):
    net = ar.build(ar.params(SMALL | MAPS | changes), streams=STREAMS, seed=1)
    rng = np.random.default_rng(5)
    net.stimulus.show_images(rng.uniform(size=(STREAMS, 256)), rng.integers(0, 3, STREAMS))
    return net


def shared_updates(net):
    """Updates of the weights of convolutions and dense projections, forward and backward, by the projections' names."""
    learning = [p for p in net.projections if p.learning is not None]
    before = [p.W.copy() for p in learning]
    net.run_steps(net.stimulus.steps_per_image)
    return {p.name: p.W - W for p, W in zip(learning, before, strict=True)}


def test_through_convolutions_and_maxima_it_relaxes_to_the_gradient(ar):
    """Relaxed activities are those of backpropagation, layer by layer, and so are the updates; soon they are not."""
    exact, relaxed = convolutional(ar, pathway="backprop"), convolutional(ar, relaxation=400)
    wanted, got = shared_updates(exact), shared_updates(relaxed)
    assert list(got) == ["image_to_conv1", "pool1_to_conv2", "pool2_to_h1", "h1_to_h2", "h2_to_output"]
    for name, update in wanted.items():
        np.testing.assert_allclose(got[name], update, rtol=0, atol=1e-12 * np.abs(update).max(), err_msg=name)
    for layer in exact.hidden:
        J = exact[f"feedback_{layer.name}"].view("J")
        assert np.abs(J).max() > 0
        np.testing.assert_allclose(relaxed[f"feedback_{layer.name}"].view("x"), J, rtol=0, atol=1e-12)
    few = shared_updates(convolutional(ar, relaxation=10))
    first = few["image_to_conv1"] - wanted["image_to_conv1"]
    assert np.abs(first).max() > 0.1 * np.abs(wanted["image_to_conv1"]).max()
    for name, update in shared_updates(convolutional(ar, relaxation=10, closed_form=True)).items():
        np.testing.assert_allclose(update, few[name], rtol=0, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("derivative", [True, False])
def test_backward_weights_of_a_convolution_learn_its_updates_transposed(ar, derivative):
    net = convolutional(ar, pathway="learned", derivative=derivative, relaxation=20)
    changes = shared_updates(net)
    back, forward = changes["feedback_conv2_to_feedback_pool1"], changes["pool1_to_conv2"]
    assert back.shape == (3, 5, 5, 2) and np.abs(back).max() > 0
    np.testing.assert_allclose(back, forward.swapaxes(0, 3), atol=1e-14)
    np.testing.assert_allclose(changes["feedback_h1_to_feedback_pool2"], changes["pool2_to_h1"].T, atol=1e-14)


def test_a_convolutional_network_takes_its_input_from_the_data(ar):
    digits = fa.datasets.load("digits")
    found = ar.module.sizes(ar.params(preset="cnn"), digits)
    assert found == {"grid": (1, 8, 8), "sizes": (64, 64, 120, 10), "classes": 10}
    assert ar.data_of("cnn") == "cifar10-jpeg"


@pytest.mark.parametrize("sd", [-0.1, np.inf, np.nan])
def test_a_standard_deviation_must_be_one(sd):
    with pytest.raises(ArgumentError, match=f"^normal: standard deviation must be finite and at least 0, got {sd}$"):
        fa.normal(sd)


def test_weights_learn_in_the_last_step_alone(ar):
    net = built(ar, pathway="learned", relaxation=9)
    before = [p.W.copy() for p in net.projections]
    net.run_steps(9)
    assert all(np.array_equal(p.W, W) for p, W in zip(net.projections, before, strict=True))
    net.run_steps(1)
    assert not any(np.array_equal(p.W, W) for p, W in zip(net.projections, before, strict=True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": (784, 10)}, r"sizes must name an input, a hidden layer and an output, at least, got \(784, 10\)"),
        ({"units": "step"}, "units must be one of rectifier, tanh, got 'step'"),
        ({"pathway": "relax"}, "pathway must be one of relaxation, .*, got 'relax'; did you mean 'relaxation'[?]"),
        ({"relaxation": 0}, "relaxation must be a positive whole number, got 0"),
        ({"relaxation_step": 1.5}, "relaxation_step must be above 0 and at most 1, got 1.5"),
        ({"loss": "cross_entropy", "classes": None}, "loss must be squared_error in a regression, got 'cross_entropy'"),
        (
            {"sizes": (4, 3, 2), "connections": ("image-h1", "output-h1")},
            "connections must be of two of image, h1, output, the lower one first, got .*",
        ),
        ({"sizes": (4, 3, 2), "connections": ("image-h1", "image-h1")}, "connections must name no projection twice.*"),
        (
            {"sizes": (4, 3, 2), "connections": ("image-h1", "image-output")},
            "connections must lead from each layer but the output, and to each but the image, got .*",
        ),
        ({"convolutions": (8,), "sizes": (64, 9, 2)}, r"grid must be maps, height and width of 64 units, got .*"),
        (
            {"convolutions": (8, 8), "sizes": (64, 9, 2), "grid": (1, 8, 8)},
            "convolutions must be fewer for an input of 8 x 8, got .*",
        ),
        (
            {"convolutions": (8,), "sizes": (64, 9, 2), "grid": (1, 8, 8), "connections": ("image-h1", "h1-output")},
            "convolutions must be left out with connections, got .*",
        ),
        ({"pathway": "backprop", "derivative": False}, "derivative must be true with backprop, got False"),
        (
            {"pathway": "backprop", "closed_form": True},
            "closed_form must be false with backprop, which does not relax, got True",
        ),
    ],
)
def test_bad_parameters_are_refused(ar, changes, message):
    with pytest.raises(ModelError, match=f"^Model 'millidge2020_ar': {message}$"):
        ar.build(ar.params(changes))
