"""Fixed weights that are multiplied in fewer bits than a float has."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from spikefa.engine.aligned import aligned_zeros, whole_rows
from spikefa.engine.dense_weights import DenseWeights
from spikefa.engine.kernels import integer_panels, packed
from spikefa.engine.kernels.dot_products import LANES, ROWS, has_dot_products, tiles_of
from spikefa.engine.kernels.register_tiles import BYTE_ROWS

#: In how many bits numbers are multiplied.
Precision = Literal["float32", "bfloat16", "int8"]
#: Up to this many streams, 8-bit weights are multiplied row by row: with more, by the processor's own instruction, or
#: in panels where it has none. Medians of 7 turns in ms, 1500 x 1500, an AMD EPYC of Zen 5 with 2 cores, rows,
#: instruction and panels: 1 stream 0.03, 0.10 and 0.04, 4 streams 0.06, 0.09 and 0.09, 6 streams 0.08, 0.09 and 0.14,
#: 12 streams 0.16, 0.09 and 0.18; of Zen 3, which has no instruction: 4 streams 0.30 in rows and 0.29 in panels.
ROW_STREAMS = 4
#: The most presynaptic units of 8-bit weights: sums of more could be beyond 32 bits.
MOST_UNITS = (2**31 - 1) // packed.LARGEST**2


class PackedWeights(DenseWeights):
    """Fixed weights of all synapses, rounded to 8-bit integers or bfloat16 and packed once for the kernel.

    * *int8*: W is an integer from -127 to 127 times one number, and activities are rounded in each step: those of a
      stream to its largest size / 127 times such integers. Sums of the integers are exact, so that the current is the
      same on every processor. Its error is at most ``sum(abs(W)) * largest / 254`` for each unit and stream. If the
      largest weight is below ``2**-100``, all are 0. So are the activities of a stream whose largest is.
    * *bfloat16*: both are rounded to 8 significant bits and summed in float32. Errors are at most ``2**-7 * (1 + 2**-8)
      * (abs(W).T @ abs(activity))``, beside float32's own; bits depend on the processor, not on the threads.

    Parameters
    ----------
    W : ndarray (n_pre, n_post)
    precision : {"bfloat16", "int8"}
    streams : int
    dot_products : bool, optional
        Whether the processor's own instructions are used, if it has them; by default only where that is faster.
    """

    def __init__(self, W: np.ndarray, precision: Precision, streams: int, dot_products: bool | None = None):
        super().__init__(W, None, np.dtype(np.float32))
        self.precision = precision
        self._in_rows = precision == "int8" and streams <= ROW_STREAMS and dot_products is not True
        has = has_dot_products(precision, fast=dot_products is None)
        self.by_instruction = dot_products is not False and has and not self._in_rows
        n_pre, n_post = self.shape
        self._scale, self._integers = np.float32(0), np.zeros((n_post, n_pre) if precision == "int8" else 0, np.int8)
        self._scales, self._inverses = np.zeros((2, streams), np.float32)
        if self.by_instruction:
            self._vectors, tiles = tiles_of(streams)
            words = -(-n_pre // (4 if precision == "int8" else 2))
            self._words = whole_rows(aligned_zeros(words, tiles * self._vectors * LANES, np.uint32))
            self._packed = whole_rows(aligned_zeros(-(-n_post // ROWS) * ROWS, words, np.uint32))
        elif precision == "bfloat16":
            self._rounded = np.zeros((n_pre, streams), np.float32)
        elif self._in_rows:
            self._bytes = whole_rows(aligned_zeros(-(-n_post // BYTE_ROWS) * BYTE_ROWS, n_pre, np.int8))
            self._shorts = np.zeros((streams, self._bytes.shape[1]), np.int16)
        else:
            self._shorts = integer_panels.room_for_fives(n_pre, streams)
        self._pack()

    @property
    def rounding_error(self) -> float:
        """A bound on what rounding has changed: half the step between neighbouring numbers, at the largest weight."""
        if self.precision == "int8":
            return float(self._scale) / 2 or packed.SMALLEST
        largest = float(np.abs(self._values).max(initial=0))
        return 2.0 ** (math.frexp(largest)[1] - 9) if largest else 0.0

    def assign(self, W: np.ndarray) -> None:
        """Take the weights from an array ``(n_pre, n_post)``, rounded."""
        super().assign(W)
        self._pack()

    def begin_run(self) -> None:
        """Round and pack the weights if they have been written back; what is rounded already stays as it is."""
        if self.precision != "int8" or not packed.are_multiples(self._values, self._integers, self._scale):
            self._pack()

    def _pack(self) -> None:
        if self.precision == "int8":
            self._pack_integers()
        else:
            self._pack_bfloat16()

    def _pack_integers(self) -> None:
        self._integers[...], self._scale = _integers_of(self._values)
        np.multiply(self._integers, self._scale, out=self._values)
        if self.by_instruction:
            numbers = self._packed.view(np.int8)
            numbers[: self.shape[1], : self.shape[0]] = self._integers
            self._offsets = 128 * numbers.sum(axis=1, dtype=np.int32)
        elif self._in_rows:
            self._bytes[: self.shape[1], : self.shape[0]] = self._integers
        else:
            self._panels = integer_panels.panels_of(self._integers)

    def _pack_bfloat16(self) -> None:
        bits = self._values.view(np.uint32)
        packed.round_bfloat16(bits, bits)
        if self.by_instruction:
            self._packed.view(np.uint16)[: self.shape[1], : self.shape[0]] = bits >> 16

    @property
    def integers(self) -> np.ndarray:
        """8-bit weights as integers ``(n_post, n_pre)``, not to be written."""
        return self._integers

    @property
    def scale(self) -> float:
        """What 8-bit weights are in multiples of."""
        return float(self._scale)

    def propagate(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        """Compute ``current = W.T @ activity + bias``, or ``current +=`` the same if `add`."""
        if self.precision == "int8":
            self._propagate_integers(activity, bias, current, add)
        elif self.by_instruction:
            packed.pack_bfloat16(activity.view(np.uint32), self._words)
            packed.propagate_bfloat16(self._packed, self._words, self._vectors, bias, current, add)
        else:
            packed.round_bfloat16(activity.view(np.uint32), self._rounded.view(np.uint32))
            super().propagate(self._rounded, bias, current, add)

    def _propagate_integers(self, activity: np.ndarray, bias: np.ndarray, current: np.ndarray, add: bool) -> None:
        packed.integer_scales(activity, self._scales, self._inverses)
        end = bias, current, add
        if self.by_instruction:
            packed.pack_int8(activity, self._inverses, self._words)
            given = self._packed, self._offsets, self._scale, self._words, self._scales
            packed.propagate_int8(*given, self._vectors, *end)
        elif self._in_rows:
            packed.integers_of(activity, self._inverses, self._shorts)
            packed.propagate_bytes(self._bytes, self._scale, self._shorts, self._scales, *end)
        else:
            integer_panels.round_in_fives(activity, self._inverses, self._shorts)
            integer_panels.propagate(self._panels, self._scale, self._shorts, self._scales, *end)


def rounded(W: np.ndarray, precision: Precision) -> np.ndarray:
    """Return what weights are in a precision, an array of float32 of their shape."""
    W = np.array(W, np.float32, order="C")
    if precision == "int8":
        integers, scale = _integers_of(W)
        return integers * scale
    packed.round_bfloat16(W.view(np.uint32), W.view(np.uint32))
    return W


def _integers_of(values: np.ndarray) -> tuple[np.ndarray, np.float32]:
    """Return the nearest integers to weights, as float32, and what they are to be multiplied by."""
    largest = np.abs(values).max(initial=0)
    scale = _short(largest / np.float32(packed.LARGEST)) if largest >= packed.SMALLEST else np.float32(0)
    steps = np.divide(values, scale, out=np.zeros_like(values), where=scale > 0)
    return np.clip(np.rint(steps), -packed.LARGEST, packed.LARGEST), scale


def _short(number: np.float32) -> np.float32:
    """Return a number with its last 7 bits cleared, so that its product with an integer up to 127 is exact."""
    return (np.atleast_1d(np.float32(number)).view(np.uint32) & np.uint32(0xFFFFFF80)).view(np.float32)[0]
