"""Masks: which synapses of a projection exist, as bool arrays ``(n_pre, n_post)`` or functions that draw them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from spikefa._checks import in_range, positive_int, real_array, whole
from spikefa.errors import ArgumentError

Mask = ArrayLike | Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def random_connectivity(fraction: float) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    r"""Each synapse exists with probability `fraction`, whichever others do.

    Raises
    ------
    ArgumentError
        If the fraction is not from 0 to 1.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> pre, post = (fa.Population(net, name, 50, "I : 1\ns : 1", emit="s = I") for name in ("pre", "post"))
    >>> projection = fa.Projection(net, pre, post, fa.uniform(0.5), mask=fa.random_connectivity(0.1))
    >>> float((projection.W != 0).mean().round(1))
    0.1
    """
    in_range("random_connectivity", "fraction", fraction, 0, 1, rule="be from 0 to 1")
    return lambda rng, shape: rng.random(shape) < fraction


def local_receptive_fields(height: int, width: int, side: int, stride: int, maps: int) -> np.ndarray:
    """Receptive fields as of a convolution, in which every unit has weights of its own.

    Each unit receives a square of `side` x `side` pixels; the squares lie `stride` pixels apart, and those that
    would stick out of the image are left out (no unit receives the pixels beyond the last square).

    Parameters
    ----------
    height, width : int
        Of the image; pixel (y, x) is presynaptic unit ``y * width + x``.
    side : int
        Side of a square.
    stride : int
        Distance of neighbouring squares.
    maps : int
        Number of units that receive the same square.

    Returns
    -------
    ndarray of bool (height * width, maps * rows * columns)
        ``rows = (height - side) // stride + 1``, likewise columns. Post-synaptic units are numbered by
        (map, row, column), the column being fastest.

    Raises
    ------
    ArgumentError
        If a number is not positive and whole, or the square is larger than the image.

    Examples
    --------
    >>> import spikefa as fa
    >>> mask = fa.local_receptive_fields(height=6, width=6, side=3, stride=3, maps=2)
    >>> mask.shape, mask.sum(axis=0).tolist()
    ((36, 8), [9, 9, 9, 9, 9, 9, 9, 9])
    """
    given = {"height": height, "width": width, "side": side, "stride": stride, "maps": maps}
    for name, value in given.items():
        positive_int("local_receptive_fields", name, value)
    if side > min(height, width):
        raise ArgumentError(f"local_receptive_fields: side must fit the {height} x {width} image, got {side}")

    def along(length: int) -> np.ndarray:
        first = np.arange(0, length - side + 1, stride)
        place = np.arange(length)[:, None]
        return (first <= place) & (place < first + side)  # (side, squares)

    one_map = np.kron(along(height), along(width))  # (pixels, rows * columns)
    return np.tile(one_map, (1, maps))


def correlated_receptive_fields(
    images: np.ndarray, pixels: int
) -> Callable[[np.random.Generator, tuple[int, int]], np.ndarray]:
    """Receptive fields of pixels that vary together, found in the images and not in where the pixels lie.

    Each unit has a pixel of its own, drawn with a probability in proportion to the pixel's variance. It receives that
    pixel and those whose intensities correlate most with it. Images whose pixels are in another order give the same
    fields of the same pixels' intensities. With bytes the sums are exact, so that fields do not depend on the machine.

    Parameters
    ----------
    images : ndarray (n, n_pre)
    pixels : int
        Pixels of a field.

    Returns
    -------
    function of (rng, shape)
        Draws the mask, an ndarray of bool ``(n_pre, n_post)`` with `pixels` synapses for each post-synaptic unit.

    Raises
    ------
    ArgumentError
        If the images are not ``(n, n_pre)``, with a pixel for each unit, or fewer pixels vary than a field has.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> digits = fa.datasets.load("digits")
    >>> mask = fa.correlated_receptive_fields(digits.train_images, 12)(np.random.default_rng(0), (64, 5))
    >>> mask.sum(axis=0).tolist()
    [12, 12, 12, 12, 12]
    """
    images = real_array("correlated_receptive_fields", "images", images)
    if images.ndim != 2:
        raise ArgumentError(f"correlated_receptive_fields: images must be (n, pixels), got {images.shape}")
    if not np.isfinite(images).all():
        raise ArgumentError("correlated_receptive_fields: images must be finite")
    n, units = images.shape
    products, sums = np.zeros((units, units)), images.sum(0, dtype=np.float64)
    for start in range(0, n, 8192):
        some = images[start : start + 8192].astype(np.float64)
        products += some.T @ some
    covariance = n * products - np.outer(sums, sums)
    variance = covariance.diagonal()
    varies = np.flatnonzero((images != images[:1]).any(0))  # the variance of equal floats may be rounding
    rule = f"be from 1 to {len(varies)}, the pixels that vary"
    whole("correlated_receptive_fields", "pixels", pixels, 1, len(varies), rule=rule)
    # The order of a row is that of its correlations: the own pixel's deviation is common to them.
    likeness = covariance[np.ix_(varies, varies)] / np.sqrt(variance[varies])
    nearest = varies[np.argsort(-likeness, axis=1, kind="stable")[:, :pixels]]

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        if shape[0] != units:
            raise ArgumentError(
                f"correlated_receptive_fields: the images must have {shape[0]} pixels, one a unit, got {units}"
            )
        mask = np.zeros((units, shape[1]), bool)
        own = rng.choice(len(varies), size=shape[1], p=variance[varies] / variance.sum())
        mask[nearest[own], np.arange(shape[1])[:, None]] = True
        return mask

    return draw
