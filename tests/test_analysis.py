import math

import numpy as np
import pytest

from spikefa import analysis


def test_angle_of_known_vectors():
    assert analysis.angle([[1, 0]], [[0, 3]]) == pytest.approx(90)
    assert analysis.angle([1.0, 0], [1, 1]) == pytest.approx(45)
    assert analysis.angle([1.0, 2], [-2, -4]) == pytest.approx(180)
    assert analysis.angle([1.0, 2], [2, 4]) == pytest.approx(0, abs=1e-6)


def test_angle_follows_the_definition():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 30, 20))
    cosine = (a * b).sum() / math.sqrt((a**2).sum() * (b**2).sum())
    assert analysis.angle(a, b) == pytest.approx(math.degrees(math.acos(cosine)), abs=1e-9)


def test_angle_is_exact_where_the_arc_cosine_is_not():
    tiny = 1e-9  # cos(1e-9 rad) is 1 in double precision
    measured = analysis.angle([1, 0], [math.cos(tiny), math.sin(tiny)])
    assert measured == pytest.approx(math.degrees(tiny), rel=1e-6)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_angle_does_not_depend_on_the_scale(scale):
    assert analysis.angle([scale, 0], [scale, scale]) == pytest.approx(45)


def test_angle_of_float32_and_integers():
    w = np.array([[1, 2], [3, 4]])
    assert analysis.angle(w.astype("f4"), w) == pytest.approx(0, abs=1e-6)


def test_undefined_angles_are_nan_without_a_warning():
    assert math.isnan(analysis.angle(np.zeros((2, 2)), np.ones((2, 2))))
    assert math.isnan(analysis.angle([1, np.nan], [1, 1]))
    assert math.isnan(analysis.angle([1, np.inf], [1, 1]))


def test_unit_angles_are_the_angles_of_rows_and_columns():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 5, 3))
    a[:, 1] = 0
    post = analysis.unit_angles(a, b, 0)
    pre = analysis.unit_angles(a, b, axis=1)
    assert post.shape == (3,) and pre.shape == (5,)
    assert np.isnan(post[1])
    np.testing.assert_allclose(post[[0, 2]], [analysis.angle(a[:, k], b[:, k]) for k in (0, 2)])
    np.testing.assert_allclose(pre, [analysis.angle(x, y) for x, y in zip(a, b, strict=True)])


def test_norm_ratio():
    assert analysis.norm_ratio([[3, 4]], [[0, 10]]) == pytest.approx(0.5)
    assert math.isnan(analysis.norm_ratio([1.0], [0.0]))


def test_sign_congruence_leaves_out_removed_synapses():
    assert analysis.sign_congruence([1, -1, 2, -3], [5, -1, -2, -1]) == 0.75
    assert analysis.sign_congruence([1, 0, 2, -3], [5, -1, -2, 0]) == 0.5
    assert math.isnan(analysis.sign_congruence([0.0], [1.0]))


def test_nse_is_one_for_the_mean_predictor_and_zero_for_the_perfect_one():
    target = np.random.default_rng(2).normal(3, 1, size=(50, 4))
    assert analysis.nse(target - target.mean(axis=0), target) == pytest.approx(1)
    assert analysis.nse(np.zeros_like(target), target) == 0
    assert analysis.nse(target.T - target.mean(axis=0)[:, None], target.T, axis=1) == pytest.approx(1)
    assert math.isnan(analysis.nse([[1.0], [2.0]], [[7.0], [7.0]]))


@pytest.mark.parametrize("measure", [analysis.angle, analysis.norm_ratio, analysis.sign_congruence])
def test_shapes_that_differ_are_named(measure):
    with pytest.raises(ValueError, match=rf"{measure.__name__}: .* same shape, got \(2, 3\) and \(3, 2\)"):
        measure(np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(ValueError, match=rf"{measure.__name__}: .* must not be empty"):
        measure([], [])


def test_bad_axes_are_named():
    a = np.ones((2, 3))
    with pytest.raises(ValueError, match=r"unit_angles: .* got \(2, 3\) and \(2,\)"):
        analysis.unit_angles(a, np.ones(2), 0)
    with pytest.raises(ValueError, match="unit_angles: axis must be one of the 2 axes of a and b, got 2"):
        analysis.unit_angles(a, a, 2)
    with pytest.raises(ValueError, match=r"nse: axis must be .* got 5"):
        analysis.nse(a, a, 5)
    with pytest.raises(ValueError, match="nse: error and target must have the same shape"):
        analysis.nse(a, a.T)


def test_inputs_are_unchanged():
    a, b = np.array([[1.0, -2.0]]), np.array([[3.0, 4.0]])
    for measure in (analysis.angle, analysis.norm_ratio, analysis.sign_congruence, analysis.nse):
        measure(a, b)
    analysis.unit_angles(a, b, 1)
    np.testing.assert_array_equal(a, [[1, -2]])
    np.testing.assert_array_equal(b, [[3, 4]])
