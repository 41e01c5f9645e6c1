"""Numbers that say how well feedback, weights and outputs agree; arrays in, numbers out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["angle", "norm_ratio", "nse", "sign_congruence", "unit_angles"]


def _pair(owner: str, a: ArrayLike, b: ArrayLike, names: str = "a and b") -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"{owner}: {names} must have the same shape, got {a.shape} and {b.shape}")
    if a.size == 0:
        raise ValueError(f"{owner}: {names} must not be empty, got shape {a.shape}")
    return a, b


def _unit_vectors(x: np.ndarray, axis: int) -> np.ndarray:
    # Dividing by the largest entry first keeps the squares of tiny weights from underflowing.
    x = x / np.abs(x).max(axis=axis, keepdims=True)
    return x / np.sqrt(np.square(x).sum(axis=axis, keepdims=True))


def _angles(a: np.ndarray, b: np.ndarray, axis: int) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        u, v = _unit_vectors(a, axis), _unit_vectors(b, axis)
        # The arc cosine loses half the digits near 0 and 180 degrees; this form (Kahan) does not.
        half = np.arctan2(np.sqrt(np.square(u - v).sum(axis=axis)), np.sqrt(np.square(u + v).sum(axis=axis)))
    return np.degrees(2 * half)


def angle(a: ArrayLike, b: ArrayLike) -> float:
    """Angle between two arrays taken as vectors: arccos(a . b / (|a| |b|)).

    Alignment of a projection with its feedback is ``angle(W, B.T)`` [Lillicrap et al. 2016, Fig. 2b].

    Parameters
    ----------
    a, b : array_like
        Any shape, the same for both.

    Returns
    -------
    float
        Degrees in 0..180; NaN where one of them is all zero or holds a value that is not finite.

    Raises
    ------
    ValueError
        If the shapes differ, or if they are empty.
    """
    a, b = _pair("angle", a, b)
    return float(_angles(a.ravel(), b.ravel(), 0))


def unit_angles(a: ArrayLike, b: ArrayLike, axis: int) -> np.ndarray:
    """Angle between the vectors that each unit has in `a` and in `b`, as in `angle`.

    Parameters
    ----------
    a, b : array_like
        The same shape for both.
    axis : int
        The axis that the vectors lie along, which the result lacks. With W and B.T of shape (n_pre, n_post),
        0 compares the incoming weights of each postsynaptic unit, 1 the outgoing ones of each presynaptic.

    Returns
    -------
    ndarray
        Degrees in 0..180, NaN where a vector is zero.

    Raises
    ------
    ValueError
        If the shapes differ, or if there is no such axis.
    """
    a, b = _pair("unit_angles", a, b)
    if not -a.ndim <= axis < a.ndim:
        raise ValueError(f"unit_angles: axis must be one of the {a.ndim} axes of a and b, got {axis}")
    return _angles(a, b, axis)


def norm_ratio(a: ArrayLike, b: ArrayLike) -> float:
    """Ratio of the Frobenius norms, |a| / |b|; NaN where `b` is all zero.

    Raises
    ------
    ValueError
        If the shapes differ, or if they are empty.
    """
    a, b = _pair("norm_ratio", a, b)
    below = np.linalg.norm(b)
    return float(np.linalg.norm(a) / below) if below else float("nan")


def sign_congruence(a: ArrayLike, b: ArrayLike) -> float:
    """Fraction of the entries whose signs agree, mean(sign(a) == sign(b)).

    Entries that are zero (removed synapses) in either array have no sign and are not counted; 0.5 is chance,
    NaN means that none is left.

    Raises
    ------
    ValueError
        If the shapes differ, or if they are empty.
    """
    a, b = _pair("sign_congruence", a, b)
    counted = (a != 0) & (b != 0)
    return float(np.mean(np.sign(a[counted]) == np.sign(b[counted]))) if counted.any() else float("nan")


def nse(error: ArrayLike, target: ArrayLike, axis: int = 0) -> float:
    """Normalised squared error, sum(error**2) / sum((target - mean(target))**2).

    The denominator is the squared error of the best constant guess: 1 means nothing learned, 0 perfect
    [Lillicrap et al. 2016, Figs 2 and 3].

    Parameters
    ----------
    error : array_like
        Target minus output, or its negative.
    target : array_like
        The same shape as `error`.
    axis : int
        The axis of the examples, averaged by the mean: 0 for (examples, outputs), 1 for (units, streams).

    Returns
    -------
    float
        NaN where the target never varies.

    Raises
    ------
    ValueError
        If the shapes differ, or if there is no such axis.
    """
    error, target = _pair("nse", error, target, "error and target")
    if not -target.ndim <= axis < target.ndim:
        raise ValueError(f"nse: axis must be one of the {target.ndim} axes of the target, got {axis}")
    below = np.square(target - target.mean(axis=axis, keepdims=True)).sum()
    return float(np.square(error).sum() / below) if below else float("nan")
