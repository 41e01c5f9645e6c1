"""Numbers that say how well feedback, weights and outputs agree; arrays in, numbers out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from spikefa._checks import real_array, whole
from spikefa.errors import ArgumentError

__all__ = ["angle", "norm_ratio", "normalized_squared_error", "sign_congruence", "unit_angles"]

#: Entries of the blocks in which matrices are compared, few enough to stay in a processor's cache.
BLOCK = 32768


def _pair(owner: str, a: ArrayLike, b: ArrayLike, names: str = "a and b") -> tuple[np.ndarray, np.ndarray]:
    a, b = _checked(owner, a, b, names)
    return a.astype(np.float64, copy=False), b.astype(np.float64, copy=False)


def _checked(owner: str, a: ArrayLike, b: ArrayLike, names: str = "a and b") -> tuple[np.ndarray, np.ndarray]:
    a, b = (real_array(owner, name, x) for name, x in zip(names.split(" and "), (a, b), strict=True))
    a, b = (x if x.dtype.kind == "f" else x.astype(np.float64) for x in (a, b))
    if a.shape != b.shape:
        raise ArgumentError(f"{owner}: {names} must have the same shape, got {a.shape} and {b.shape}")
    if a.size == 0:
        raise ArgumentError(f"{owner}: {names} must not be empty, got shape {a.shape}")
    return a, b


def blocks(shape: tuple[int, int]) -> Iterator[slice]:
    """Return blocks of a matrix's rows, of about `BLOCK` entries."""
    rows = max(1, BLOCK // shape[1])
    return (slice(start, start + rows) for start in range(0, shape[0], rows))


def compared_rows(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Compare two matrices row by row: in one pass over both, and without copies of them.

    Parameters
    ----------
    a, b : ndarray (rows, columns)
        Of any float type, and laid out in memory in any way.

    Returns
    -------
    ndarray (4, rows)
        The norms of a row in `a` and in `b`; and, of its unit vectors u and v, ``|u - v|**2`` and ``|u + v|**2``,
        NaN where one of them is zero. `row_angles`, `whole_angle` and `whole_ratio` follow from these.
    """
    sums = np.empty((4, len(a)))
    with np.errstate(all="ignore"):
        for rows in blocks(a.shape):
            u, v = (np.array(x[rows], np.float64, order="C") for x in (a, b))
            sums[0, rows], sums[1, rows] = _normalise(u), _normalise(v)
            apart = u - v
            u += v
            sums[2, rows], sums[3, rows] = _squares(apart), _squares(u)
    return sums


def _squares(x: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", x, x)


def _normalise(x: np.ndarray) -> np.ndarray:
    """Divide the rows by their norms, in place; return these."""
    squares, largest = _squares(x), 1.0
    if not ((squares > 1e-280) & (squares < 1e280)).all():
        # Dividing by the largest entry first keeps squares from being lost. A row of zeros becomes one of NaN.
        largest = np.abs(x).max(axis=1)
        x /= largest[:, None]
        squares = _squares(x)
    norms = np.sqrt(squares)
    x /= norms[:, None]
    return np.where(largest == 0, 0.0, largest * norms)


def _norm(x: np.ndarray) -> float:
    largest = float(x.max())
    return largest * float(np.sqrt(np.square(x / largest).sum())) if 0 < largest < np.inf else largest


def _from_squares(apart: np.ndarray | float, together: np.ndarray | float) -> np.ndarray:
    # The arc cosine loses half the digits near 0 and 180 degrees; this form (Kahan) does not.
    return np.degrees(2 * np.arctan2(np.sqrt(apart), np.sqrt(together)))


def row_angles(sums: np.ndarray) -> np.ndarray:
    """Return the degrees between the rows of two matrices, ``(rows,)``, from `compared_rows`."""
    return _from_squares(sums[2], sums[3])


def whole_angle(sums: np.ndarray) -> float:
    """Return the degrees between two matrices taken as vectors, from `compared_rows`.

    With the rows' shares p and q of the two norms, ``|p u - q v|**2 = (p - q)**2 + p q |u - v|**2``, in which nothing
    cancels.
    """
    above, below, apart, together = sums
    with np.errstate(all="ignore"):
        p, q = above / _norm(above), below / _norm(below)
        both, squares = np.where(p * q == 0, 0.0, p * q), np.square(p - q)
        # A row that is zero in one of them, whose unit vectors are NaN, has only the first term.
        apart, together = (squares + np.where(both == 0, 0.0, both * x) for x in (apart, together))
    return float(_from_squares(apart.sum(), together.sum()))


def whole_ratio(sums: np.ndarray) -> float:
    """Return the norm of one matrix over that of the other, from `compared_rows`; NaN if the other is zero."""
    below = _norm(sums[1])
    return _norm(sums[0]) / below if below else float("nan")


def angle(a: ArrayLike, b: ArrayLike) -> float:
    """Return the angle between two arrays taken as vectors: ``arccos(<a, b> / (|a| |b|))``.

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
    ArgumentError
        If the shapes differ, or if they are empty.

    Examples
    --------
    >>> import spikefa as fa
    >>> float(fa.metrics.angle([[1, 0]], [[0, 2]]))
    90.0
    """
    a, b = _checked("angle", a, b)
    rows = len(a) if a.ndim > 1 else 1
    return whole_angle(compared_rows(a.reshape(rows, -1), b.reshape(rows, -1)))


def unit_angles(a: ArrayLike, b: ArrayLike, axis: int) -> np.ndarray:
    """Return the angle between the vectors that each unit has in `a` and in `b`, as in `angle`.

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
    ArgumentError
        If the shapes differ, or if there is no such axis.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> fa.metrics.unit_angles(np.eye(2), np.ones((2, 2)), axis=0).round(3).tolist()
    [45.0, 45.0]
    """
    a, b = _checked("unit_angles", a, b)
    whole("unit_angles", "axis", axis, -a.ndim, a.ndim - 1, rule=f"be one of the {a.ndim} axes of a and b")
    a, b = (np.moveaxis(x, axis, -1) for x in (a, b))
    columns = a.shape[-1]
    return row_angles(compared_rows(a.reshape(-1, columns), b.reshape(-1, columns))).reshape(a.shape[:-1])


def norm_ratio(a: ArrayLike, b: ArrayLike) -> float:
    """Return the ratio of the Frobenius norms, ``|a| / |b|``; NaN if `b` is all zero.

    Raises
    ------
    ArgumentError
        If the shapes differ, or if they are empty.

    Examples
    --------
    >>> import spikefa as fa
    >>> float(fa.metrics.norm_ratio([[3, 4]], [[0, 1]]))
    5.0
    """
    a, b = _pair("norm_ratio", a, b)
    below = np.linalg.norm(b)
    return float(np.linalg.norm(a) / below) if below else float("nan")


def relative_error(a: ArrayLike, b: ArrayLike) -> float:
    """Return the norm of the difference of two arrays over that of the second, ``|a - b| / |b|``; NaN if that is zero.

    Raises
    ------
    ArgumentError
        If the shapes differ, or if they are empty.

    Examples
    --------
    >>> import spikefa as fa
    >>> float(fa.metrics.relative_error([[3, 4]], [[3, 3]]))  # doctest: +ELLIPSIS
    0.235...
    """
    a, b = _pair("relative_error", a, b)
    return norm_ratio(a - b, b)


def sign_congruence(a: ArrayLike, b: ArrayLike) -> float:
    """Return the fraction of the entries whose signs agree, mean(sign(a) == sign(b)).

    Entries that are zero (removed synapses) in either array have no sign and are not counted; 0.5 is chance,
    NaN means that none is left.

    Raises
    ------
    ArgumentError
        If the shapes differ, or if they are empty.

    Examples
    --------
    >>> import spikefa as fa
    >>> float(fa.metrics.sign_congruence([1, -1, 2, 3], [1, 1, 1, 1]))
    0.75
    """
    a, b = _pair("sign_congruence", a, b)
    counted = (a != 0) & (b != 0)
    return float(np.mean(np.sign(a[counted]) == np.sign(b[counted]))) if counted.any() else float("nan")


def normalized_squared_error(error: ArrayLike, target: ArrayLike, axis: int = 0) -> float:
    """Return the normalised squared error, sum(error**2) / sum((target - mean(target))**2).

    The denominator is the squared error of the best constant guess: 1 means nothing learned, 0 perfect
    [Lillicrap et al. 2016, Figs 2 and 3].

    Parameters
    ----------
    error : array_like
        Target minus output, or its negative.
    target : array_like
        The same shape as `error`.
    axis : int
        The axis of the examples, averaged by the mean: 0 for (examples, outputs), 1 for (units, examples).

    Returns
    -------
    float
        NaN where the target never varies.

    Raises
    ------
    ArgumentError
        If the shapes differ, or if there is no such axis.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> target = np.array([[0.0], [1.0], [2.0]])
    >>> float(fa.metrics.normalized_squared_error(target - target.mean(), target))  # of the best constant answer
    1.0
    """
    error, target = _pair("normalized_squared_error", error, target, "error and target")
    rule = f"be one of the {target.ndim} axes of the target"
    whole("normalized_squared_error", "axis", axis, -target.ndim, target.ndim - 1, rule=rule)
    below = np.square(target - target.mean(axis=axis, keepdims=True)).sum()
    return float(np.square(error).sum() / below) if below else float("nan")
