"""Every pathway through the same checks: plain loops, gradients, determinism, resuming, evaluation, stock Brian2."""

from zlib import crc32

import naive
import numpy as np
import pytest
from pathway_networks import (
    ETA,
    NOISE,
    PATHWAYS,
    RATE,
    SCALE,
    STRINGS,
    WITH_COPIES,
    add,
    assert_same,
    every_pathway,
    forward,
    rate_network,
    show,
    spiking_network,
    state_of,
)

import spikefa as fa
from spikefa.brian2_reference import Brian2Reference
from spikefa.core.sandbox import sandboxed
from spikefa.diagnostics import evaluation
from spikefa.engine.kernels.philox import fill_normal, object_id
from spikefa.errors import ArgumentError
from spikefa.experiments import checkpoint


def noise_numbers(net, layer, step):
    out = np.empty(layer.units * net.streams, net.dtype)
    fill_normal(out, net.seed, step, object_id(layer.name), 0)
    return NOISE * out.reshape(layer.units, net.streams)


def expected_deltas(net, pathway, W, b, y, fixed, step):
    """The deltas of one step by plain loops, bottom up; None where a layer has none."""
    target = net.error.view("target").tolist()
    hidden = W[1:]
    if pathway == "alignment":
        return naive.deltas_down(y, target, fixed[::-1])
    if pathway == "backprop":
        return naive.deltas_down(y, target, [naive.transposed(w) for w in hidden])
    if pathway == "direct":
        return naive.deltas_direct(y, target, fixed[::-1])
    if pathway == "indirect":
        return naive.deltas_up(y, target, fixed[0], W)
    if pathway == "output_only":
        return [None] * len(hidden) + [naive.top_delta(y, target)]
    if pathway == "pseudobackprop":
        if step % 3 == 0:
            fixed[:] = [np.linalg.pinv(np.array(w)).tolist() for w in hidden]
        return naive.deltas_down(y, target, fixed)
    if pathway == "sign_symmetric":
        return naive.deltas_down(y, target, [naive.signs(naive.transposed(w), SCALE) for w in hidden])
    if pathway == "shuffled_feedback":
        names = ["feedback_h2_to_feedback_h1", "error_output_to_feedback_h2"]
        shuffled = []
        for name, matrix in zip(names, fixed[::-1], strict=True):
            order = np.random.default_rng([net.seed, crc32(name.encode()), step]).permutation(len(matrix[0]))
            shuffled.append([[row[j] for j in order] for row in matrix])
        return naive.deltas_down(y, target, shuffled)
    noise = [noise_numbers(net, layer, step).tolist() for layer in net.layers]
    if pathway == "node_perturbation_feedback":
        deltas = naive.deltas_down(y, target, fixed[::-1])
        noisy = naive.rate_forward(W, b, y[0], noise[:-1], on_outputs=True)
        fixed[::-1] = naive.predictive_feedback(fixed[::-1], deltas, y, noisy, target, noise, NOISE, ETA)
        return deltas
    noisy = naive.rate_forward(W, b, y[0], noise)
    return naive.deltas_perturbed(y, noisy, target, noise, NOISE)


@every_pathway
@pytest.mark.parametrize("streams", [1, 2, 7])
def test_equals_plain_loops(pathway, streams, rng):
    """Every delta and weight after one step and after four, against one-unit-at-a-time Python."""
    net = rate_network(pathway, streams)
    learned = forward(net)
    fixed = [
        p.W.tolist()
        for p in net.projections
        if type(p) in (fa.Projection, fa.ShuffledProjection) and p not in learned and "change" not in p.name
    ]
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
        follows = isinstance(projection, fa.TiedProjection | fa.DerivedProjection)
        assert projection.W.shape == projection.shape == (projection.pre.units, projection.post.units)
        if projection.learning is not None:
            assert moved, projection.name
        elif not follows:
            assert not moved, projection.name
    hidden_learn = [p.learning is not None for p in forward(net)]
    assert hidden_learn == [pathway != "output_only", pathway != "output_only", True]


@every_pathway
def test_without_an_error_nothing_changes(pathway, rng):
    """Except by node perturbation, where noise raises the loss of a perfect answer, to the second order."""
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
    guesses = evaluation.predict(looked, digits.test_images[:30], 5)
    alone = spiking_network(model, "output_only", 3)
    for projection, same in zip(forward(alone), forward(looked), strict=True):
        projection.W, projection.b = same.W, same.b
    assert np.array_equal(guesses, evaluation.predict(alone, digits.test_images[:30], 5))
    with sandboxed(looked, "recording"):
        looked.stimulus.show_images(digits.test_images[:6])
        looked.run_steps(8)
    looked.run_steps(9)
    assert_same(state_of(plain), state_of(looked))


def stock_and_fast(net, digits):
    """Run a network and its stock twin side by side, and compare all that they have."""
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


@pytest.mark.parametrize("pathway", [p for p in PATHWAYS if p not in WITH_COPIES])
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
    add(
        made,
        pathway,
        STRINGS | {k: v for k, v in changes.items() if k in STRINGS},
        PATHWAYS[pathway] | {k: v for k, v in changes.items() if k not in STRINGS},
    )
    made.run_steps(1)


BAD = [
    *[
        (
            p,
            {"net": fa.Network},
            "the network has no Input population yet" if p in WITH_COPIES else "the network has no Layer yet",
        )
        for p in PATHWAYS
    ],
    *[
        (p, {"error": "delta : 1"}, "ErrorPopulation 'error_output': the equations must have the parameter 'target'")
        for p in PATHWAYS
        if p != "node_perturbation"
    ],
    *[
        (p, {"feedback": "delta : 1"}, "the equations of 'feedback_h1' must have the parameter 'J', which")
        for p in PATHWAYS
        if p not in ("node_perturbation", "output_only")
    ],
    *[
        (p, {"emit": "delta = layer_q"}, "'layer_q' needs a variable 'q' of layer 'h1', which has")
        for p in PATHWAYS
        if p not in ("node_perturbation", "output_only")
    ],
    *[
        (p, {"B": np.zeros((3, 4))}, r"Projection 'error_output->feedback_h1': weights must be \(2, 4\), got \(3, 4\)")
        for p, own in PATHWAYS.items()
        if "B" in own
    ],
    *[
        (p, {"B": np.full((2, 4), np.nan)}, "weights must be finite, got 8 that are not")
        for p, own in PATHWAYS.items()
        if "B" in own
    ],
    *[
        (p, {}, "there is no projection 'h1_to_output'; there are")
        for p in ("backprop", "pseudobackprop", "sign_symmetric")
    ],
    *[
        (p, changes, message)
        for p in WITH_COPIES
        for changes, message in [
            ({}, "'image->noisy_h1': there is no projection 'image_to_h1'; there are"),
            ({"noise": 0}, "PerturbedCopy 'noisy_h1': noise must be a positive number, got 0"),
            ({"noise": "a"}, "PerturbedCopy 'noisy_h1': noise must be a positive number, got 'a'"),
            ({"loss": "layer_q**2"}, "'layer_q' needs a variable 'q' of layer 'output'"),
        ]
    ],
    ("node_perturbation_feedback", {"eta": np.nan}, "constant 'eta' must be a finite number, got nan"),
    ("sign_symmetric", {"scale": np.inf}, "scale must be a finite number, got inf"),
    ("sign_symmetric", {"scale": "a"}, "scale must be a finite number, got 'a'"),
    ("pseudobackprop", {"every": 0}, "'error_output->feedback_h1': every must be a positive whole number of steps"),
]


@pytest.mark.parametrize(("pathway", "changes", "message"), BAD)
def test_bad_pathways_are_refused(pathway, changes, message):
    with pytest.raises(ArgumentError, match=message):
        refused(pathway, **changes)
