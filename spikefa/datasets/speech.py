"""Speech: samples of a sound file as TIMIT has them, and cepstral features of its frames.

Equations (5.x) are those of Young et al. (2006), The HTK Book for version 3.4, chapter 5; the settings those of its
target kind MFCC_0_D_A with PREEMCOEF 0.97, NUMCHANS 26, CEPLIFTER 22 and NUMCEPS 12.
"""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from spikefa.errors import DataError

#: Samples a second, in a frame (25 ms) and from a frame to the next (10 ms).
RATE, WINDOW, STEP = 16_000, 400, 160
#: Features of a frame: coefficients 1 to 12 and the 0th, their first differences, their second differences.
FEATURES = 39
_FFT, _CHANNELS, _CEPSTRA, _LIFTER, _EMPHASIS, _REACH = 512, 26, 12, 22, 0.97, 2
#: Types of SPHERE's sample_byte_format: which byte of a sample comes first, 0 being the lowest.
_ORDERS = {"01": "<i2", "10": ">i2"}


def read_samples(path: Path) -> np.ndarray:
    """Read 16-bit samples (n,) of one channel at 16 kHz from a NIST SPHERE or a RIFF file, whatever its name.

    Raises
    ------
    DataError
        If the file cannot be read, is of another format, is cut off, or its bytes are not in the order it states.
    """

    def refuse(found: str) -> DataError:
        return DataError(
            f"{path}: expected 16-bit samples of one channel at {RATE} Hz, in a NIST SPHERE or RIFF file, found {found}"
        )

    try:
        data = path.read_bytes()
    except OSError as error:
        raise refuse(f"one that cannot be read ({error.strerror})") from error
    if data.startswith(b"NIST_1A\n"):
        samples = _sphere(data, refuse)
    elif data.startswith(b"RIFF"):
        samples = _riff(data, refuse)
    else:
        raise refuse(f"one that starts with 0x{data[:4].hex()}" if data else "an empty file")
    if len(samples) < WINDOW:
        raise refuse(f"{len(samples)} samples, fewer than a frame of {WINDOW}")
    return samples


def _sphere(data: bytes, refuse: Callable[[str], DataError]) -> np.ndarray:
    """Return the samples of a SPHERE file.

    It has lines 'NIST_1A', the header's size, 'name -type value' for each entry and 'end_head', then the samples.
    """
    size = int(data[8:16]) if data[8:16].strip().isdigit() else 0
    lines = [line.strip() for line in data[16:size].decode("latin-1").splitlines()]
    if "end_head" not in lines:
        raise refuse("a SPHERE header without end_head")
    words = [line.split(maxsplit=2) for line in lines[: lines.index("end_head")]]
    header = {word[0]: word[2] for word in words if len(word) == 3}
    # Only TIMIT's own layout is read: SPHERE files may also be packed or mu-law, as sample_coding states.
    wanted = {"channel_count": ("1",), "sample_rate": (str(RATE),), "sample_n_bytes": ("2",)}
    wanted |= {"sample_byte_format": tuple(_ORDERS), "sample_coding": ("pcm",)}
    for name, values in wanted.items():
        value = header.get(name, "pcm" if name == "sample_coding" else "nothing")
        if value not in values:
            raise refuse(f"{name} {value}, not {' or '.join(values)}")
    count = header.get("sample_count", "nothing")
    if not count.isascii() or not count.isdigit():
        raise refuse(f"sample_count {count}, not a number")
    there, stated = max(0, len(data) - size), 2 * int(count)
    if there < stated:
        raise refuse(f"{there} bytes of samples where sample_count says {stated}: it is cut off; copy it again")
    samples = np.frombuffer(data, _ORDERS[header["sample_byte_format"]], int(count), offset=size).astype(np.int16)
    if len(samples):
        stated = header.get("sample_min"), header.get("sample_max")
        if _extremes(samples) != stated and _extremes(samples.byteswap()) == stated:
            raise refuse(f"bytes that are not in the order {header['sample_byte_format']} of sample_byte_format")
    return samples


def _extremes(samples: np.ndarray) -> tuple[str, str]:
    return str(samples.min()), str(samples.max())


def _riff(data: bytes, refuse: Callable[[str], DataError]) -> np.ndarray:
    from scipy.io import wavfile

    with warnings.catch_warnings():
        # Chunks of remarks are no fault; an early end is one, and scipy only warns of it.
        warnings.simplefilter("ignore", wavfile.WavFileWarning)
        warnings.filterwarnings("error", "Reached EOF prematurely", wavfile.WavFileWarning)
        try:
            rate, samples = wavfile.read(io.BytesIO(data))
        # wavfile.read reports damage as any of these, depending on where in the file it lies.
        except Exception as error:
            raise refuse(f"a RIFF file that cannot be read ({error})") from error
    if rate != RATE or samples.dtype != np.int16 or samples.ndim != 1:
        raise refuse(f"samples of {samples.dtype} {samples.shape} at {rate} Hz")
    return samples


def centres(count: int) -> np.ndarray:
    """Return the sample (frames,) in the middle of each frame of a recording of `count` samples.

    The first frame starts with the first sample; samples that do not fill a frame at the end are left out.
    """
    return np.arange(WINDOW // 2, count - WINDOW // 2 + 1, STEP)


def features(samples: np.ndarray) -> np.ndarray:
    """Return the coefficients of each frame with their first and second differences.

    Parameters
    ----------
    samples : ndarray (n,)
        A whole recording, at 16 kHz, in units of 16-bit samples.

    Returns
    -------
    ndarray (frames, 39)
        float32; a frame for each of `centres`.
    """
    cepstra = mfcc(samples)
    first = deltas(cepstra)
    return np.hstack([cepstra, first, deltas(first)]).astype(np.float32)


def mfcc(samples: np.ndarray) -> np.ndarray:
    """Return mel-frequency cepstral coefficients, 1 to 12 and then the 0th, of frames of 25 ms every 10 ms.

    Each frame is pre-emphasised (5.1), multiplied by a Hamming window (5.2) and padded to 512; the magnitudes of its
    spectrum are summed by 26 triangles on the mel scale (5.13), and their logarithms transformed (5.14) and liftered
    (5.12).

    Parameters
    ----------
    samples : ndarray (n,)
        At 16 kHz, in units of 16-bit samples; sums below 1 count as 1, as HTK has it, so silence is 0 and not -inf.

    Returns
    -------
    ndarray (frames, 13)
        float64.

    Raises
    ------
    DataError
        If there are fewer samples than a frame has.
    """
    from scipy.fft import dct, rfft

    if np.ndim(samples) != 1 or len(samples) < WINDOW:
        raise DataError(f"mfcc: samples must have shape (n,) with n >= {WINDOW}, got {np.shape(samples)}")
    frames = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, float), WINDOW)[::STEP]
    emphasised = frames.copy()
    # A frame's first sample has no predecessor within the frame: HTK takes itself.
    emphasised[:, 1:] -= _EMPHASIS * frames[:, :-1]
    emphasised[:, 0] -= _EMPHASIS * frames[:, 0]
    spectrum = np.abs(rfft(emphasised * np.hamming(WINDOW), _FFT))
    channels = np.log(np.maximum(spectrum @ _triangles(), 1))
    # scipy's type 2 is twice the sum of (5.14).
    cepstra = dct(channels, type=2)[:, : _CEPSTRA + 1] * np.sqrt(2 / _CHANNELS) / 2
    cepstra *= 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(_CEPSTRA + 1) / _LIFTER)
    return np.roll(cepstra, -1, axis=1)


def deltas(values: np.ndarray) -> np.ndarray:
    """Return the slope of each column at each row, by regression over two rows to either side (5.16).

    Parameters
    ----------
    values : ndarray (frames, n)
        Of a whole recording; its first and last row are repeated beyond the ends.

    Returns
    -------
    ndarray (frames, n)
        A change a frame.
    """
    padded = np.pad(values, ((_REACH, _REACH), (0, 0)), "edge")
    reach, n = range(1, _REACH + 1), len(values)
    slopes = sum(k * (padded[_REACH + k : _REACH + k + n] - padded[_REACH - k : _REACH - k + n]) for k in reach)
    return slopes / (2 * sum(k * k for k in reach))


@functools.cache
def _triangles() -> np.ndarray:
    """Return the gains (frequencies, channels) of triangles equally spaced, and linear, on the mel scale to 8 kHz."""
    mel = 2595 * np.log10(1 + np.arange(_FFT // 2 + 1) * RATE / _FFT / 700)
    position = mel[:, None] / mel[-1] * (_CHANNELS + 1)  # 0 at 0 Hz, the number of a channel at its peak
    return np.maximum(0, 1 - np.abs(position - np.arange(1, _CHANNELS + 1)))
