"""Tasks of function approximation: the functions, written a second time, and the distributions."""

import numpy as np
import pytest

from spikefa.datasets import load, synthetic

PARTS = ("train", "test")


def examples(task):
    return [(getattr(task, f"{part}_images"), getattr(task, f"{part}_targets")) for part in PARTS]


def uniform(values, bound):
    """Whether values fill [-bound, bound] evenly."""
    values = np.ravel(values)
    assert np.abs(values).max() <= bound and np.abs(values).max() > 0.9 * bound
    assert abs(values.mean()) < 0.2 * bound and values.std() == pytest.approx(bound / np.sqrt(3), rel=0.15)


def test_linear():
    task, T = synthetic.linear(seed=7, train=400, test=300), synthetic.linear_map(seed=7)
    assert T.shape == (10, 30) and task.train_images.shape == (400, 30) and task.test_targets.shape == (300, 10)
    uniform(T, 1)
    for x, y in examples(task):
        for n in range(0, 300, 50):
            np.testing.assert_allclose(y[n], [sum(T[k, i] * x[n, i] for i in range(30)) for k in range(10)])
        assert x.mean() == pytest.approx(0, abs=0.03) and x.std() == pytest.approx(1, abs=0.03)
        assert np.mean(np.abs(x) > 2) == pytest.approx(0.0455, abs=0.01)


def test_identity_is_the_same_map():
    task = synthetic.identity(seed=7)
    assert np.array_equal(task.train_images, np.eye(30)) and np.array_equal(task.test_images, np.eye(30))
    for _, y in examples(task):
        assert np.array_equal(y, synthetic.linear_map(seed=7).T)


def test_teacher():
    task, weights = synthetic.teacher(seed=2, train=200), synthetic.teacher_weights(seed=2)
    assert [W.shape for W, _ in weights] == [(30, 20), (20, 10), (10, 10)]
    for W, b in weights:
        uniform(W, 0.5)
        assert b.shape == W.shape[1:] and 0 < np.abs(b).max() <= 0.5
    (W1, b1), (W2, b2), (W3, b3) = weights
    for x, y in examples(task):
        np.testing.assert_allclose(y, np.tanh(np.tanh(x @ W1 + b1) @ W2 + b2) @ W3 + b3)
    narrow = synthetic.teacher((4, 3), weight_range=0.1, train=50)
    ((W, b),) = synthetic.teacher_weights((4, 3), 0.1)
    assert np.abs(W).max() <= 0.1
    np.testing.assert_allclose(narrow.train_targets, narrow.train_images @ W + b)  # the output is linear


def test_quadratic():
    task, Q = synthetic.quadratic(seed=3, train=300, test=100), synthetic.quadratic_forms(seed=3)
    assert Q.shape == (20, 20, 20)
    uniform(Q, 0.5)
    for x, y in examples(task):
        uniform(x, 2)
        for n in range(0, 100, 20):
            np.testing.assert_allclose(y[n], [x[n] @ Q[k] @ x[n] for k in range(20)])


def test_xor():
    task = synthetic.xor()
    for x, y in examples(task):
        assert {(*row, *out) for row, out in zip(x.tolist(), y.tolist(), strict=True)} == {
            (0, 0, 0),
            (0, 1, 1),
            (1, 0, 1),
            (1, 1, 0),
        }
    signs = synthetic.xor(-1, 1)
    np.testing.assert_array_equal(signs.train_targets[:, 0], -signs.train_images.prod(axis=1))
    often = synthetic.xor(repeats=3)
    assert len(often.train_images) == 12 and np.array_equal(often.train_images[4:8], task.train_images)
    assert np.array_equal(often.train_targets[8:], task.train_targets) and len(often.test_images) == 4


@pytest.mark.parametrize("make", [synthetic.linear, synthetic.teacher, synthetic.quadratic])
def test_the_seed_decides(make):
    one, same, longer, other = make(train=20), make(train=20), make(train=50), make(seed=1, train=20)
    for (x, y), (x2, y2) in zip(examples(one), examples(same), strict=True):
        assert np.array_equal(x, x2) and np.array_equal(y, y2)
    np.testing.assert_array_equal(longer.train_images[:20], one.train_images)
    np.testing.assert_allclose(longer.train_targets[:20], one.train_targets)
    assert not np.isin(one.train_images, other.train_images).any()
    assert not np.isin(one.train_images, one.test_images).any()


@pytest.mark.parametrize("name", ["linear", "teacher", "quadratic", "xor"])
def test_loaded_by_name(name):
    loaded, made = load(name), synthetic.xor(repeats=250) if name == "xor" else getattr(synthetic, name)()
    assert loaded.name == name and loaded.classes is None and loaded.limits is None
    assert np.array_equal(loaded.train_targets, made.train_targets)
