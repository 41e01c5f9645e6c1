"""Every pathway through the same checks: plain loops, gradients, determinism, resuming, evaluation, stock Brian2."""

from zlib import crc32

import naive
import numpy as np
import pytest

import spikefa as fa
from spikefa import checkpoints, evaluation
from spikefa.engine.philox import fill_normal, object_id
from spikefa.network import DISPLAY
from spikefa.reference import Reference

ETA, SCALE, NOISE = 0.1, 0.3, 1e-2
SIZES = (6, 5, 4, 4)

RATE = """
v = I : 1
I : 1
y : 1
psi = 1 - y**2 : 1
"""
STRINGS = {
    "error": "target : 1\ndelta : 1",
    "feedback": "J : 1\ndelta : 1",
    "emit": "delta = J * layer_psi",
    "emit_error": "delta = (layer_y - target) * layer_psi",
}
B = {"B": fa.uniform(0.5)}

#: Pathway -> the arguments of its own.
PATHWAYS = {
    "feedback_alignment": B,
    "transpose": {},
    "direct_feedback_alignment": B,
    "indirect_feedback_alignment": B,
    "shallow": {},
    "pseudobackprop": {"every": 3},
    "sign_symmetric": {"scale": SCALE},
    "reshuffled_alignment": B,
    "node_perturbation": {"loss": "(layer_y - target)**2 / 2", "noise": NOISE},
}
every_pathway = pytest.mark.parametrize("pathway", PATHWAYS)


def add(net, pathway, strings, own):
    """Add a pathway: its own arguments, and the strings that it takes."""
    taken = {"node_perturbation": (), "shallow": ("error", "emit", "emit_error", "namespace")}.get(pathway, strings)
    return getattr(fa, pathway)(net, **{k: v for k, v in strings.items() if k in taken}, **own)


def rate_network(pathway, streams=1, sizes=SIZES, seed=0, target="numpy", dtype="float64", layer=RATE, emit="tanh(v)",
                 **changes):  # fmt: skip
    net = fa.Network(streams=streams, seed=seed, dtype=dtype, target=target)
    fa.Input(net, "image", sizes[0], "x : 1\ny = x : 1", emit="", output="x", threshold=None)
    names = [f"h{number}" for number in range(1, len(sizes) - 1)] + ["output"]
    for name, units in zip(names, sizes[1:], strict=True):
        fa.Layer(net, name, units, layer, emit=f"y = {emit}", output="y", threshold=None)
    add(net, pathway, STRINGS, PATHWAYS[pathway] | changes)
    rule = fa.Plasticity("dW = -eta * delta_post * y_pre", {"eta": ETA})
    for below, above in zip(["image", *names], names, strict=False):
        learns = rule if "delta" in net[above].variables else None
        fa.Projection(net, below, above, fa.uniform(0.6), bias=np.linspace(-0.1, 0.1, net[above].units),
                      plasticity=learns)  # fmt: skip
    net.present(1, 2)
    return net


def spiking_network(model, pathway, streams=1, seed=0, target="numpy", dtype="float64"):
    """The spiking network of the model file, with another pathway."""
    net = fa.Network(streams=streams, seed=seed, dtype=dtype, target=target)
    constants = {"tau": net.clock.dt / 0.9}
    fa.Input(net, "image", 64, model.module.INPUT, emit=model.module.INPUT_SPIKES, namespace={"max_rate": 0.95})
    for name, units in (("h1", 12), ("h2", 9), ("output", 10)):
        fa.Layer(net, name, units, model.module.LAYER, emit=model.module.SPIKES, namespace=constants)
    strings = {"error": model.module.ERROR, "feedback": model.module.FEEDBACK, "namespace": constants}
    own = PATHWAYS[pathway]
    if pathway == "node_perturbation":
        own = {"loss": "(layer_p - target)**2 / 2", "noise": 0.1}
    add(net, pathway, strings, own)
    derivative = "" if pathway == "node_perturbation" else "* psi_post"
    rule = fa.Plasticity(f"dW = -eta * delta_post {derivative} * s_pre - gamma * W", {"eta": 4e-2, "gamma": 1e-3})
    for below, above in (("image", "h1"), ("h1", "h2"), ("h2", "output")):
        learns = rule if "delta" in net[above].variables else None
        fa.Projection(net, below, above, fa.uniform(0.3), plasticity=learns)
    net.present(4, 10)
    return net


def forward(net):
    return [p for p in net.projections if p.post in net.layers]


def show(net, rng):
    """Give every stream an input and a target of its own; they stay."""
    net.input.view("x")[:] = rng.normal(size=(net.input.units, net.streams))
    net.error.view("target")[:] = rng.uniform(-0.8, 0.8, (net.error.units, net.streams))


def state_of(net):
    return {name: array.copy() for name, array in (net.activity() | net.parameters()).items()}


def assert_same(one, other):
    assert set(one) == set(other)
    for name in one:
        assert np.array_equal(one[name], other[name]), name


def noise_numbers(net, layer, step):
    out = np.empty(layer.units * net.streams, net.dtype)
    fill_normal(out, net.seed, step, object_id(layer.name), 0)
    return NOISE * out.reshape(layer.units, net.streams)


def expected_deltas(net, pathway, W, b, y, fixed, step):
    """The deltas of one step by plain loops, bottom up; None where a layer has none."""
    target = net.error.view("target").tolist()
    hidden = W[1:]
    if pathway == "feedback_alignment":
        return naive.deltas_down(y, target, fixed[::-1])
    if pathway == "transpose":
        return naive.deltas_down(y, target, [naive.transposed(w) for w in hidden])
    if pathway == "direct_feedback_alignment":
        return naive.deltas_direct(y, target, fixed[::-1])
    if pathway == "indirect_feedback_alignment":
        return naive.deltas_up(y, target, fixed[0], W)
    if pathway == "shallow":
        return [None] * len(hidden) + [naive.top_delta(y, target)]
    if pathway == "pseudobackprop":
        if step % 3 == 0:
            fixed[:] = [np.linalg.pinv(np.array(w)).tolist() for w in hidden]
        return naive.deltas_down(y, target, fixed)
    if pathway == "sign_symmetric":
        return naive.deltas_down(y, target, [naive.signs(naive.transposed(w), SCALE) for w in hidden])
    if pathway == "reshuffled_alignment":
        names = ["feedback_h2_to_feedback_h1", "error_output_to_feedback_h2"]
        shuffled = []
        for name, matrix in zip(names, fixed[::-1], strict=True):
            order = np.random.default_rng([net.seed, crc32(name.encode()), step]).permutation(len(matrix[0]))
            shuffled.append([[row[j] for j in order] for row in matrix])
        return naive.deltas_down(y, target, shuffled)
    noise = [noise_numbers(net, layer, step).tolist() for layer in net.layers]
    noisy = naive.rate_forward(W, b, y[0], noise)
    return naive.deltas_perturbed(y, noisy, target, noise, NOISE)


@every_pathway
@pytest.mark.parametrize("streams", [1, 2, 7])
def test_equals_plain_loops(pathway, streams, rng):
    """Every delta and weight after one step and after four, against one-unit-at-a-time Python."""
    net = rate_network(pathway, streams)
    learned = forward(net)
    fixed = [p.W.tolist() for p in net.projections if type(p) in (fa.Projection, fa.ReshuffledProjection)
             and p not in learned]  # fmt: skip
    W, b = [p.W.tolist() for p in learned], [p.b.tolist() for p in learned]
    for steps in ([0], [1, 2, 3]):
        show(net, rng)
        for step in steps:
            y = naive.rate_forward(W, b, net.input.view("x").tolist())
            deltas = expected_deltas(net, pathway, W, b, y, fixed, step)
            naive.learn(W, b, y, deltas, ETA)
        net.run_steps(len(steps))
        for layer, delta in zip(net.layers, deltas, strict=True):
            if delta is not None:
                got = layer.variables["delta"].get_value().reshape(layer.units, streams)
                np.testing.assert_allclose(got, delta, rtol=0, atol=1e-9, err_msg=layer.name)
    for number, projection in enumerate(learned):
        np.testing.assert_allclose(projection.W, W[number], rtol=0, atol=1e-9)
        np.testing.assert_allclose(projection.b, b[number], rtol=0, atol=1e-9)


@every_pathway
def test_targets_agree(pathway):
    """Brian2's numpy target and numba."""

    def run(target):
        net = rate_network(pathway, 7, target=target)
        show(net, np.random.default_rng(1))
        net.run_steps(3)
        return [p.W for p in forward(net)]

    for expected, numba in zip(run("numpy"), run("numba"), strict=True):
        np.testing.assert_allclose(numba, expected, rtol=0, atol=1e-9)


@every_pathway
def test_learning_moves_what_should_move(pathway, rng):
    net = rate_network(pathway, 3)
    show(net, rng)
    before = {p.name: p.W.copy() for p in net.projections}
    net.run_steps(2)
    for projection in net.projections:
        moved = not np.array_equal(before[projection.name], projection.W)
        follows = isinstance(projection, fa.SharedProjection | fa.FollowingProjection)
        assert projection.W.shape == projection.shape == (projection.pre.units, projection.post.units)
        if projection.learning is not None:
            assert moved, projection.name
        elif not follows:
            assert not moved, projection.name
    hidden_learn = [p.learning is not None for p in forward(net)]
    assert hidden_learn == [pathway != "shallow", pathway != "shallow", True]


@every_pathway
def test_without_an_error_nothing_changes(pathway, rng):
    """Except by node perturbation, where noise raises the loss of a perfect answer, to the second order."""
    net = rate_network(pathway, 3)
    show(net, rng)
    rule = forward(net)[-1].learning.plasticity
    rule.rate = 0.0
    net.run_steps(1)
    net.error.view("target")[:] = net["output"].view("y")
    rule.rate = 1.0
    before = [p.W.copy() for p in forward(net)]
    net.run_steps(2)
    change = max(abs(p.W - w).max() for p, w in zip(forward(net), before, strict=True))
    assert 0 < change < 2 * 100 * ETA * NOISE if pathway == "node_perturbation" else change == 0


@every_pathway
def test_same_seed_same_bits_however_it_is_run(pathway):
    def run(chunks, seed=0):
        net = rate_network(pathway, 4, seed=seed, dtype="float32")
        show(net, np.random.default_rng(5))
        for steps in chunks:
            net.run_steps(steps)
        return state_of(net)

    whole = run([5])
    assert_same(whole, run([1, 4]))
    assert not np.array_equal(whole["image_to_h1.W"], run([], seed=1)["image_to_h1.W"])


@every_pathway
def test_resumes_bit_for_bit(pathway, model, digits, tmp_path):
    """Saved after 8 of 16 steps, also where a step's weights were computed in an earlier one."""
    streams, shown = 2, 8
    images, labels = digits.train_images[:shown], digits.train_labels[:shown]

    def net():
        return spiking_network(model, pathway, streams, dtype="float32")

    whole = net()
    whole.stimulus.show_images(images, labels)
    whole.run_steps(8)
    checkpoints.save(tmp_path / "checkpoint.h5", whole, {"epoch": 1}, "")
    whole.run_steps(8)
    second = net()
    checkpoints.load(tmp_path / "checkpoint.h5", second)
    second.stimulus.show_images(images[2 * streams :], labels[2 * streams :])
    second.run_steps(8)
    assert second.step == 16
    assert_same(state_of(whole), state_of(second))
    other = spiking_network(model, pathway, 5, seed=3, dtype="float32")
    checkpoints.load_weights(tmp_path / "checkpoint.h5", other)  # whatever the number of streams
    checkpoints.load(tmp_path / "checkpoint.h5", second)
    for mine, theirs in zip(forward(second), forward(other), strict=True):
        assert np.array_equal(mine.W, theirs.W)


@every_pathway
def test_evaluating_and_displaying_leave_no_trace(pathway, model, digits):
    """And what an evaluation measures is the clean forward path alone."""

    plain, looked = (spiking_network(model, pathway, 3) for _ in range(2))
    for net in (plain, looked):
        net.stimulus.show_images(digits.train_images[:12], digits.train_labels[:12])
    plain.run_steps(16)
    looked.run_steps(7)
    guesses = evaluation.guesses(looked, digits.test_images[:30], 5)
    alone = spiking_network(model, "shallow", 3)
    for projection, same in zip(forward(alone), forward(looked), strict=True):
        projection.W, projection.b = same.W, same.b
    assert np.array_equal(guesses, evaluation.guesses(alone, digits.test_images[:30], 5))
    with looked.aside(DISPLAY):
        looked.stimulus.show_images(digits.test_images[:6])
        looked.run_steps(8)
    looked.run_steps(9)
    assert_same(state_of(plain), state_of(looked))


def stock_and_fast(net, digits):
    """Run a network and its stock twin side by side, and compare all that they have."""
    reference = Reference(net)
    for one in (net, reference.network):
        one.stimulus.steps_per_image = 3
        one.stimulus.show_images(digits.train_images[:5], digits.train_labels[:5] % one.readout.classes)
    before = [p.W.copy() for p in forward(net)]
    net.run_steps(12)
    reference.network.run_steps(12)
    for population in net.populations:
        for name, array in population.state_arrays().items():
            if not name.startswith(("f0_", "g0_", "_")):
                expected = reference.network[population.name].variables[name].get_value()
                np.testing.assert_allclose(array, expected, rtol=0, atol=1e-9, err_msg=f"{population.name}.{name}")
    for projection in (p for p in net.projections if p.state_arrays()):
        message = projection.name
        np.testing.assert_allclose(projection.W, reference.W(message), rtol=0, atol=1e-9, err_msg=message)
        np.testing.assert_allclose(projection.b, reference.b(message), rtol=0, atol=1e-9, err_msg=message)
    assert all(
        p.learning is None or not np.array_equal(p.W, w) for p, w in zip(forward(net), before, strict=True)
    )


@pytest.mark.parametrize("pathway", ["indirect_feedback_alignment", "pseudobackprop", "node_perturbation"])
def test_stock_brian2_does_the_same_with_rates(pathway, digits):
    stock_and_fast(rate_network(pathway, sizes=(64, 5, 4, 4)), digits)


@every_pathway
def test_stock_brian2_does_the_same_with_spikes(pathway, model, digits):
    stock_and_fast(spiking_network(model, pathway, seed=4), digits)


def loss(W, b, x, target):
    y = x
    for w, bias in zip(W, b, strict=True):
        y = np.tanh(w.T @ y + bias[:, None])
    return ((y - target) ** 2).sum() / 2


def central_difference(f, array):
    gradient = np.empty_like(array)
    for index in np.ndindex(*array.shape):
        keep = array[index]
        array[index] = keep + 1e-6
        high = f()
        array[index] = keep - 1e-6
        gradient[index] = (high - f()) / 2e-6
        array[index] = keep
    return gradient


@pytest.mark.parametrize("streams", [1, 7])
def test_transpose_is_the_gradient(streams, rng):
    """Of the squared error, by every weight and bias: central differences in float64."""
    net = rate_network("transpose", streams)
    show(net, rng)
    W, b = [p.W.copy() for p in forward(net)], [p.b.copy() for p in forward(net)]
    x, target = net.input.view("x").copy(), net.error.view("target").copy()
    net.run_steps(1)
    for projection, w, bias in zip(forward(net), W, b, strict=True):
        expected = central_difference(lambda: loss(W, b, x, target), w)
        np.testing.assert_allclose((projection.W - w) / -ETA, expected, rtol=0, atol=1e-8)
        expected = central_difference(lambda: loss(W, b, x, target), bias)
        np.testing.assert_allclose((projection.b - bias) / -ETA, expected, rtol=0, atol=1e-8)


def test_alignment_with_the_transposed_weights_is_backprop():
    fa_net, bp_net = rate_network("feedback_alignment", 7), rate_network("transpose", 7)
    for step in range(2):
        for down, layer, above in (("error_output_to_feedback_h2", "h2", "output"),
                                   ("feedback_h2_to_feedback_h1", "h1", "h2")):  # fmt: skip
            fa_net[down].W = fa_net[f"{layer}_to_{above}"].W.T
        for net in (fa_net, bp_net):
            show(net, np.random.default_rng(step))
            net.run_steps(1)
    for one, other in zip(forward(fa_net), forward(bp_net), strict=True):
        np.testing.assert_allclose(one.W, other.W, rtol=0, atol=1e-12)


def test_node_perturbation_is_the_gradient_on_average(rng):
    """False alarm below 1e-5: 13 units, each within 5 standard errors of the derivative by its current.

    The bias, of second order in the noise, is below a tenth of a standard error. A sign error is seen.
    """
    streams = 20_000
    net = rate_network("node_perturbation", streams, noise=1e-3)
    x = rng.normal(size=(SIZES[0], 1))
    target = rng.uniform(-0.8, 0.8, (SIZES[-1], 1))
    net.input.view("x")[:], net.error.view("target")[:] = x, target
    W, b = [p.W.copy() for p in forward(net)], [p.b.copy() for p in forward(net)]
    net.run_steps(1)
    z, z_of_wrong_sign, changes = [], [], []
    for number, layer in enumerate(net.layers):
        delta = layer.variables["delta"].get_value().reshape(layer.units, streams)
        gradient = central_difference(lambda: loss(W, b, x, target), b[number])  # dI = db
        error = delta.std(axis=1) / np.sqrt(streams)
        z.extend((delta.mean(axis=1) - gradient) / error)
        z_of_wrong_sign.extend((delta.mean(axis=1) + gradient) / error)
        changes.append(forward(net)[number].W - W[number])
    assert len(z) == 13 and max(np.abs(z)) < 5
    assert max(np.abs(z_of_wrong_sign)) > 20
    for number, change in enumerate(changes):  # the rule does with delta what it does in every pathway
        delta = net.layers[number].variables["delta"].get_value().reshape(-1, streams)
        y = x if number == 0 else net.layers[number - 1].view("y")
        np.testing.assert_allclose(change, -ETA * (y * np.ones((1, streams))) @ delta.T, rtol=1e-9, atol=1e-9)


def test_the_twin_spikes_as_its_layer_does_but_for_the_noise(model, digits):
    """The same random numbers: with next to no noise the same spikes, from input to output."""
    net = spiking_network(model, "node_perturbation", 50)
    net.stimulus.show_images(digits.train_images[:50])
    net.run_steps(4)
    for layer in net.layers:
        twin = net[f"noisy_{layer.name}"]
        assert 0.9 < np.mean(twin.view("s") == layer.view("s")) < 1
        np.testing.assert_allclose(twin.view("noise").std(), 0.1, rtol=0.2)
    draws = [net[f"noisy_{layer.name}"].view("noise").ravel()[:450] for layer in net.layers]
    assert abs(np.corrcoef(draws) - np.eye(3)).max() < 0.2  # 4 standard deviations; layers draw independently


def test_pseudobackprop_of_a_linear_network_is_the_pseudoinverse(rng):
    net = rate_network("pseudobackprop", 7, layer="v = I : 1\nI : 1\ny : 1\npsi = 1 + 0*y : 1", emit="v", every=1)
    show(net, rng)
    for _ in range(2):
        W = [p.W.copy() for p in forward(net)]
        net.run_steps(1)
        e = net["output"].view("y") - net.error.view("target")
        h2 = np.linalg.pinv(W[2]).T @ e
        np.testing.assert_allclose(net["feedback_h2"].view("delta"), h2, rtol=0, atol=1e-12)
        np.testing.assert_allclose(net["feedback_h1"].view("delta"), np.linalg.pinv(W[1]).T @ h2, rtol=0, atol=1e-12)


def test_angles_of_the_feedback(rng):
    """Only what comes from the layer above counts as that layer's feedback matrix."""
    angles = {}
    for pathway in PATHWAYS:
        net = rate_network(pathway, 3, sizes=(4, 4, 4, 4))
        if pathway in ("pseudobackprop", "sign_symmetric"):  # their weights are computed in the first step
            net.run_steps(1)
        angles[pathway] = list(evaluation.alignment(net).values())
    np.testing.assert_allclose(angles["transpose"], 0, atol=1e-3)
    assert all(0 < angle < 60 for angle in angles["sign_symmetric"])
    assert np.isnan(angles["direct_feedback_alignment"]).tolist() == [True, False]
    for pathway in ("indirect_feedback_alignment", "shallow", "node_perturbation"):
        assert np.isnan(angles[pathway]).all()


@pytest.mark.parametrize("pathway", [p for p in PATHWAYS if p != "node_perturbation"])
def test_the_errors_statement_is_the_others_by_default(pathway):
    strings = {"error": "target : 1\nJ = layer_y - target : 1\ndelta : 1"}
    net = fa.Network(target="numpy")
    fa.Input(net, "image", 3)
    fa.Layer(net, "h1", 3, RATE, emit="y = tanh(v)", output="y", threshold=None)
    fa.Layer(net, "output", 2, RATE, emit="y = tanh(v)", output="y", threshold=None)
    add(net, pathway, {"feedback": STRINGS["feedback"], "emit": STRINGS["emit"]} | strings, PATHWAYS[pathway])
    fa.Projection(net, "h1", "output", fa.uniform(1))
    net.run_steps(1)
    assert net.error.view("delta").shape == (2, 1)


def layers_only():
    net = fa.Network(target="numpy")
    fa.Input(net, "image", 3)
    for name, units in (("h1", 4), ("output", 2)):
        fa.Layer(net, name, units, RATE, emit="y = tanh(v)", output="y", threshold=None)
    return net


def refused(pathway, net=layers_only, **changes):
    made = net()
    add(made, pathway, STRINGS | {k: v for k, v in changes.items() if k in STRINGS},
        PATHWAYS[pathway] | {k: v for k, v in changes.items() if k not in STRINGS})  # fmt: skip
    made.run_steps(1)


BAD = [
    *[(p, {"net": fa.Network}, "the network has no Input population yet" if p == "node_perturbation" else
       "the network has no Layer yet") for p in PATHWAYS],
    *[(p, {"error": "delta : 1"}, "ErrorPopulation 'error_output': the equations must have the parameter 'target'")
      for p in PATHWAYS if p != "node_perturbation"],
    *[(p, {"feedback": "delta : 1"}, "the equations of 'feedback_h1' must have the parameter 'J', which")
      for p in PATHWAYS if p not in ("node_perturbation", "shallow")],
    *[(p, {"emit": "delta = layer_q"}, "'layer_q' needs a variable 'q' of layer 'h1', which has")
      for p in PATHWAYS if p not in ("node_perturbation", "shallow")],
    *[(p, {"B": np.zeros((3, 4))}, r"Projection 'error_output->feedback_h1': weights must be \(2, 4\), got \(3, 4\)")
      for p, own in PATHWAYS.items() if own is B],
    *[(p, {"B": np.full((2, 4), np.nan)}, "weights must be finite, got 8 that are not")
      for p, own in PATHWAYS.items() if own is B],
    *[(p, {}, "there is no projection 'h1_to_output'; there are")
      for p in ("transpose", "pseudobackprop", "sign_symmetric")],
    ("node_perturbation", {}, "'image->noisy_h1': there is no projection 'image_to_h1'; there are"),
    ("node_perturbation", {"noise": 0}, "NoisyTwin 'noisy_h1': noise must be a positive number, got 0"),
    ("node_perturbation", {"noise": "a"}, "NoisyTwin 'noisy_h1': noise must be a positive number, got 'a'"),
    ("node_perturbation", {"loss": "layer_q**2"}, "'layer_q' needs a variable 'q' of layer 'output'"),
    ("sign_symmetric", {"scale": np.inf}, "scale must be a finite number, got inf"),
    ("sign_symmetric", {"scale": "a"}, "scale must be a finite number, got 'a'"),
    ("pseudobackprop", {"every": 0}, "'error_output->feedback_h1': every must be a positive whole number of steps"),
]  # fmt: skip


@pytest.mark.parametrize(("pathway", "changes", "message"), BAD)
def test_bad_pathways_are_refused(pathway, changes, message):
    with pytest.raises(ValueError, match=message):
        refused(pathway, **changes)
