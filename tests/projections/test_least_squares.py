"""Projections that learn by least squares: the closed form, what is kept, and what is refused."""

import numpy as np
import pytest
from pathway_networks import rate_network, show

import spikefa as fa
from spikefa.brian2_reference import Brian2Reference
from spikefa.core.sandbox import sandboxed
from spikefa.errors import ArgumentError
from spikefa.experiments import checkpoint

FEEDBACK = ("error_output_to_feedback_h2", "feedback_h2_to_feedback_h1")


def network(streams=7, ridge=0.1, **changes):
    return rate_network("node_perturbation_feedback", streams, eta=None, ridge=ridge, **changes)


def signals(net, name):
    projection = net[name]
    target = projection.regression.target
    return projection.pre.view("delta").astype(float), target.view("wanted").astype(float)


@pytest.mark.parametrize(("dtype", "ridge"), [("float64", 3.0), ("float32", 0.1)])
def test_weights_are_the_ridge_regression_of_all_steps_so_far(dtype, ridge, rng):
    """Of the signals that the network itself sends, by one solution for all of them."""
    net = network(ridge=ridge, dtype=dtype)
    x, y = ({name: [] for name in FEEDBACK} for _ in range(2))
    for step in range(4):
        show(net, rng)
        net.run_steps(1)
        for name in FEEDBACK:
            for kept, signal in zip((x, y), signals(net, name), strict=True):
                kept[name].append(signal)
            X, Y = np.hstack(x[name]), np.hstack(y[name])
            expected = np.linalg.solve(ridge * np.eye(len(X)) + X @ X.T, X @ Y.T)
            tolerance = {"float64": 1e-9, "float32": 1e-5}[dtype] * np.abs(expected).max()
            np.testing.assert_allclose(net[name].W, expected, rtol=0, atol=tolerance, err_msg=f"{name}, {step}")
    assert not net[name].b.any()


def test_it_goes_on_from_a_checkpoint_and_evaluations_leave_no_trace(rng, tmp_path):
    nets = [network(dtype="float32") for _ in range(3)]
    for net in nets:
        show(net, np.random.default_rng(3))
    whole, first, second = nets
    whole.run_steps(6)
    first.run_steps(3)
    with sandboxed(first, "recording"):
        first.run_steps(2)
    checkpoint.save(tmp_path / "checkpoint.h5", first, {"epoch": 1}, "")
    checkpoint.load(tmp_path / "checkpoint.h5", second)
    second.run_steps(3)
    for name, array in whole.parameters().items():
        assert np.array_equal(array, second.parameters()[name]), name
    assert any(name.endswith("regression.gram") for name in whole.parameters())


def test_what_it_learns_by_is_told(rng):
    net = network()
    assert "least squares for 'wanted_h2'" in repr(net[FEEDBACK[0]]) and "for 'wanted_h1'" in str(net.summary())
    before = net[FEEDBACK[0]].W.copy()
    net.learns = False
    net.run_steps(1)
    assert np.array_equal(net[FEEDBACK[0]].W, before)


def test_what_cannot_be_is_refused():
    for changes, message in [
        ({"ridge": 0}, "LeastSquaresProjection: gamma must be a finite number, above 0, got 0"),
        ({"ridge": None}, "Pathway node_perturbation_feedback: takes either eta or ridge, got None and None"),
        ({"eta": 0.1}, "takes either eta or ridge, got 0.1 and 0.1"),
        ({"direct": 1}, "node_perturbation_feedback: direct must be"),
    ]:
        with pytest.raises(ArgumentError, match=message):
            rate_network("node_perturbation_feedback", **{"eta": None, "ridge": 0.1} | changes)
    net = network(1)
    with pytest.raises(ArgumentError, match="target must have the 5 units of 'feedback_h1', got 4 of 'wanted_h2'"):
        fa.LeastSquaresProjection(net, "error_output", "feedback_h1", fa.uniform(1), target="wanted_h2", name="more")
    with pytest.raises(ArgumentError, match=r"Brian2Reference: LeastSquaresProjection .*: its kind must be one that"):
        Brian2Reference(net)


def test_a_gamma_that_is_too_small_for_large_outputs_is_named():
    net = fa.Network(streams=2, target="numpy", dtype="float64")
    unit = {"emit": "", "output": "y", "threshold": None}
    pre = fa.Input(net, "pre", 4, "y : 1", stimulus_variable="y", **unit)
    wanted = fa.Population(net, "wanted", 2, "y : 1", **unit)
    post = fa.Population(net, "post", 2, "I : 1\ny : 1", **unit | {"emit": "y = I"})
    fa.LeastSquaresProjection(net, pre, post, fa.uniform(0.5), target=wanted, gamma=1e-14)
    pre.view("y")[...] = 1e4
    with pytest.raises(
        ArgumentError, match=r"'pre->post': gamma must be larger .* 'pre', whose .* singular with 1e-14"
    ):
        net.run_steps(1)
