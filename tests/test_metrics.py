import math

import numpy as np
import pytest

from spikefa import metrics
from spikefa.errors import ArgumentError


def test_angle_of_known_vectors():
    assert metrics.angle([[1, 0]], [[0, 3]]) == pytest.approx(90)
    assert metrics.angle([1.0, 0], [1, 1]) == pytest.approx(45)
    assert metrics.angle([1.0, 2], [-2, -4]) == pytest.approx(180)
    assert metrics.angle([1.0, 2], [2, 4]) == pytest.approx(0, abs=1e-6)


def test_angle_follows_the_definition():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 30, 20))
    cosine = (a * b).sum() / math.sqrt((a**2).sum() * (b**2).sum())
    assert metrics.angle(a, b) == pytest.approx(math.degrees(math.acos(cosine)), abs=1e-9)


def test_angle_is_exact_where_the_arc_cosine_is_not():
    tiny = 1e-9  # cos(1e-9 rad) is 1 in double precision
    measured = metrics.angle([1, 0], [math.cos(tiny), math.sin(tiny)])
    assert measured == pytest.approx(math.degrees(tiny), rel=1e-6)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_angle_does_not_depend_on_the_scale(scale):
    assert metrics.angle([scale, 0], [scale, scale]) == pytest.approx(45)


def test_angle_of_float32_and_integers():
    w = np.array([[1, 2], [3, 4]])
    assert metrics.angle(w.astype("f4"), w) == pytest.approx(0, abs=1e-6)


def test_undefined_angles_are_nan_without_a_warning():
    assert math.isnan(metrics.angle(np.zeros((2, 2)), np.ones((2, 2))))
    assert math.isnan(metrics.angle([1, np.nan], [1, 1]))
    assert math.isnan(metrics.angle([1, np.inf], [1, 1]))


def test_unit_angles_are_the_angles_of_rows_and_columns():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 5, 3))
    a[:, 1] = 0
    post = metrics.unit_angles(a, b, 0)
    pre = metrics.unit_angles(a, b, axis=1)
    assert post.shape == (3,) and pre.shape == (5,)
    assert np.isnan(post[1])
    np.testing.assert_allclose(post[[0, 2]], [metrics.angle(a[:, k], b[:, k]) for k in (0, 2)])
    np.testing.assert_allclose(pre, [metrics.angle(x, y) for x, y in zip(a, b, strict=True)])


def test_norm_ratio():
    assert metrics.norm_ratio([[3, 4]], [[0, 10]]) == pytest.approx(0.5)
    assert math.isnan(metrics.norm_ratio([1.0], [0.0]))


def test_relative_error_is_that_of_the_second():
    assert metrics.relative_error([[3, 4]], [[0, 8]]) == pytest.approx(5 / 8)
    assert math.isnan(metrics.relative_error([1.0], [0.0]))


def test_sign_congruence_leaves_out_removed_synapses():
    assert metrics.sign_congruence([1, -1, 2, -3], [5, -1, -2, -1]) == 0.75
    assert metrics.sign_congruence([1, 0, 2, -3], [5, -1, -2, 0]) == 0.5
    assert math.isnan(metrics.sign_congruence([0.0], [1.0]))


def test_normalized_squared_error_is_one_for_the_mean_predictor_and_zero_for_the_perfect_one():
    target = np.random.default_rng(2).normal(3, 1, size=(50, 4))
    assert metrics.normalized_squared_error(target - target.mean(axis=0), target) == pytest.approx(1)
    assert metrics.normalized_squared_error(np.zeros_like(target), target) == 0
    assert metrics.normalized_squared_error(target.T - target.mean(axis=0)[:, None], target.T, axis=1) == pytest.approx(
        1
    )
    assert math.isnan(metrics.normalized_squared_error([[1.0], [2.0]], [[7.0], [7.0]]))


@pytest.mark.parametrize(
    "measure", [metrics.angle, metrics.norm_ratio, metrics.relative_error, metrics.sign_congruence]
)
def test_shapes_that_differ_are_named(measure):
    with pytest.raises(ArgumentError, match=rf"{measure.__name__}: .* same shape, got \(2, 3\) and \(3, 2\)"):
        measure(np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(ArgumentError, match=rf"{measure.__name__}: .* must not be empty"):
        measure([], [])


def test_bad_axes_are_named():
    a = np.ones((2, 3))
    with pytest.raises(ArgumentError, match=r"unit_angles: .* got \(2, 3\) and \(2,\)"):
        metrics.unit_angles(a, np.ones(2), 0)
    with pytest.raises(ArgumentError, match="unit_angles: axis must be one of the 2 axes of a and b, got 2"):
        metrics.unit_angles(a, a, 2)
    with pytest.raises(ArgumentError, match=r"normalized_squared_error: axis must be .* got 5"):
        metrics.normalized_squared_error(a, a, 5)
    with pytest.raises(ArgumentError, match="normalized_squared_error: error and target must have the same shape"):
        metrics.normalized_squared_error(a, a.T)


def test_inputs_are_unchanged():
    a, b = np.array([[1.0, -2.0]]), np.array([[3.0, 4.0]])
    names = ("angle", "norm_ratio", "relative_error", "sign_congruence", "normalized_squared_error")
    for measure in (getattr(metrics, name) for name in names):
        measure(a, b)
    metrics.unit_angles(a, b, 1)
    np.testing.assert_array_equal(a, [[1, -2]])
    np.testing.assert_array_equal(b, [[3, 4]])


def plain_angle(a, b):
    """Kahan's form, of two vectors, in extended precision."""
    u, v = (np.asarray(x, np.longdouble).ravel() for x in (a, b))
    u, v = (x / np.sqrt(np.square(x).sum()) for x in (u / np.abs(u).max(), v / np.abs(v).max()))
    return float(np.degrees(2 * np.arctan2(np.sqrt(np.square(u - v).sum()), np.sqrt(np.square(u + v).sum()))))


@pytest.mark.parametrize("apart", [1.0, 1e-3, 1e-9, 0.0])
@pytest.mark.parametrize("shape", [(300, 250), (2, 40000), (40000, 1)])
@pytest.mark.parametrize("sign", [1, -1])
def test_angles_are_accurate_from_0_to_180_degrees(shape, apart, sign):
    """In blocks, whatever the sizes of rows; a cosine would leave 1e-6 degrees of 1e-9."""
    rng = np.random.default_rng(3)
    a = rng.normal(size=shape) * 10.0 ** rng.integers(-3, 4, (shape[0], 1))
    b = sign * (a + apart * np.abs(a).mean() * rng.normal(size=shape)) * 7
    expected = plain_angle(a, b)
    assert metrics.angle(a, b) == pytest.approx(expected, rel=1e-9, abs=2e-14)
    rows = [plain_angle(*pair) for pair in zip(a[:50], b, strict=False)]
    np.testing.assert_allclose(metrics.unit_angles(a, b, 1)[:50], rows, rtol=1e-6, atol=1e-13)
    assert metrics.whole_ratio(metrics.compared_rows(a, b)) == pytest.approx(metrics.norm_ratio(a, b), rel=1e-12)


def test_angles_do_not_depend_on_the_layout():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 90, 700)).astype("f4")
    f = np.asfortranarray
    for x, y in ((f(a), b), (a, f(b)), (f(a), f(b)), (a.astype(float), b), (np.repeat(a, 2, 0)[::2], b)):
        assert metrics.angle(x, y) == metrics.angle(a, b) == pytest.approx(plain_angle(a, b), rel=1e-12)
        assert np.array_equal(metrics.unit_angles(x, y, 0), metrics.unit_angles(a, b, 0))


def test_rows_of_any_size_and_of_zeros():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 6, 4))
    expected = plain_angle(a[:4], b[:4]), [plain_angle(*pair) for pair in zip(a[:4], b, strict=False)]
    a[4], b[4], a[5], b[5] = 0, 0, 1e-200, 1e-190
    rows = metrics.unit_angles(a, b, 1)
    np.testing.assert_allclose(rows[:4], expected[1])
    assert metrics.angle(a, b) == pytest.approx(expected[0]) and math.isnan(rows[4]) and rows[5] == pytest.approx(0)
    b[4] = [0, 3, 0, 0]
    assert metrics.angle(a, b) == pytest.approx(plain_angle(a, b)) and math.isnan(metrics.unit_angles(a, b, 1)[4])
    for scale in (1e-200, 1e200):
        assert metrics.angle(scale * a, b) == pytest.approx(plain_angle(a, b))
