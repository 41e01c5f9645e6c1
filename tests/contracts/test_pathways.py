"""Every pathway through the same checks: plain loops, gradients, determinism, resuming, evaluation, stock Brian2."""

import math
import re
from dataclasses import dataclass
from zlib import crc32

import naive
import numpy as np
import pytest
from brian2 import ms
from pathway_networks import (
    ARGUMENTS,
    ETA,
    GAMMA,
    NOISE,
    ONE_STATEMENT,
    RATE,
    SCALE,
    add,
    assert_same,
    every_pathway,
    forward,
    rate_network,
    show,
    spiking_network,
    state_of,
    takes,
)

import spikefa as fa
from spikefa.brian2_reference import Brian2Reference
from spikefa.core.sandbox import sandboxed
from spikefa.diagnostics import evaluation
from spikefa.engine.kernels.philox import fill_normal, object_id
from spikefa.errors import ArgumentError
from spikefa.experiments import checkpoint
from spikefa.pathways import pathways


def noise_numbers(net, layer, step):
    out = np.empty(layer.units * net.streams, net.dtype)
    fill_normal(out, net.seed, step, object_id(layer.name), 0)
    return NOISE * out.reshape(layer.units, net.streams)


@dataclass
class Step:
    """What the plain loops know at a step."""

    net: fa.Network
    number: int
    W: list
    """Forward weights and biases, bottom up."""
    b: list
    B: list
    """Feedback weights that are not the forward ones, in the order in which they were added; oracles may change it."""
    y: list
    """Outputs, of the input first."""
    kept: dict
    """What an oracle keeps from one step to the next."""

    @property
    def target(self):
        return self.net.error.view("target").tolist()

    @property
    def noise(self):
        return [noise_numbers(self.net, layer, self.number).tolist() for layer in self.net.layers]


def derived(of_W):
    """Oracle of feedback weights that are computed of the forward ones in every third step."""

    def deltas(now):
        if now.number % 3 == 0:
            now.B[:] = [of_W(w) for w in now.W[1:]]
        return naive.deltas_down(now.y, now.target, now.B)

    return deltas


def reshuffled(now):
    names = ["feedback_h2_to_feedback_h1", "error_output_to_feedback_h2"]
    shuffled = []
    for name, matrix in zip(names, now.B[::-1], strict=True):
        order = np.random.default_rng([now.net.seed, crc32(name.encode()), now.number]).permutation(len(matrix[0]))
        shuffled.append([[row[j] for j in order] for row in matrix])
    return naive.deltas_down(now.y, now.target, shuffled)


def learned_feedback(now):
    deltas = naive.deltas_down(now.y, now.target, now.B[::-1])
    noisy = naive.rate_forward(now.W, now.b, now.y[0], now.noise[:-1], on_outputs=True)
    learned = naive.predictive_feedback(now.B[::-1], deltas, now.y, noisy, now.target, now.noise, NOISE, ETA)
    now.B[::-1] = learned
    return deltas


def synthetic(now):
    deltas = naive.deltas_down(now.y, now.target, now.B[::-1])
    true = naive.deltas_down(now.y, now.target, [naive.transposed(w) for w in now.W[1:]])
    for l, b in enumerate(list(now.B)):
        none = [0.0] * len(now.y[-2 - l])
        predicted = naive.propagate(b, deltas[-1 - l], none)
        wanted = naive.propagate(naive.transposed(now.W[-1 - l]), true[-1 - l], none)
        missed = [[p - w for p, w in zip(*rows, strict=True)] for rows in zip(predicted, wanted, strict=True)]
        now.B[l] = naive.update(b, deltas[-1 - l], missed, -ETA, 1)
    return deltas


def kolen_pollack(now):
    deltas = naive.deltas_down(now.y, now.target, now.B[::-1])
    updates = [naive.update(b, deltas[-1 - l], now.y[-2 - l], -ETA, 1 - GAMMA) for l, b in enumerate(now.B)]
    now.B[:] = updates
    return deltas


def product(now):
    """B has the fixed weights and the learning ones in turns, top down."""
    deltas = [naive.top_delta(now.y, now.target)]
    for l in range(len(now.B) // 2):
        fixed, learning = now.B[2 * l : 2 * l + 2]
        between = naive.propagate(fixed, deltas[0], [0.0] * len(learning))
        y = now.y[-2 - l]
        deltas.insert(0, naive.gated(naive.propagate(learning, between, [0.0] * len(y)), y))
        now.B[2 * l + 1] = naive.update(learning, between, y, -ETA, 1 - GAMMA)
    return deltas


def relaxing(now):
    deltas = [naive.top_delta(now.y, now.target)]
    for l in range(len(now.W) - 1, 0, -1):
        received = naive.propagate(naive.transposed(now.W[l]), deltas[0], [0.0] * len(now.W[l]))
        before = now.kept.get(l, [[0.0] * len(row) for row in received])
        now.kept[l] = naive.approach(before, received, ARGUMENTS["step"])
        deltas.insert(0, naive.gated(now.kept[l], now.y[l]))
    return deltas


def surprise(now):
    """Loss of each stream, less the mean of the steps before; in the first step, less itself."""
    losses = naive.squared_error(now.y[-1], now.target)
    mean = now.kept.setdefault("mean", losses)
    now.kept["mean"] = naive.approach(mean, losses, 1 / ARGUMENTS["baseline_steps"])
    return [loss - m for loss, m in zip(losses[0], mean[0], strict=True)]


def told(now, layer):
    """Surprise times the layer's score."""
    return [[s * (y - 0.1) for s, y in zip(now.kept["surprise"], row, strict=True)] for row in now.y[layer]]


def reinforced(now):
    now.kept["surprise"] = surprise(now)
    return [*(told(now, layer) for layer in range(1, len(now.W))), naive.top_delta(now.y, now.target)]


def reinforced_feedback(now):
    now.kept["surprise"] = surprise(now)
    deltas = naive.deltas_down(now.y, now.target, now.B[::-1])
    for l, b in enumerate(list(now.B)):
        layer, above = len(now.W) - 1 - l, deltas[-1 - l]
        predicted = naive.gated(naive.propagate(b, above, [0.0] * len(now.y[layer])), now.y[layer])
        wanted = told(now, layer)
        missed = [[p - w for p, w in zip(*rows, strict=True)] for rows in zip(predicted, wanted, strict=True)]
        now.B[l] = naive.update(b, above, missed, -ETA, 1)
    return deltas


def augmented(now):
    *hidden, top = naive.deltas_direct(now.y, now.target, now.B[::-1])
    g = [[[math.cos(3 * y) for y in row] for row in layer] for layer in now.y[1:-1]]
    return [*(naive.product(*pair) for pair in zip(hidden, g, strict=True)), top]


def perturbed(now):
    noisy = naive.rate_forward(now.W, now.b, now.y[0], now.noise)
    return naive.deltas_perturbed(now.y, noisy, now.target, now.noise, NOISE)


def top_only(now):
    return [None] * (len(now.W) - 1) + [naive.top_delta(now.y, now.target)]


#: Pathway -> the deltas of a step by plain loops, bottom up, None where a layer has none. Every pathway of the package
#: has an entry; one of elsewhere may be without, and is not compared.
ORACLES = {
    "alignment": lambda now: naive.deltas_down(now.y, now.target, now.B[::-1]),
    "augmented_direct": augmented,
    "backprop": lambda now: naive.deltas_down(now.y, now.target, [naive.transposed(w) for w in now.W[1:]]),
    "direct": lambda now: naive.deltas_direct(now.y, now.target, now.B[::-1]),
    "indirect": lambda now: naive.deltas_up(now.y, now.target, now.B[0], now.W),
    "kolen_pollack": kolen_pollack,
    "node_perturbation": perturbed,
    "node_perturbation_feedback": learned_feedback,
    "output_only": top_only,
    "product": product,
    "pseudobackprop": derived(lambda w: np.linalg.pinv(np.array(w)).tolist()),
    "reinforce": reinforced,
    "reinforce_feedback": reinforced_feedback,
    "relaxation": relaxing,
    "shuffled_feedback": reshuffled,
    "sign_symmetric": derived(lambda w: naive.signs(naive.transposed(w), SCALE)),
    "synthetic_gradients": synthetic,
}


def test_every_pathway_of_the_package_has_an_oracle():
    assert len(ORACLES) >= 17
    assert {name for name, add in pathways.items() if add.__module__.startswith("spikefa.")} <= set(ORACLES)


@every_pathway
@pytest.mark.parametrize("streams", [1, 2, 7])
def test_equals_plain_loops(pathway, streams, rng):
    """Every delta and weight after one step and after four, against one-unit-at-a-time Python."""
    if pathway not in ORACLES:
        pytest.skip("it has no plain loops to be compared with")
    net = rate_network(pathway, streams)
    learned = forward(net)
    B = [
        p.W.tolist()
        for p in net.projections
        if type(p) in (fa.Projection, fa.ShuffledProjection)
        and p not in learned
        and not re.search("change|surprise", p.name)
    ]
    W, b, kept = [p.W.tolist() for p in learned], [p.b.tolist() for p in learned], {}
    for steps in ([0], [1, 2, 3]):
        show(net, rng)
        for step in steps:
            y = naive.rate_forward(W, b, net.input.view("x").tolist())
            deltas = ORACLES[pathway](Step(net, step, W, b, B, y, kept))
            naive.learn(W, b, y, deltas, ETA)
        net.run_steps(len(steps))
        for layer, delta in zip(net.layers, deltas, strict=True):
            assert (delta is not None) == ("delta" in layer.variables)
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
        follows = isinstance(projection, fa.TiedProjection | fa.DerivedProjection)
        assert projection.W.shape == projection.shape == (projection.pre.units, projection.post.units)
        if projection.learning is not None:
            assert moved, projection.name
        elif not follows:
            assert not moved, projection.name
    learn = [p.learning is not None for p in forward(net)]
    assert learn[-1] and learn == ["delta" in layer.variables for layer in net.layers]


@every_pathway
def test_without_an_error_nothing_changes(pathway, rng):
    """Except where noise finds the error: it raises the loss of a perfect answer, to the second order."""
    if takes(pathway, "step") or takes(pathway, "baseline_steps"):
        pytest.skip("it remembers the error of the steps before")
    net = rate_network(pathway, 3)
    show(net, rng)
    rule = forward(net)[-1].learning.plasticity
    rule.lr = 0.0
    net.run_steps(1)
    net.error.view("target")[:] = net["output"].view("y")
    rule.lr = 1.0
    before = [p.W.copy() for p in forward(net)]
    net.run_steps(2)
    change = max(abs(p.W - w).max() for p, w in zip(forward(net), before, strict=True))
    assert change == 0 if takes(pathway, "error") else 0 < change < 2 * 100 * ETA * NOISE


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
    checkpoint.save(tmp_path / "checkpoint.h5", whole, {"epoch": 1}, "")
    whole.run_steps(8)
    second = net()
    checkpoint.load(tmp_path / "checkpoint.h5", second)
    second.stimulus.show_images(images[2 * streams :], labels[2 * streams :])
    second.run_steps(8)
    assert second.step == 16
    assert_same(state_of(whole), state_of(second))
    other = spiking_network(model, pathway, 5, seed=3, dtype="float32")
    checkpoint.load_weights(tmp_path / "checkpoint.h5", other)  # whatever the number of streams
    checkpoint.load(tmp_path / "checkpoint.h5", second)
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
    predictions = evaluation.predict(looked, digits.test_images[:30], 5)
    alone = spiking_network(model, "output_only", 3)
    for projection, same in zip(forward(alone), forward(looked), strict=True):
        projection.W, projection.b = same.W, same.b
    assert np.array_equal(predictions, evaluation.predict(alone, digits.test_images[:30], 5))
    with sandboxed(looked, "recording"):
        looked.stimulus.show_images(digits.test_images[:6])
        looked.run_steps(8)
    looked.run_steps(9)
    assert_same(state_of(plain), state_of(looked))


def stock_and_fast(net, digits):
    """Run a network and its reference on stock Brian2 side by side, and compare all that they have."""
    reference = Brian2Reference(net)
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
    assert all(p.learning is None or not np.array_equal(p.W, w) for p, w in zip(forward(net), before, strict=True))


@pytest.mark.parametrize("pathway", ["indirect", "pseudobackprop", "node_perturbation"])
def test_stock_brian2_does_the_same_with_rates(pathway, digits):
    stock_and_fast(rate_network(pathway, sizes=(64, 5, 4, 4)), digits)


@every_pathway
def test_stock_brian2_does_the_same_with_spikes(pathway, model, digits):
    stock_and_fast(spiking_network(model, pathway, seed=4), digits)


@pytest.mark.parametrize("pathway", [p for p in pathways if takes(p, "emit", "emit_error")])
def test_the_errors_statement_is_the_others_by_default(pathway):
    net = layers_only()
    options = {name: value for name, value in (ONE_STATEMENT | ARGUMENTS).items() if name != "emit_error"}
    fa.add_pathway(net, pathway, **options)
    fa.Projection(net, "image", "h1", fa.uniform(1))
    fa.Projection(net, "h1", "output", fa.uniform(1))
    net.run_steps(1)
    assert net.error.view("delta").shape == (2, 1)


@pytest.mark.parametrize("pathway", [p for p in pathways if takes(p, "delay")])
def test_a_delay_is_that_of_every_feedback_projection(pathway, model, digits):
    """And stock Brian2 does the same."""
    net = spiking_network(model, pathway, seed=4, delay=2 * ms)
    feedback = [p for p in net.projections if p.post in net.feedback]
    assert feedback and all(p.delay_steps == 2 for p in feedback)
    stock_and_fast(net, digits)


@pytest.mark.parametrize("options", [{"delay": 1 * ms}, {"into": "v"}])
@pytest.mark.parametrize("pathway", [p for p in pathways if takes(p, "noise")])
def test_copies_receive_what_their_layers_do(pathway, model, options):
    net = spiking_network(model, pathway)
    fa.Projection(net, "image", "h1", fa.uniform(0.3), name="more", **options)
    with pytest.raises(ArgumentError, match="'noisy_h1': projections to 'h1' must have no delay and go into 'I', as"):
        net.run_steps(1)


def layers_only():
    net = fa.Network(target="numpy")
    fa.Input(net, "image", 3, "x : 1\ny = x : 1", emit="", output="x", threshold=None)
    for name, units in (("h1", 4), ("output", 2)):
        fa.Layer(net, name, units, RATE, emit="y = tanh(v)", output="y", threshold=None)
    return net


def refused(pathway, net=layers_only, **changes):
    made = net()
    add(made, pathway, **changes)
    made.run_steps(1)


@every_pathway
def test_a_network_without_layers_is_refused(pathway):
    with pytest.raises(ArgumentError, match="the network has no "):
        refused(pathway, fa.Network)


#: What any pathway refuses that has these arguments: them, a value, and the message.
BAD = [
    (["error"], {"error": "delta : 1"}, "'error_output': the equations must have the parameter 'target'"),
    (["feedback"], {"feedback": "delta : 1"}, "the equations of 'feedback_h1' must have the parameter 'J', which"),
    (
        ["feedback", "emit_error"],
        {"emit": "delta = layer_q"},
        "'layer_q' needs a variable 'q' of layer 'h1', which",
    ),
    (["B"], {"B": np.zeros((3, 7))}, r"weights must be \(\d, 4\), got \(3, 7\)"),
    (["B"], {"B": lambda rng, shape: np.full(shape, np.nan)}, "weights must be finite, got [0-9]+ that are not"),
    (["noise"], {"noise": 0}, "noise must be a positive number, got 0"),
    (["noise"], {"noise": "a"}, "noise must be a positive number, got 'a'"),
    (["loss"], {"loss": "layer_q**2"}, "'layer_q' needs a variable 'q' of layer 'output'"),
    (["scale"], {"scale": np.inf}, "scale must be a finite number, got inf"),
    (["scale"], {"scale": "a"}, "scale must be a finite number, got 'a'"),
    (["every"], {"every": 0}, "every must be a positive whole number of steps"),
    (["step"], {"step": 0}, "step must be a finite number, above 0 and at most 1, got 0"),
    (["units"], {"units": 0}, "units must be a positive whole number of units, got 0"),
    (["baseline_steps"], {"baseline_steps": 0.5}, "baseline_steps must be a finite number, at least 1, got 0.5"),
    (["score"], {"score": "layer_q"}, "'layer_q' needs a variable 'q' of layer 'h1'"),
    (["nonlinearity"], {"nonlinearity": "layer_q"}, "'layer_q' needs a variable 'q' of layer 'h1'"),
    (["cutoff"], {"cutoff": 2}, "cutoff must be a finite number, at least 0 and at most 1, got 2"),
    (["rule"], {"rule": "dW = 0"}, "rule must be a Plasticity, or a function of a layer, got 'dW = 0'"),
]


@pytest.mark.parametrize(
    ("pathway", "changes", "message"),
    [(p, changes, message) for p in pathways for arguments, changes, message in BAD if takes(p, *arguments)],
)
def test_bad_arguments_are_refused(pathway, changes, message):
    with pytest.raises(ArgumentError, match=message):
        refused(pathway, **changes)


#: What those of the package say in the case of these layers without projections.
BAD_OWN = [
    ("alignment", {"B": np.zeros((3, 4))}, r"'error_output->feedback_h1': weights must be \(2, 4\), got \(3, 4\)"),
    ("direct", {"B": np.zeros((3, 4))}, r"'error_output->feedback_h1': weights must be \(2, 4\), got \(3, 4\)"),
    *[
        (pathway, {}, "there is no projection 'h1_to_output'; there are")
        for pathway in ("backprop", "pseudobackprop", "sign_symmetric")
    ],
    *[
        (pathway, changes, message)
        for pathway in ("node_perturbation", "node_perturbation_feedback")
        for changes, message in [
            ({}, "'image->noisy_h1': there is no projection 'image_to_h1'; there are"),
            ({"noise": 0}, "PerturbedCopy 'noisy_h1': noise must be a positive number, got 0"),
        ]
    ],
    ("node_perturbation_feedback", {"eta": np.nan}, "constant 'eta' must be a finite number, got nan"),
    ("synthetic_gradients", {"eta": np.nan}, "Pathway synthetic_gradients: eta must be a finite number, got nan"),
    ("synthetic_gradients", {"direct": 1}, "Pathway synthetic_gradients: direct must be true or false, got 1"),
    ("pseudobackprop", {"every": 0}, "'error_output->feedback_h1': every must be a positive whole number of steps"),
]


@pytest.mark.parametrize(("pathway", "changes", "message"), BAD_OWN)
def test_bad_pathways_are_refused(pathway, changes, message):
    with pytest.raises(ArgumentError, match=message):
        refused(pathway, **changes)


@pytest.mark.parametrize(
    ("pathway", "rule"), [("node_perturbation", "Input population"), ("output_only", "Layer"), ("backprop", "Layer")]
)
def test_what_a_network_must_have_first(pathway, rule):
    with pytest.raises(ArgumentError, match=f"^Pathway: the network has no {rule} yet; add "):
        refused(pathway, fa.Network)
