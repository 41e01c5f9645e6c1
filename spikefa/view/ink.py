"""Strokes of a mouse become an image as the data have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

#: Pixels of the drawing for one of the image.
_FINE = 16
#: Width of the pen, as a part of the longer side of what is drawn.
_PEN = 0.11
#: Images from which size and place of what is shown are taken.
_LOOKED_AT = 200

Strokes = Sequence[tuple[Sequence[float], Sequence[float]]]


@dataclass(frozen=True)
class Frame:
    """Where the data have their ink: a drawing is moved and scaled there."""

    shape: tuple[int, int]
    """Height and width of an image."""
    size: float
    """Longer side of the ink's box in pixels."""
    centre: tuple[float, float]
    """Centre of mass of the ink: row and column, in pixels."""

    @classmethod
    def of(cls, images: np.ndarray, shape: tuple[int, int]) -> Frame:
        """Return the median size and place of the ink in images (n, pixels), light on dark."""
        sizes, centres = [], []
        for image in images[:_LOOKED_AT].reshape(-1, *shape).astype(float):
            rows, columns = np.nonzero(image > 0.2 * image.max())
            if rows.size:
                sizes.append(1 + max(np.ptp(rows), np.ptp(columns)))
                centres.append(_centre(image))
        if not sizes:
            return cls(shape, 0.7 * min(shape), (shape[0] / 2, shape[1] / 2))
        row, column = np.median(centres, axis=0)
        return cls(shape, float(np.median(sizes)), (float(row), float(column)))


def drawn(strokes: Strokes, frame: Frame) -> np.ndarray:
    """Return strokes as an image.

    Parameters
    ----------
    strokes : sequence of (x, y)
        Coordinates of each stroke's points, y upwards, in any unit.
    frame : Frame

    Returns
    -------
    ndarray (height, width)
        From 0 to 1; zeros without strokes.
    """
    height, width = frame.shape
    lines = [np.column_stack(stroke).astype(float) for stroke in strokes if len(stroke[0])]
    if not lines:
        return np.zeros(frame.shape, np.float32)
    points = np.concatenate(lines) * (1, -1)
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max())
    pen = _PEN * frame.size * _FINE if extent else 0.15 * frame.size * _FINE
    scale = (frame.size * _FINE - pen) / extent if extent else 1.0
    middle = (low + high) / 2
    canvas = Image.new("L", (width * _FINE, height * _FINE))
    draw = ImageDraw.Draw(canvas)
    for line in lines:
        place = (line * (1, -1) - middle) * scale + np.array((width, height)) * _FINE / 2
        draw.line([tuple(point) for point in place], fill=255, width=max(1, round(pen)), joint="curve")
        for x, y in place:
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    row, column = _centre(np.asarray(canvas, float))
    shift = (column - frame.centre[1] * _FINE, row - frame.centre[0] * _FINE)
    moved = canvas.transform(canvas.size, Image.Transform.AFFINE, (1, 0, shift[0], 0, 1, shift[1]))
    image = np.asarray(moved.resize((width, height), Image.Resampling.BOX), np.float32)
    return image / max(1.0, float(image.max()))


def _centre(image: np.ndarray) -> tuple[float, float]:
    """Return row and column of the centre of mass; the middle of the first pixel is at 0.5."""
    rows, columns = np.indices(image.shape) + 0.5
    return float((rows * image).sum() / image.sum()), float((columns * image).sum() / image.sum())
