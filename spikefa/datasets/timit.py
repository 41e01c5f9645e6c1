"""Stop consonants of TIMIT: frames of 39 features and one of six classes, from the corpus or prepared by the user."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np

from spikefa.datasets.dataset import Dataset
from spikefa.datasets.locate import find_files, named_directory
from spikefa.datasets.npz import read_npz
from spikefa.datasets.registry import datasets
from spikefa.datasets.speech import FEATURES, centres, features, read_samples
from spikefa.errors import DataError

_NAME, _FILE = "timit-stops", "timit-stops.npz"
_ARRAYS = ("train_frames", "train_labels", "test_frames", "test_labels")
#: The phones of the classes 0 to 5: releases, whose closures have names of their own (bcl, dcl ...).
STOPS = ("b", "d", "g", "p", "t", "k")
#: Sentences that every speaker reads.
_SAME = ("sa1", "sa2")
#: How deep the corpus lies at most: a copy of the disc, called timit, has it in TIMIT.
_DEPTH = 3


@datasets.register(_NAME)
def load_timit_stops(data_dir: str | os.PathLike | None = None) -> Dataset:
    """Load frames of TIMIT's stop consonants (Lillicrap et al. 2016, Supp. Note 7: 63,881 + 22,257 frames).

    TIMIT is licensed by the LDC and cannot be downloaded. If there is a file ``timit-stops.npz``, it is read: features
    that the user has made and saved with ``numpy.savez``: ``train_frames`` and ``test_frames``, floats (n, 39), and
    ``train_labels`` and ``test_labels``, integers 0 to 5 (n,) for b, d, g, p, t, k. Otherwise the corpus as
    distributed (LDC93S1): ``TRAIN`` and ``TEST`` with ``DRn/SPEAKER/SENTENCE.WAV`` and ``.PHN``, names in upper or
    lower case, sounds in NIST SPHERE or RIFF, those also under the name ``.WAV.wav``.

    Parameters
    ----------
    data_dir : path, optional
        Directory of the file, itself or in a subdirectory "timit-stops"; or of ``TRAIN`` and ``TEST``, itself or in a
        subdirectory "timit", in any case. By default what ``SPIKEFA_DATA`` names.

    Returns
    -------
    Dataset
        Not standardised. Of the corpus float32, in the order of the files' names and of time.

    Raises
    ------
    DataError
        If neither is there, or a file is missing, damaged or foreign.

    Notes
    -----
    Note 7 states the classes, 39 inputs and the numbers of frames. The rest is our reading, so the numbers may differ:
    frames are 25 ms long, every 10 ms; the inputs are 13 mel-frequency cepstral coefficients with first and second
    differences (`spikefa.datasets.speech`); a frame is of the phone in which its centre lies; and the sentences SA1
    and SA2 are left out, which every speaker of both parts reads: TIMIT's own ``TESTSET.DOC`` excludes them from the
    complete test set, so that no text is in both parts. Which sentences there are is not compared with the
    published list. Reading all 5,040 takes tens of seconds.

    Examples
    --------
    >>> import spikefa as fa
    >>> data = fa.datasets.load_timit_stops("data")  # doctest: +SKIP
    """
    directory, _ = named_directory(data_dir)
    if directory is not None:
        own = directory / _NAME
        if not ((own if own.is_dir() else directory) / _FILE).is_file():
            root = _find_corpus(own) or _find_corpus(directory)
            if root is not None:
                return _dataset(root, [array for part in ("train", "test") for array in _read_part(root, part)])
    what = f"features of TIMIT (LDC93S1), an .npz file with {', '.join(_ARRAYS)}, or the corpus itself"
    (path,) = find_files(_NAME, data_dir, (_FILE,), what, instead="a directory TIMIT with TRAIN and TEST")
    return _dataset(path, _read_npz(path))


def _dataset(path: Path, arrays: list[np.ndarray]) -> Dataset:
    train_images, train_labels, test_images, test_labels = arrays
    try:
        return Dataset(
            _NAME, train_images, train_labels, test_images, test_labels, (1, FEATURES), len(STOPS), limits=None
        )
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _read_npz(path: Path) -> list[np.ndarray]:
    """Read the four arrays of the user's file."""
    arrays = list(read_npz(path, _ARRAYS).values())
    for name, array in zip(_ARRAYS, arrays, strict=True):
        # A data set's bytes are divided by 255, which features are not meant to be.
        if name.endswith("frames") and not np.issubdtype(array.dtype, np.floating):
            raise DataError(f"{path}: {name} must be floats (n, {FEATURES}), got {array.dtype}")
    return arrays


def _find_corpus(directory: Path) -> Path | None:
    """Return the directory of TRAIN and TEST: this one, or in it TIMIT, which may hold a TIMIT again."""
    for _ in range(_DEPTH):
        held = _entries(directory) if directory.is_dir() else {}
        missing = [part for part in ("train", "test") if part not in held or not held[part].is_dir()]
        if not missing:
            return directory
        if "timit" in held and held["timit"].is_dir():
            directory = held["timit"]
        elif directory.name.lower() == "timit" and held:
            raise DataError(
                f"{directory}: expected TRAIN and TEST of the corpus TIMIT (LDC93S1), found no {missing[0].upper()}"
            )
        else:
            break
    return None


def _entries(directory: Path) -> dict[str, Path]:
    """Return what a directory holds, by name in lower case, in order; without hidden files, which some systems add."""
    paths = sorted(directory.iterdir(), key=lambda path: (path.name.lower(), path.name))
    return {path.name.lower(): path for path in paths if not path.name.startswith(".")}


def _read_part(root: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the frames (n, 39) of stops in TRAIN or TEST, and their classes (n,)."""
    directory = _entries(root)[part]
    sentences = [_read_sentence(*paths) for paths in _sentences(directory)]
    if not sentences:
        raise DataError(f"{directory}: expected sentences of TIMIT as DRn/SPEAKER/SENTENCE.WAV and .PHN, found none")
    frames, labels = (np.concatenate(arrays) for arrays in zip(*sentences, strict=True))
    if not len(frames):
        raise DataError(f"{directory}: expected stop consonants ({', '.join(STOPS)}) in its .PHN files, found none")
    return frames, labels


def _sentences(directory: Path) -> list[tuple[Path, Path]]:
    """Return the files of sound and of phones of each sentence but SA1 and SA2."""
    found = []
    regions = [path for name, path in _entries(directory).items() if re.fullmatch("dr[1-8]", name) and path.is_dir()]
    speakers = [path for region in regions for path in _entries(region).values() if path.is_dir()]
    for speaker in speakers:
        files = _entries(speaker)
        for stem in sorted({name.split(".")[0] for name in files if name.endswith((".wav", ".phn"))}):
            if stem in _SAME:
                continue
            sound = files.get(f"{stem}.wav") or files.get(f"{stem}.wav.wav")
            phones = files.get(f"{stem}.phn")
            if sound is None or phones is None:
                there, end = (phones, ".WAV") if sound is None else (sound, ".PHN")
                raise DataError(f"{there}: expected {stem.upper()}{end} beside it, found none; copy TIMIT again")
            found.append((sound, phones))
    return found


def _read_sentence(sound: Path, phones: Path) -> tuple[np.ndarray, np.ndarray]:
    samples = read_samples(sound)
    middle = centres(len(samples))
    labels = np.full(len(middle), -1)
    for start, end, phone in read_phones(phones):
        if phone in STOPS:
            if start >= len(samples):
                raise DataError(
                    f"{phones}: expected phones of {sound.name}, which has {len(samples)} samples, found "
                    f"{phone} from sample {start}; the files must be of one sentence"
                )
            labels[(middle >= start) & (middle < end)] = STOPS.index(phone)
    chosen = labels >= 0
    return features(samples)[chosen], labels[chosen]


def read_phones(path: Path) -> list[tuple[int, int, str]]:
    """Read a .PHN file, lines of 'start end phone': first sample, the one after the last, and the phone's name.

    Raises
    ------
    DataError
        If the file cannot be read, is empty, or a line is of another form.
    """
    try:
        lines = path.read_text("latin-1").splitlines()
    except OSError as error:
        raise DataError(f"{path}: expected a .PHN file of TIMIT, found one that cannot be read ({error})") from error
    phones = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        found = re.fullmatch(r"\s*(\d+)\s+(\d+)\s+(\S+)\s*", line, re.ASCII)
        if found is None or int(found[1]) > int(found[2]):
            raise DataError(f"{path}: expected lines of 'start end phone' in samples, found {line!r} in line {number}")
        phones.append((int(found[1]), int(found[2]), found[3].lower()))
    if not phones:
        raise DataError(f"{path}: expected lines of 'start end phone' in samples, found none")
    return phones
