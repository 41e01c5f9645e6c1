"""The model of Dargazany 2019: each form's hidden deltas against plain loops, and what is refused."""

import naive
import numpy as np
import pytest

from spikefa.errors import ModelError
from spikefa.experiments import model_file

SIZES = (6, 5, 4, 3)
FORMS = ("backprop", "alignment", "itd_dy", "itd_y", "itd_e", "itd_h", "itd_sub", "output_only")


@pytest.fixture(scope="module")
def itd():
    return model_file.load("dargazany2019_itd")


def test_values_of_the_paper(itd):
    params = itd.params()
    assert (params.sizes, params.eta) == ((784, 32, 32, 32, 10), 1e-3)
    assert itd.params(preset="itd_sub").eta == 1e-2
    net = itd.build(params, streams=50)
    for projection in net.projections:
        fan_in = projection.shape[0] if projection.post in net.layers else projection.shape[1]
        assert 0.9 < abs(projection.W).max() / (2 / fan_in) ** 0.5 <= 1


def test_images_are_less_their_mean(itd, digits):
    prepared = itd.prepare(itd.params(), digits)
    np.testing.assert_allclose(prepared.train_images.mean(axis=0), 0, atol=1e-6)
    between = [data.test_images[0].astype(float) - data.train_images[0] for data in (prepared, digits)]
    np.testing.assert_allclose(*between, atol=1e-6)


def expected(form, y, error, B, W, last):
    """Deltas of the hidden layers, top down, and what the next batch differences; lists of lists."""
    deltas, kept, above, sent = [], [], error, y[-1] if form == "itd_y" else error
    for l in range(len(B) - 1, -1, -1):
        matrix = naive.transposed(W[l + 1]) if form == "backprop" else B[l]
        zeros = [0.0] * len(matrix[0])
        g, sent = naive.propagate(matrix, above, zeros), naive.propagate(matrix, sent, zeros)
        now = {"itd_y": sent, "itd_e": sent, "itd_h": y[l + 1]}.get(form, g)
        before = last[len(kept)] if last else [[0.0] * len(row) for row in now]
        change = [[n - b for n, b in zip(*rows, strict=True)] for rows in zip(now, before, strict=True)]
        if form in ("backprop", "alignment"):
            above = naive.gated(g, y[l + 1])
        elif form == "itd_sub":
            above = naive.gated(change, y[l + 1])
        else:
            above = [[a * c for a, c in zip(*rows, strict=True)] for rows in zip(g, change, strict=True)]
        deltas.append(above)
        kept.append(now)
    return deltas, kept


@pytest.mark.parametrize("form", FORMS)
def test_equals_plain_loops(itd, form, rng):
    """Three batches, each of other images: every weight and bias."""
    streams, eta = 3, 0.3
    params = itd.params({"sizes": SIZES, "pathway": form, "eta": eta, "dtype": "float64", "target": "numpy"})
    net = itd.build(params, streams=streams, seed=3)
    forward = [p for p in net.projections if p.post in net.layers]
    W, b = [p.W.tolist() for p in forward], [p.b.tolist() for p in forward]
    B = [] if form == "output_only" else W[1:]
    if form not in ("output_only", "backprop"):
        B = [net[name].W.tolist() for name in ("feedback_h2_to_feedback_h1", "error_output_to_feedback_h2")]
    last = None
    for _ in range(3):
        images, labels = rng.normal(size=(streams, SIZES[0])), rng.integers(0, SIZES[-1], streams)
        net.stimulus.show_images(images, labels)
        net.run_steps(1)
        y = naive.rate_forward(W, b, images.T.tolist())
        current = naive.propagate(W[-1], y[-2], b[-1])
        for k in range(streams):
            for j, share in enumerate(naive.softmax([row[k] for row in current], 1)):
                y[-1][j][k] = share
        error = [[(y[-1][j][k] - float(labels[k] == j)) / streams for k in range(streams)] for j in range(SIZES[-1])]
        deltas, last = expected(form, y, error, B, W, last)
        hidden = deltas[::-1] if deltas else [None] * (len(SIZES) - 2)
        naive.learn(W, b, y, [*hidden, error], eta)
    for number, projection in enumerate(forward):
        np.testing.assert_allclose(projection.W, W[number], rtol=0, atol=1e-12)
        np.testing.assert_allclose(projection.b, b[number], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sizes": (784, 10)}, r"sizes must name an input, a hidden layer and an output, at least, got \(784, 10\)"),
        ({"pathway": "itd"}, "pathway must be one of backprop, .*, output_only, got 'itd'; did you mean 'itd_y'[?]"),
    ],
)
def test_bad_parameters_are_refused(itd, changes, message):
    with pytest.raises(ModelError, match=f"^Model 'dargazany2019_itd': {message}$"):
        itd.build(itd.params(changes))


STEP = {"sizes": SIZES, "units": "step", "dtype": "float64", "target": "numpy", "eta": 0.3}


def learned(itd, changes, streams=3, batches=1):
    """What each forward projection has learned, and the network."""
    net = itd.build(itd.params(STEP | changes), streams=streams, seed=3)
    rng = np.random.default_rng(5)
    before = [p.W.copy() for p in net.projections if p.post in net.layers]
    for _ in range(batches):
        net.stimulus.show_images(rng.normal(size=(streams, SIZES[0])), rng.integers(0, SIZES[-1], streams))
        net.run_steps(1)
    after = [p.W for p in net.projections if p.post in net.layers]
    return [new - old for new, old in zip(after, before, strict=True)], net


def test_step_units_are_1_or_minus_1_and_have_no_derivative(itd):
    changes, net = learned(itd, {"pathway": "alignment"})
    for layer in net.hidden:
        assert np.array_equal(layer.view("y"), np.where(layer.view("I") > 0, 1, -1))
    assert [np.abs(change).max() > 0 for change in changes] == [False, False, True]


@pytest.mark.parametrize(("psi", "slope"), [("one", np.ones_like), ("surrogate", lambda v: 1 - np.tanh(v) ** 2)])
def test_something_else_stands_for_the_derivative_of_step_units(itd, psi, slope):
    changes, net = learned(itd, {"pathway": "alignment", "psi": psi})
    error = net["output"].view("y") - net["error_output"].view("target")
    B = net["error_output_to_feedback_h2"].W
    delta = B.T @ error / 3 * slope(net["h2"].view("I"))
    np.testing.assert_allclose(changes[1], -0.3 * net["h1"].view("y") @ delta.T, rtol=0, atol=1e-12)


def test_a_difference_moves_step_units_by_each_synapse_as_far(itd):
    """RMSprop: after one batch a synapse has moved by eta / sqrt(1 - decay), whatever the size of two errors."""
    for mean_error in (True, False):
        (*_, change, _), _ = learned(itd, {"pathway": "itd_dy", "rmsprop": 0.75, "eta": 1e-3, "mean_error": mean_error})
        np.testing.assert_allclose(np.abs(change), 2e-3, rtol=1e-3)
