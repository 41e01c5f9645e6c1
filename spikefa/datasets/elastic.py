"""Elastic distortions of images, for more training images than there are.

Simard, Steinkraus & Platt (2003). Best practices for convolutional neural networks applied to visual document
analysis. ICDAR.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from spikefa._checks import in_range
from spikefa.errors import ArgumentError


def elastic(
    images: np.ndarray,
    shape: tuple[int, int],
    rng: np.random.Generator,
    sigma: float = 4.0,
    alpha: float = 34.0,
    fill: float = 0.0,
) -> np.ndarray:
    """Move every pixel by a smooth random displacement, another one for each image.

    The two components of the displacements are uniform in [-1, 1], smoothed with a Gaussian, and multiplied by
    `alpha`. Between pixels the image is interpolated linearly.

    Parameters
    ----------
    images : ndarray (n, height * width)
        uint8, or floats of any range.
    shape : (int, int)
        Height and width.
    rng : Generator
        The same state gives the same distortions.
    sigma : float
        Standard deviation of the Gaussian, in pixels.
    alpha : float
        Strength; 34 with a `sigma` of 4 moves a pixel inside the image by 1.4 pixels (standard deviation of each
        component), one at the border, where the smoothing meets zeros, by less.
    fill : float
        What is outside the image.

    Returns
    -------
    ndarray (n, height * width)
        Of the images' type; uint8 is rounded.

    Raises
    ------
    ArgumentError
        If an argument is outside its range; the message gives the value.
    """
    images = np.asarray(images)
    height, width = shape
    if images.ndim != 2 or images.shape[1] != height * width:
        raise ArgumentError(f"elastic: images must be (n, {height * width}) for shape {shape}, got {images.shape}")
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise ArgumentError(f"elastic: images must be uint8 or floats, got {images.dtype}")
    in_range("elastic", "sigma", sigma, 0, open_low=True)
    in_range("elastic", "alpha", alpha, 0)
    kind = np.float64 if images.dtype == np.float64 else np.float32
    moves = rng.random((2, len(images), height, width), dtype=np.float32) * 2 - 1
    # Two small products an image take a tenth of the time of the same filter in scipy.
    moves = alpha * (_smoother(height, sigma) @ moves @ _smoother(width, sigma).T)
    rows, row_parts = _places(moves[0] + np.arange(height, dtype=np.float32)[:, None], height)
    columns, column_parts = _places(moves[1] + np.arange(width, dtype=np.float32), width)
    padded = np.full((len(images), height + 2, width + 2), fill, kind)
    padded[:, 1:-1, 1:-1] = images.reshape(-1, height, width)
    flat, stride = padded.reshape(-1), width + 2
    here = rows * stride + columns + np.arange(len(images))[:, None, None] * (height + 2) * stride
    upper = flat[here] + column_parts * (flat[here + 1] - flat[here])
    here += stride
    lower = flat[here] + column_parts * (flat[here + 1] - flat[here])
    moved = (upper + row_parts * (lower - upper)).reshape(images.shape)
    return np.rint(moved).astype(np.uint8) if images.dtype == np.uint8 else moved.astype(images.dtype, copy=False)


@lru_cache(maxsize=16)
def _smoother(size: int, sigma: float) -> np.ndarray:
    """Return the Gaussian filter of scipy, with zeros outside, as a matrix (size, size)."""
    from scipy.ndimage import gaussian_filter1d  # takes a while to import

    matrix = gaussian_filter1d(np.eye(size), sigma, axis=0, mode="constant").astype(np.float32)
    matrix.setflags(write=False)
    return matrix


def _places(position: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Split positions into whole ones, as indices of an image with a border of 1, and the rest."""
    position = np.clip(position, -1, size)  # farther outside it looks the same
    whole = np.minimum(np.floor(position), size - 1)
    return whole.astype(np.intp) + 1, position - whole
