"""Counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405).

A random number is a pure function of *where* it is used, not of what was drawn before::

    number = philox(key = seed, counter = (unit // 4, draw, step, object))[unit % 4]

so that the same seed gives the same spikes on every target, thread count and machine, whatever else
draws, and resuming a run needs nothing but the step number. The arithmetic of both fills is plain
IEEE + - * / sqrt without contraction, hence bit-identical wherever it runs.
"""

import math
from zlib import crc32

import numpy as np
from numba import njit, types
from numba.extending import overload

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.tasks import share
from spikefa.errors import ArgumentError

__all__ = ["box_muller", "fill_normal", "fill_uniform", "object_id", "philox_block"]

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_SHIFT, _WORD = np.uint64(32), np.uint64(0xFFFFFFFF)

#: Counters (of four numbers) a thread takes at once.
_CHUNK = 1024
#: Fewer numbers than this are drawn by the calling thread: waking the others costs about 10 us.
_PARALLEL_FROM = 16384

_LN2_HI, _LN2_LO = 6.93147180369123816490e-01, 1.90821492927058770002e-10
# Bit patterns of sqrt(1/2), 1 and 2**52.
_SQRT_HALF, _ONE = np.uint64(0x3FE6A09E667F3BCD), np.uint64(0x3FF0000000000000)
_MAGIC = np.uint64(0x4330000000000000)
# Polynomials of fdlibm (e_log.c, k_sin.c, k_cos.c), highest power first.
_LOG = (
    1.479819860511658591e-01,
    1.531383769920937332e-01,
    1.818357216161805012e-01,
    2.222219843214978396e-01,
    2.857142874366239149e-01,
    3.999999999940941908e-01,
    6.666666666666735130e-01,
)
_SIN = (
    1.58969099521155010221e-10,
    -2.50507602534068634195e-08,
    2.75573137070700676789e-06,
    -1.98412698298579493134e-04,
    8.33333333332248946124e-03,
    -1.66666666666666324348e-01,
)
_COS = (
    -1.13596475577881948265e-11,
    2.08757232129817482790e-09,
    -2.75573143513906633035e-07,
    2.48015872894767294178e-05,
    -1.38888888888741095749e-03,
    4.16666666666666019037e-02,
)


@njit(forceinline=True)
def _horner(x, coefficients):
    y = coefficients[0]
    for c in coefficients[1:]:
        y = y * x + c
    return y


@njit(forceinline=True)
def philox_block(c0, c1, c2, c3, k0, k1):
    """Four random 32-bit words of one counter.

    Parameters
    ----------
    c0, c1, c2, c3 : uint32
        Words of the counter.
    k0, k1 : uint32
        Words of the key.

    Returns
    -------
    tuple of four uint32
    """
    # The words lie in 64 bits, of which the upper ones mean nothing: vectors multiply such without moving them about.
    x0, x1, x2, x3 = np.uint64(c0), np.uint64(c1), np.uint64(c2), np.uint64(c3)
    key0, key1 = np.uint32(k0), np.uint32(k1)
    for _ in range(10):
        p0 = _M0 * (x0 & _WORD)
        p1 = _M1 * (x2 & _WORD)
        x0, x1 = (p1 >> _SHIFT) ^ x1 ^ np.uint64(key0), p1
        x2, x3 = (p0 >> _SHIFT) ^ x3 ^ np.uint64(key1), p0
        key0 = np.uint32(key0 + _W0)
        key1 = np.uint32(key1 + _W1)
    return np.uint32(x0), np.uint32(x1), np.uint32(x2), np.uint32(x3)


def _uniform(word, out):
    """Return the uniform number of one word in the type of the array `out`."""
    raise NotImplementedError("for compiled code only")


@overload(_uniform, jit_options={"forceinline": True})
def _uniform_of_type(word, out):
    if out.dtype == types.float32:
        # The cast goes through int32, which has a vector conversion on every machine.
        return lambda word, out: np.float32(np.int32(word >> np.uint32(8))) * np.float32(2.0**-24)
    return lambda word, out: np.float64(word) * 2.0**-32


@njit(forceinline=True)
def _log(x):
    """Natural logarithm of a positive normal float64, without a branch."""
    bits = np.float64(x).view(np.uint64)
    # Exponent, plus 1023, such that the mantissa lies in [sqrt(1/2), sqrt(2)).
    biased = (bits + _ONE - _SQRT_HALF) >> np.uint64(52)
    f = np.uint64(bits + _ONE - (biased << np.uint64(52))).view(np.float64) - 1.0
    s = f / (2.0 + f)
    r = s * s * _horner(s * s, _LOG)
    h = 0.5 * f * f
    # Integer to float by way of the mantissa: AVX2 has no conversion of 64-bit integers.
    k = np.uint64(biased | _MAGIC).view(np.float64) - (2.0**52 + 1023.0)
    return k * _LN2_HI - ((h - (s * (h + r) + k * _LN2_LO)) - f)


@njit(forceinline=True)
def _sincos_eighth(x):
    """Sine and cosine of x in [-pi/4, pi/4]."""
    z = x * x
    return x + x * z * _horner(z, _SIN), 1.0 - (0.5 * z - z * z * _horner(z, _COS))


@njit(forceinline=True)
def box_muller(wr, wa):
    """Two independent standard normals of two random words (uint32)."""
    radius = math.sqrt(-2.0 * _log((np.float64(wr) + 0.5) * 2.0**-32))
    # Signed, the word is an angle in [-pi, pi); halved twice it is within reach of the polynomials,
    # and doubling the angle again takes two lines.
    s, c = _sincos_eighth((np.float64(np.int32(wa)) + 0.5) * (math.pi * 2.0**-33))
    s, c = 2.0 * s * c, (c - s) * (c + s)
    s, c = 2.0 * s * c, (c - s) * (c + s)
    return radius * c, radius * s


@njit(nogil=True, error_model="numpy")
def _uniform_blocks(out, first, last, k0, k1, step, obj, draw, offset):
    # Unsigned, as a signed index costs the wrap-around test and with it the vectorisation.
    for block in range(np.uint64(first), np.uint64(last)):
        w0, w1, w2, w3 = philox_block(block + np.uint64(offset), draw, step, obj, k0, k1)
        unit = np.uint64(4) * block
        out[unit] = _uniform(w0, out)
        out[unit + np.uint64(1)] = _uniform(w1, out)
        out[unit + np.uint64(2)] = _uniform(w2, out)
        out[unit + np.uint64(3)] = _uniform(w3, out)


@njit(nogil=True, error_model="numpy")
def _normal_blocks(out, first, last, k0, k1, step, obj, draw, offset):
    for block in range(np.uint64(first), np.uint64(last)):
        w0, w1, w2, w3 = philox_block(block + np.uint64(offset), draw, step, obj, k0, k1)
        unit = np.uint64(4) * block
        out[unit], out[unit + np.uint64(1)] = box_muller(w0, w1)
        out[unit + np.uint64(2)], out[unit + np.uint64(3)] = box_muller(w2, w3)


@njit
def _copy(source, target, start):
    for k in range(target.size - start):
        target[start + k] = source[k]


# The two fills differ in what they call only; as a function made by another they would not be cached.
@compiled(nogil=True, error_model="numpy")
def _uniform_chunk(chunk, out, k0, k1, step, obj, draw):
    last = min(out.size // 4, (chunk + 1) * _CHUNK)
    _uniform_blocks(out, chunk * _CHUNK, last, k0, k1, step, obj, draw, 0)


@compiled(nogil=True, error_model="numpy")
def uniform_fill(out, k0, k1, step, obj, draw):
    whole = out.size // 4
    chunks = (whole + _CHUNK - 1) // _CHUNK
    if out.size < _PARALLEL_FROM:
        for chunk in range(chunks):
            _uniform_chunk(chunk, out, k0, k1, step, obj, draw)
    else:
        share(_uniform_chunk, chunks, (out, k0, k1, step, obj, draw))
    if out.size > 4 * whole:
        rest = np.empty(4, out.dtype)
        _uniform_blocks(rest, 0, 1, k0, k1, step, obj, draw, whole)
        _copy(rest, out, 4 * whole)


@compiled(nogil=True, error_model="numpy")
def _normal_chunk(chunk, out, k0, k1, step, obj, draw):
    last = min(out.size // 4, (chunk + 1) * _CHUNK)
    _normal_blocks(out, chunk * _CHUNK, last, k0, k1, step, obj, draw, 0)


@compiled(nogil=True, error_model="numpy")
def normal_fill(out, k0, k1, step, obj, draw):
    whole = out.size // 4
    chunks = (whole + _CHUNK - 1) // _CHUNK
    if out.size < _PARALLEL_FROM:
        for chunk in range(chunks):
            _normal_chunk(chunk, out, k0, k1, step, obj, draw)
    else:
        share(_normal_chunk, chunks, (out, k0, k1, step, obj, draw))
    if out.size > 4 * whole:
        rest = np.empty(4, out.dtype)
        _normal_blocks(rest, 0, 1, k0, k1, step, obj, draw, whole)
        _copy(rest, out, 4 * whole)


def _fill(name, fill, out, seed, step, obj, draw):
    if out.ndim != 1 or out.dtype not in (np.float32, np.float64):
        got = f"{out.dtype} of shape {out.shape}"
        raise ArgumentError(f"{name}: out must be a 1-D float32 or float64 array, got {got}")
    seed, step = int(seed), int(step)
    if not 0 <= seed < 2**64:
        raise ArgumentError(f"{name}: seed must be in [0, 2**64), got {seed}")
    if not 0 <= step < 2**32:
        raise ArgumentError(f"{name}: step must be in [0, 2**32), got {step}")
    fill(out, *map(np.uint32, (seed & 0xFFFFFFFF, seed >> 32, step, obj, draw)))


def fill_uniform(out: np.ndarray, seed: int, step: int, obj: int, draw: int) -> None:
    """Fill `out` with uniform numbers in [0, 1), those of one draw of one object in one step.

    Element u does not depend on the length of `out`, nor on the number of threads. A float32 has
    24 random bits, a float64 32.

    Parameters
    ----------
    out : array (units,), float32 or float64
    seed : int
        Key, 64 bits.
    step : int
        Time step, 32 bits.
    obj : int
        The object that draws, 32 bits (see `object_id`).
    draw : int
        Number of the draw within the object's step, 32 bits.

    Raises
    ------
    TypeError
        If `out` is no 1-D array of a supported type.
    ArgumentError
        If the seed or the step is out of range.
    """
    _fill("fill_uniform", uniform_fill, out, seed, step, obj, draw)


def fill_normal(out: np.ndarray, seed: int, step: int, obj: int, draw: int) -> None:
    """Fill `out` with standard normal numbers (Box-Muller); arguments as for `fill_uniform`.

    Units 2k and 2k+1 share two words. The numbers are computed in float64, so that a float32 array
    holds the rounded numbers of a float64 one; the largest magnitude is 6.76.
    """
    _fill("fill_normal", normal_fill, out, seed, step, obj, draw)


def object_id(name: str) -> int:
    """Counter word of an object: the CRC-32 of its name, so that adding one shifts no other's numbers."""
    return crc32(name.encode())
