"""The corpus TIMIT as distributed, on a tiny one made here, and the features of its frames."""

import math
import wave
from functools import partial

import numpy as np
import pytest
from idx_files import refused

from spikefa.datasets import load
from spikefa.datasets.speech import centres, deltas, features, mfcc, read_samples

CLASSES = ("b", "d", "g", "p", "t", "k")


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("SPIKEFA_DATA", raising=False)


# Files, written apart from the readers under test


def sphere(samples, order="01", drop=(), **changes):
    """Samples as the bytes of a SPHERE file, the header as in TIMIT; `order` is how they are stored."""
    lines = {
        "database_id": "-s5 TIMIT",
        "channel_count": "-i 1",
        "sample_count": f"-i {len(samples)}",
        "sample_rate": "-i 16000",
        "sample_min": f"-i {min(samples)}",
        "sample_max": f"-i {max(samples)}",
        "sample_n_bytes": "-i 2",
        "sample_byte_format": f"-s2 {order}",
        "sample_sig_bits": "-i 16",
    } | changes
    text = "".join(f"{name} {value}\n" for name, value in lines.items() if name not in drop)
    head = f"NIST_1A\n   1024\n{text}end_head\n".encode().ljust(1024)
    return head + b"".join(int(x).to_bytes(2, "little" if order == "01" else "big", signed=True) for x in samples)


def riff(path, samples, rate=16000, channels=1, width=2):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, "<i2").tobytes())


def speech(seed, n=6000):
    """A tone that rises, over noise."""
    time = np.arange(n) / 16000
    tone = 2000 * np.sin(2 * np.pi * (300 + 2000 * time) * time)
    return np.rint(tone + np.random.default_rng(seed).normal(0, 100, n)).astype(int)


def phones(*stops, end=6000):
    """The text of a .PHN file with closures before its stops and silence around."""
    lines, last = [], 0
    for start, stop, name in stops:
        lines += [f"{last} {start - 50} h#", f"{start - 50} {start} {name}cl", f"{start} {stop} {name}"]
        last = stop
    return "\n".join([*lines, f"{last} {end} h#"]) + "\n"


# The sentences of the tiny corpus: file without ending, its stops, and the frames in each, counted by hand: the
# centres of frames are 200, 360, ... 3400, 3560, 3720, 3880, 4040, 4200, 4360 ...
SENTENCES = {
    "TRAIN": [
        ("DR1/FAAA0/SI10", [(3500, 4140, "b"), (4200, 4360, "t")], [4, 1]),  # 4200 is in, 4360 no longer
        ("DR1/FAAA0/SX20", [(1000, 1500, "k")], [4]),  # 1000, 1160, 1320, 1480
        ("DR2/MBBB0/SX30", [(500, 540, "g"), (1000, 1200, "d")], [1, 2]),
    ],
    "TEST": [("DR8/MCCC0/SX40", [(2000, 2400, "p"), (2500, 2510, "b")], [2, 0])],
}


def corpus(root, lower=False):
    """Write the tiny corpus; return the samples of each sentence by its file without ending."""
    written = {}
    for part, sentences in SENTENCES.items():
        for number, (name, stops, _) in enumerate(sentences):
            path = root / part / name
            path = root / str(path.relative_to(root)).lower() if lower else path
            path.parent.mkdir(parents=True, exist_ok=True)
            written[name] = samples = speech(len(written))
            wav, phn = (".wav", ".phn") if lower else (".WAV", ".PHN")
            if number == 2:
                riff(path.with_name(path.name + ".WAV.wav"), samples)
            else:
                path.with_name(path.name + wav).write_bytes(sphere(samples, ("01", "10")[number]))
            path.with_name(path.name + phn).write_text(phones(*stops))
            # What every speaker reads, and what is no part of the corpus.
            path.with_name("SA1" + wav).write_bytes(sphere(speech(99)))
            path.with_name("SA1" + phn).write_text(phones((1000, 3000, "d")))
            path.with_name("._" + path.name + wav).write_bytes(b"of another system")
            path.with_name(path.name + ".TXT").write_text("0 6000 She had\n")
    (root / "DOC").mkdir()
    return written


# Plain loops


def one_frame(samples, t):
    """Coefficients 1 to 12 and 0 of frame `t`, as The HTK Book states them."""
    s = [float(x) for x in samples[160 * t : 160 * t + 400]]
    emphasised = [s[0] * (1 - 0.97)] + [s[n] - 0.97 * s[n - 1] for n in range(1, 400)]
    windowed = [(0.54 - 0.46 * math.cos(2 * math.pi * n / 399)) * x for n, x in enumerate(emphasised)]
    magnitudes = []
    for k in range(257):
        angles = [2 * math.pi * k * n / 512 for n in range(400)]
        real = sum(x * math.cos(a) for x, a in zip(windowed, angles, strict=True))
        imaginary = sum(x * math.sin(a) for x, a in zip(windowed, angles, strict=True))
        magnitudes.append(math.hypot(real, imaginary))

    def mel(hertz):
        return 2595 * math.log10(1 + hertz / 700)

    corners = [mel(8000) * j / 27 for j in range(28)]
    logs = []
    for j in range(1, 27):
        total = 0.0
        for k, magnitude in enumerate(magnitudes):
            m = mel(k * 16000 / 512)
            if corners[j - 1] < m <= corners[j]:
                total += magnitude * (m - corners[j - 1]) / (corners[j] - corners[j - 1])
            elif corners[j] < m < corners[j + 1]:
                total += magnitude * (corners[j + 1] - m) / (corners[j + 1] - corners[j])
        logs.append(math.log(max(total, 1)))
    found = []
    for i in [*range(1, 13), 0]:
        c = math.sqrt(2 / 26) * sum(m * math.cos(math.pi * i / 26 * (j - 0.5)) for j, m in enumerate(logs, 1))
        found.append(c * (1 + 22 / 2 * math.sin(math.pi * i / 22)))
    return found


def slopes(rows):
    """Regression over two rows to either side; the ends are repeated."""
    last, found = len(rows) - 1, []
    for t in range(len(rows)):
        found.append([])
        for i in range(len(rows[0])):
            up = sum(k * (rows[min(t + k, last)][i] - rows[max(t - k, 0)][i]) for k in (1, 2))
            found[-1].append(up / (2 * (1 + 4)))
    return found


# Features


def test_coefficients_equal_plain_loops():
    samples = speech(1, 1500)
    found = mfcc(samples)
    assert found.shape == (7, 13) and centres(1500).tolist() == [200, 360, 520, 680, 840, 1000, 1160]
    for t in (0, 6):
        np.testing.assert_allclose(found[t], one_frame(samples, t), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n, frames", [(400, 1), (559, 1), (560, 2), (16000, 98)])
def test_only_whole_frames(n, frames):
    assert len(mfcc(np.ones(n))) == len(centres(n)) == len(features(np.ones(n))) == frames


def test_a_tone_is_where_it_sounds():
    for channel in (5, 12, 20):
        hertz = 700 * (10 ** (2595 * math.log10(1 + 8000 / 700) * channel / 27 / 2595) - 1)
        (c,) = mfcc(3000 * np.sin(2 * np.pi * hertz * np.arange(400) / 16000))
        cepstra = np.roll(c, 1) / (1 + 11 * np.sin(np.pi * np.arange(13) / 22))
        j = np.arange(1, 27)
        smooth = cepstra[0] / 2 + sum(cepstra[i] * np.cos(np.pi * i / 26 * (j - 0.5)) for i in range(1, 13))
        assert j[smooth.argmax()] == channel


def test_loudness_is_the_last_coefficient():
    samples = np.random.default_rng(2).normal(0, 1000, 800)
    change = mfcc(math.e * samples) - mfcc(samples)
    np.testing.assert_allclose(change[:, :12], 0, atol=1e-9)
    np.testing.assert_allclose(change[:, 12], math.sqrt(2 / 26) * 26)
    assert not features(np.zeros(800)).any()  # silence is finite


def test_differences_equal_plain_loops():
    rows = np.random.default_rng(3).normal(size=(9, 4))
    np.testing.assert_allclose(deltas(rows), slopes(rows.tolist()), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(deltas(5.0 * np.arange(9)[:, None])[2:-2], 5)
    np.testing.assert_array_equal(deltas(rows[:1]), np.zeros((1, 4)))
    samples = speech(4, 3000)
    c = mfcc(samples).tolist()
    expected = np.hstack([c, slopes(c), slopes(slopes(c))])
    found = features(samples)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)


def test_too_few_samples():
    refused(lambda: mfcc(np.zeros(399)), "mfcc: samples must have shape (n,) with n >= 400, got (399,)")
    refused(lambda: mfcc(np.zeros((400, 2))), "got (400, 2)")


# Sound files


def test_samples_of_every_format(tmp_path):
    samples = speech(5)
    samples[:3] = -32768, 32767, -2
    path = tmp_path / "SX1.WAV"
    for order in ("01", "10"):
        for drop in ((), ("sample_min", "sample_max")):
            path.write_bytes(sphere(samples, order, drop))
            np.testing.assert_array_equal(read_samples(path), samples)
    path.write_bytes(sphere(samples, sample_coding="-s3 pcm"))
    np.testing.assert_array_equal(read_samples(path), samples)
    riff(path, samples)
    np.testing.assert_array_equal(read_samples(path), samples)
    data = path.read_bytes() + b"note\x04\x00\x00\x00TIMI"  # a chunk that nobody knows
    path.write_bytes(b"RIFF" + (len(data) - 8).to_bytes(4, "little") + data[8:])
    np.testing.assert_array_equal(read_samples(path), samples)


def test_sphere_that_is_not(tmp_path):
    path, samples = tmp_path / "SX1.WAV", speech(6)
    good = sphere(samples)
    for data, words in [
        (sphere(samples, "01", sample_byte_format="-s2 10"), "bytes that are not in the order 10 of sample_byte"),
        (sphere(samples, "10", sample_byte_format="-s2 01"), "bytes that are not in the order 01"),
        (sphere(samples, sample_byte_format="-s1 1"), "sample_byte_format 1, not 01 or 10"),
        (sphere(samples, drop=("sample_byte_format",)), "sample_byte_format nothing, not 01 or 10"),
        (good[:-2], "11998 bytes of samples where sample_count says 12000: it is cut off"),
        (good[:1024], "found 0 bytes of samples"),
        (good[:500], "found 0 bytes of samples"),
        (good[:60], "without end_head"),
        (good.replace(b"   1024\n", b"   -900\n"), "without end_head"),
        (good.replace(b"   1024\n", b"   many\n"), "without end_head"),
        (sphere(samples, sample_rate="-i 8000"), "sample_rate 8000, not 16000"),
        (sphere(samples, channel_count="-i 2"), "channel_count 2, not 1"),
        (sphere(samples, sample_n_bytes="-i 1"), "sample_n_bytes 1, not 2"),
        (sphere(samples, sample_coding="-s26 pcm,embedded-shorten-v2.00"), "pcm,embedded-shorten-v2.00, not pcm"),
        (sphere(samples, drop=("sample_count",)), "sample_count nothing, not a number"),
        (sphere(samples, sample_count="-i -6000"), "sample_count -6000, not a number"),
        (sphere(samples[:399]), "399 samples, fewer than a frame of 400"),
        (b"", "an empty file"),
        (b"fLaC\x00", "one that starts with 0x664c6143"),
    ]:
        path.write_bytes(data)
        refused(lambda: read_samples(path), f"{path}: expected 16-bit samples of one channel at 16000 Hz", words)
    path.unlink()
    path.mkdir()
    refused(lambda: read_samples(path), path, "one that cannot be read")


def test_riff_that_is_not(tmp_path):
    path, samples = tmp_path / "SX1.WAV.wav", speech(7)
    for changes, words in [
        ({"rate": 8000}, "at 8000 Hz"),
        ({"channels": 2}, "samples of int16 (3000, 2) at 16000 Hz"),
        ({"width": 1}, "samples of uint8 (12000,)"),
    ]:
        riff(path, samples, **changes)
        refused(lambda: read_samples(path), path, words)
    riff(path, samples)
    data = path.read_bytes()
    for cut in (8, 30, 44, 1044, 1045, len(data) - 2):
        path.write_bytes(data[:cut])
        refused(lambda: read_samples(path), path, "a RIFF file that cannot be read")


# The corpus


@pytest.mark.parametrize(
    "where, lower", [("", False), ("TIMIT", False), ("timit/TIMIT", False), ("Timit", True), ("timit-stops", False)]
)
def test_corpus(tmp_path, where, lower):
    written = corpus(tmp_path / where, lower)
    loaded = load("timit-stops", tmp_path)
    assert loaded.name == "timit-stops" and loaded.classes == 6 and loaded.shape == (1, 39) and loaded.limits is None
    for part, sentences in SENTENCES.items():
        labels, frames = [], []
        for name, stops, counts in sentences:
            every = features(written[name])
            for (start, _, phone), count in zip(stops, counts, strict=True):
                first = math.ceil((start - 200) / 160)
                labels += [CLASSES.index(phone)] * count
                frames += list(every[first : first + count])
        np.testing.assert_array_equal(getattr(loaded, f"{part.lower()}_labels"), labels)
        np.testing.assert_array_equal(getattr(loaded, f"{part.lower()}_images"), frames)
    assert (len(loaded.train_labels), len(loaded.test_labels)) == (12, 2)


def test_features_that_are_prepared_win(tmp_path):
    corpus(tmp_path / "TIMIT")
    rng = np.random.default_rng(8)
    content = {"train_frames": rng.normal(size=(5, 39)), "test_frames": rng.normal(size=(4, 39))}
    np.savez(tmp_path / "timit-stops.npz", **content, train_labels=np.arange(5), test_labels=np.arange(4))
    np.testing.assert_array_equal(load("timit-stops", tmp_path).train_images, content["train_frames"])
    assert load("timit-stops", tmp_path / "TIMIT").train_labels.tolist() == [0, 0, 0, 0, 4, 5, 5, 5, 5, 2, 1, 1]


def test_corpus_named_by_the_variable(tmp_path, monkeypatch):
    corpus(tmp_path / "timit")
    (tmp_path / "timit-stops").mkdir()
    monkeypatch.setenv("SPIKEFA_DATA", str(tmp_path))
    assert len(load("timit-stops").test_labels) == 2


def test_corpus_that_is_not_whole(tmp_path):
    root = tmp_path / "TIMIT"
    root.mkdir()
    for directory in (tmp_path, root, tmp_path / "absent"):
        refused(
            partial(load, "timit-stops", directory),
            directory / "timit-stops.npz",
            "expected this file",
            "put timit-stops.npz, or a directory TIMIT with TRAIN and TEST, into a directory",
        )
    corpus(root)
    for part in ("TRAIN", "TEST"):
        (root / part).rename(tmp_path / "aside")
        for directory in (tmp_path, root):
            refused(partial(load, "timit-stops", directory), f"{root}: expected TRAIN and TEST", f"found no {part}")
        (root / part).mkdir()
        refused(lambda: load("timit-stops", tmp_path), f"{root / part}: expected sentences", "found none")
        (root / part).rmdir()
        (tmp_path / "aside").rename(root / part)
    speaker = root / "TRAIN/DR1/FAAA0"
    for name, words in [("SX20.WAV", "expected SX20.WAV beside it"), ("SI10.PHN", "expected SI10.PHN beside it")]:
        other = speaker / (name[:4] + (".PHN" if name.endswith("WAV") else ".WAV"))
        (speaker / name).rename(tmp_path / "aside")
        refused(lambda: load("timit-stops", tmp_path), f"{other}: {words}, found none")
        (tmp_path / "aside").rename(speaker / name)
    (speaker / "SX20.WAV").write_bytes((speaker / "SX20.WAV").read_bytes()[:5000])
    refused(lambda: load("timit-stops", tmp_path), f"{speaker / 'SX20.WAV'}: ", "it is cut off")


def test_phones_that_are_not(tmp_path):
    root = tmp_path / "TIMIT"
    corpus(root)
    path = root / "TEST/DR8/MCCC0/SX40.PHN"
    for text, words in [
        ("", "found none"),
        ("0 2000 h#\n\n2000 2400\n", "found '2000 2400' in line 3"),
        ("0 20.5 p\n", "found '0 20.5 p' in line 1"),
        ("0 -5 p\n", "found '0 -5 p' in line 1"),
        ("2400 2000 p\n", "found '2400 2000 p' in line 1"),
        ("0 2000 h#\n6000 6400 p\n", "p from sample 6000; the files must be of one sentence"),
    ]:
        path.write_text(text)
        refused(lambda: load("timit-stops", tmp_path), f"{path}: expected ", words)
    path.write_text("0 2000 h#\r\n2000 2400 P\r\n")  # from another system
    assert load("timit-stops", tmp_path).test_labels.tolist() == [3, 3]
    path.write_text("0 2000 h#\n2000 2400 pcl\n")
    refused(lambda: load("timit-stops", tmp_path), f"{root / 'TEST'}: expected stop consonants (b, d, g, p, t, k)")
    path.unlink()
    path.mkdir()
    refused(lambda: load("timit-stops", tmp_path), path, "one that cannot be read")
