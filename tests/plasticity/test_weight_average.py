"""Averaged weights: the mean of what learning passed through, tested in the weights' place."""

import numpy as np
import pytest

import spikefa as fa
from spikefa.errors import ArgumentError
from spikefa.experiments import checkpoint


def learn(net, digits, presentations):
    shown = presentations * net.streams
    net.stimulus.show_images(digits.train_images[:shown], digits.train_labels[:shown])
    samples = []
    for _ in range(presentations):
        net.run_steps(net.stimulus.steps_per_image)
        samples.append([p.W.copy() for p in net.projections if p.learning])
    return samples


@pytest.mark.parametrize("streams", [1, 4])
def test_mean_at_first_and_exponential_later(small, digits, streams):
    net = small(streams)
    fa.WeightAverage(net, images=5 * 2 * streams, every=2)
    samples = learn(net, digits, 24)[1::2]
    for number, projection in enumerate(p for p in net.projections if p.learning):
        taken = [sample[number].astype(float) for sample in samples]
        expected = np.mean(taken[:5], axis=0)
        for W in taken[5:]:
            expected = expected + 0.2 * (W - expected)
        before = projection.W.copy()
        with net.averaged():
            np.testing.assert_allclose(projection.W, expected, rtol=0, atol=1e-6)
            assert not np.array_equal(projection.W, before)
        assert np.array_equal(projection.W, before)


def test_averaging_does_not_change_what_is_learned(small, digits):
    one, other = small(3), small(3)
    fa.WeightAverage(one, images=30, every=1)
    for a, b in zip(learn(one, digits, 8)[-1], learn(other, digits, 8)[-1], strict=True):
        assert np.array_equal(a, b)


def test_a_network_without_one_is_tested_as_it_is(small):
    net = small(3)
    W = net.projections[0].W.copy()
    with net.averaged():
        assert np.array_equal(net.projections[0].W, W)


def test_saved_and_loaded(small, digits, tmp_path):
    def made(streams=3):
        net = small(streams)
        fa.WeightAverage(net, images=30, every=1)
        return net

    net, again, tested = made(), made(), made(1)
    learn(net, digits, 6)
    checkpoint.save(tmp_path / "c.h5", net, {"images_seen": 18}, "")
    checkpoint.load(tmp_path / "c.h5", again)
    checkpoint.load_weights(tmp_path / "c.h5", tested)
    with net.averaged(), again.averaged():
        for a, b, c in zip(net.projections, again.projections, tested.projections, strict=True):
            assert np.array_equal(a.W, b.W) and np.array_equal(a.W, c.W) and np.array_equal(a.b, c.b)
    checkpoint.load_weights(tmp_path / "c.h5", tested, averaged=False)
    for a, c in zip(net.projections, tested.projections, strict=True):
        assert np.array_equal(a.W, c.W) and np.array_equal(a.b, c.b)
    learn(net, digits, 3), learn(again, digits, 3)
    assert all(np.array_equal(array, again.parameters()[name]) for name, array in net.parameters().items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": 0}, "images must be a positive whole number, got 0"),
        ({"images": 1.5}, "images must be a positive whole number, got 1.5"),
        ({"images": 9, "every": -1}, "every must be a positive whole number, got -1"),
    ],
)
def test_bad_numbers_are_refused(small, options, message):
    net = small(2)
    with pytest.raises(ArgumentError, match=message):
        fa.WeightAverage(net, **options)
    fa.WeightAverage(net, 10)
    with pytest.raises(ArgumentError, match="has one already"):
        fa.WeightAverage(net, 10)
