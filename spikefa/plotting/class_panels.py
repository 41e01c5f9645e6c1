"""Panels of what a network answers: confusion matrix, images, tuning and time courses by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from spikefa._checks import in_range, real_array, refuse
from spikefa.errors import ArgumentError
from spikefa.plotting.style import TICKS, check_axes, check_classes, class_colours, new_axes, styled


def plot_confusion(labels: ArrayLike, predictions: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Draw a confusion matrix: of the images of each class, the per cent that were answered as each class.

    Parameters
    ----------
    labels, predictions : array_like of int (n,)
        Classes from 0.
    ax : Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If they are no classes, or not equally many.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> ax = fa.plotting.plot_confusion(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2]))
    """
    check_axes("plot_confusion", ax)
    labels, predictions = (
        check_classes("plot_confusion", name, own) for name, own in (("labels", labels), ("predictions", predictions))
    )
    if labels.shape != predictions.shape:
        raise ArgumentError(
            f"plot_confusion: predictions must be as many as labels, {len(labels)}, got {len(predictions)}"
        )
    classes = int(max(labels.max(), predictions.max())) + 1
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels, predictions), 1)
    shown = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with styled(ax is None):
        ax = new_axes(3.5, 3.0) if ax is None else ax
        image = ax.imshow(shown, cmap="Blues", vmin=0, vmax=100)
        for true, said in np.argwhere(counts > 0):
            value = shown[true, said]
            text = f"{value:.0f}" if value >= 1 else f"{value:.1f}"
            ax.text(
                said, true, text, ha="center", va="center", fontsize=5.5, color="white" if value > 60 else "#1a1a1a"
            )
        ax.set_xticks(range(classes))
        ax.set_yticks(range(classes))
        ax.tick_params(length=0)
        ax.set_xlabel("Answered class")
        ax.set_ylabel("Class of the image")
        ax.spines[:].set_visible(False)
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03)
        bar.set_label("Images of the class (%)")
        bar.outline.set_linewidth(0.5)
        bar.ax.tick_params(**TICKS)
    return ax


def plot_images(
    images: ArrayLike, shape: tuple[int, int], captions: Sequence[str] = (), *, ax: Axes | None = None
) -> Axes:
    """Draw images in rows, each with a caption below it, such as its class and the answer.

    Parameters
    ----------
    images : array_like (n, pixels)
    shape : (height, width)
        Of an image.
    captions : sequence of str
        None, or one an image.
    ax : Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If images do not have this shape, or captions are not as many.

    Examples
    --------
    >>> import spikefa as fa
    >>> digits = fa.datasets.load("digits")
    >>> ax = fa.plotting.plot_images(digits.test_images[:6], digits.shape, [str(k) for k in digits.test_labels[:6]])
    """
    check_axes("plot_images", ax)
    images = real_array("plot_images", "images", images, float)
    if not (isinstance(shape, tuple | list) and len(shape) == 2 and all(isinstance(s, int) and s > 0 for s in shape)):
        refuse("plot_images", "shape", "be (height, width)", shape)
    height, width = shape
    if images.ndim != 2 or images.shape[1] != height * width or not len(images):
        raise ArgumentError(f"plot_images: images must be (n, {height * width}) with n > 0, got {images.shape}")
    texts = (
        isinstance(captions, Sequence)
        and not isinstance(captions, str)
        and all(isinstance(caption, str) for caption in captions)
    )
    if not texts or len(captions) not in (0, len(images)):
        refuse("plot_images", "captions", f"be {len(images)} texts, one an image, or none", captions)
    columns = int(np.ceil(np.sqrt(1.6 * len(images))))
    rows = -(-len(images) // columns)
    gap_x, gap_y = 0.15 * width, (0.42 if captions else 0.15) * height
    low, high = float(np.nanmin(images)), float(np.nanmax(images))
    with styled(ax is None):
        ax = (
            new_axes(0.5 * columns + 0.1, (0.5 * height / width + (0.14 if captions else 0)) * rows + 0.1)
            if ax is None
            else ax
        )
        for k, image in enumerate(images):
            x, y = (k % columns) * (width + gap_x), (k // columns) * (height + gap_y)
            extent = (x, x + width, y + height, y)
            ax.imshow(image.reshape(height, width), cmap="gray_r", vmin=low, vmax=high, extent=extent)
            if captions:
                ax.text(x + width / 2, y + height * 1.03, captions[k], ha="center", va="top", fontsize=5.5)
        ax.set_xlim(-0.02 * width, columns * (width + gap_x) - gap_x + 0.02 * width)
        ax.set_ylim(rows * (height + gap_y), -0.02 * height)
        ax.set_axis_off()
    return ax


def plot_tuning(rates: ArrayLike, labels: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Draw the tuning of a layer: each unit's mean output to each class, units in order of their preferred class.

    Parameters
    ----------
    rates : array_like (n, units)
        Of each image and unit, such as `Responses.rates`.
    labels : array_like of int (n,)
    ax : Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> ax = fa.plotting.plot_tuning(np.random.default_rng(0).random((20, 5)), np.arange(20) % 4)
    """
    check_axes("plot_tuning", ax)
    rates, labels = real_array("plot_tuning", "rates", rates, float), check_classes("plot_tuning", "labels", labels)
    if rates.ndim != 2 or len(rates) != len(labels) or not rates.size:
        raise ArgumentError(f"plot_tuning: rates must be ({len(labels)}, units), as labels are, got {rates.shape}")
    if not np.isfinite(rates).all():
        refuse("plot_tuning", "rates", "be finite", rates)
    classes = np.unique(labels)
    means = np.stack([rates[labels == label].mean(axis=0) for label in classes])
    order = np.lexsort((-np.ptp(means, axis=0), means.argmax(axis=0)))
    with styled(ax is None):
        ax = new_axes(2.6, 3.0) if ax is None else ax
        image = ax.imshow(means[:, order].T, aspect="auto", cmap="viridis", interpolation="nearest")
        ax.set_xticks(range(len(classes)), [str(label) for label in classes])
        ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.set_xlabel("Class of the image")
        ax.set_ylabel("Unit, by preferred class")
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.07, pad=0.03)
        bar.set_label("Mean output a step")
        bar.outline.set_linewidth(0.5)
        bar.ax.tick_params(**TICKS)
    return ax


def plot_psth(psth: ArrayLike, dt: float = 1.0, *, ax: Axes | None = None) -> Axes:
    """Draw the time course of a layer's mean output after the onset of an image, a line a class.

    Parameters
    ----------
    psth : array_like (classes, steps)
        Such as `Responses.psth`; classes that are NaN are left out.
    dt : float
        Length of a step in ms.
    ax : Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        If it is no table of numbers, or `dt` is not positive, or above 1e9.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> ax = fa.plotting.plot_psth(np.random.default_rng(0).random((3, 20)), dt=0.5)
    """
    check_axes("plot_psth", ax)
    if not getattr(getattr(psth, "dim", None), "is_dimensionless", True):
        refuse("plot_psth", "psth", "be numbers without a unit", psth)
    psth = real_array("plot_psth", "psth", psth, float)
    in_range("plot_psth", "dt", dt, 0, 1e9, open_low=True)
    if psth.ndim != 2 or not psth.size:
        raise ArgumentError(f"plot_psth: psth must be (classes, steps), got {psth.shape}")
    time = (np.arange(psth.shape[1]) + 0.5) * dt
    with styled(ax is None):
        ax = new_axes(3.5, 2.4) if ax is None else ax
        for label, (course, colour) in enumerate(zip(psth, class_colours(len(psth)), strict=True)):
            if np.isfinite(course).any():
                ax.plot(
                    time, course, color=colour, linewidth=1.0, marker="." if len(time) < 12 else "", label=str(label)
                )
        ax.set_xlim(0, psth.shape[1] * dt)
        ax.set_ylim(bottom=0)
        ax.set_xlabel("Time after onset (ms)")
        ax.set_ylabel("Mean output a step")
        ax.legend(title="class", ncols=2, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return ax
