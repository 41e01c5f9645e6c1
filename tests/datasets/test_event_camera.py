"""Address events of 40 bits: their bits, their overflows, and the data set that is made of them."""

import numpy as np
import pytest

from spikefa.datasets import camera_trains, load, load_nmnist, read_aer
from spikefa.datasets.event_camera import EVENT
from spikefa.errors import ArgumentError, DataError


def write(path, events):
    """Write (x, y, p, microseconds) bit by bit, as the format says: 8, 8, 1 and 23 bits."""
    bits = "".join(f"{x:08b}{y:08b}{p:01b}{t:023b}" for x, y, p, t in events)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)))


def drawn(rng, n=30):
    time = np.sort(rng.integers(0, 300_000, n))
    return [(*rng.integers(0, 34, 2), int(rng.integers(0, 2)), t) for t in time]


def test_bits_are_read_as_they_are_stated(rng, tmp_path):
    events = [(33, 0, 1, 2**23 - 1), (0, 33, 0, 0), *drawn(rng)]
    write(tmp_path / "a.bin", events)
    found = read_aer(tmp_path / "a.bin")
    assert found.dtype == EVENT
    assert [(e["x"], e["y"], e["p"], e["t"]) for e in found] == events


def test_an_overflow_is_time_and_no_event(tmp_path):
    write(tmp_path / "a.bin", [(1, 2, 1, 100), (0, 240, 0, 0), (3, 4, 0, 7), (0, 240, 1, 0), (5, 6, 1, 9)])
    assert read_aer(tmp_path / "a.bin").tolist() == [(1, 2, 100, 1), (3, 4, 8192 + 7, 0), (5, 6, 16384 + 9, 1)]


@pytest.mark.parametrize("data", [b"", b"1234", b"123456"])
def test_another_size_is_refused(tmp_path, data):
    (tmp_path / "a.bin").write_bytes(data)
    with pytest.raises(DataError, match=rf"a.bin: expected events of 5 bytes each, found {len(data)} bytes"):
        read_aer(tmp_path / "a.bin")
    with pytest.raises(DataError, match=r"b.bin: expected a file of address events, found none"):
        read_aer(tmp_path / "b.bin")


def test_a_unit_is_a_polarity_and_a_pixel():
    events = np.array([(1, 2, 1500, 0), (3, 0, 2500, 1), (3, 0, 2600, 1)], EVENT)
    trains = camera_trains([events, events[:0]], 5, 4, 4e-3)
    assert trains.shape == (2, 40)
    assert np.argwhere(trains.dense(1e-3)).tolist() == [[0, 1, 2 * 4 + 1], [0, 2, 20 + 3]]
    assert camera_trains([events], 5, 4, 4e-3, several="count").dense(1e-3).max() == 2


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ((4, 0, 0, 0), "x must be 0 to 3, got 4"),
        ((0, 5, 0, 0), "y must be 0 to 4, got 5"),
        ((0, 0, 0, 2), "p must be 0 to 1, got 2"),
        ((0, 0, 4000, 0), "time must be at least 0 and less than the duration of 0.004 s, got 0.004 s at event 0"),
    ],
)
def test_an_event_outside_is_refused(event, message):
    with pytest.raises(ArgumentError, match=message):
        camera_trains([np.array([event], EVENT)], 5, 4, 4e-3)


def test_any_function_of_the_events_is_a_transform():
    events = np.array([(1, 2, 1500, 0), (3, 0, 2500, 1)], EVENT)
    trains = camera_trains([events], 5, 4, 4e-3, transform=lambda events: events[events["p"] == 1])
    assert trains.unit.tolist() == [23]
    for transform, message in (
        (3, "transform must be a function of the events, or None, got 3"),
        (lambda events: 1 / 0, "the function transform failed with ZeroDivisionError"),
        (lambda events: None, "events of sample 0 must be an array of events, got None"),
        (lambda events: events["x"], r"events of sample 0 must have the fields x, y, t, p, got 'int16'"),
    ):
        with pytest.raises(ArgumentError, match=f"camera_trains: {message}"):
            camera_trains([events], 5, 4, 4e-3, transform=transform)


def folders(directory, rng, each=1):
    for part in ("Train", "Test"):
        for digit in range(10):
            for number in range(each):
                write(directory / part / str(digit) / f"{number:05d}.bin", drawn(rng))


def test_the_data_set_is_found(rng, tmp_path):
    folders(tmp_path / "n-mnist", rng, 2)
    data = load("n-mnist", tmp_path)
    assert repr(data) == "<Dataset n-mnist: 20 training, 20 test spike trains of 68 x 34, 10 classes>"
    assert data.train_labels.tolist() == np.repeat(np.arange(10), 2).tolist()
    first = read_aer(tmp_path / "n-mnist" / "Train" / "0" / "00000.bin")
    assert np.array_equal(np.sort(data.train_images[:1].time), np.sort(first["t"] * 1e-6))
    halved = load_nmnist(tmp_path, transform=lambda events: events[::2])
    assert len(halved.train_images.time) == len(data.train_images.time) // 2


def test_a_part_that_is_missing_or_bad_is_named(rng, tmp_path):
    folders(tmp_path, rng)
    bad = tmp_path / "Test" / "3" / "00000.bin"
    write(bad, [(40, 0, 0, 0)])
    with pytest.raises(DataError, match=r"Test: camera_trains: x must be 0 to 33, got 40"):
        load("n-mnist", tmp_path)
    bad.write_bytes(b"1234")
    with pytest.raises(DataError, match=r"Test/3/00000.bin: expected events of 5 bytes each, found 4 bytes"):
        load("n-mnist", tmp_path)
    for path in (tmp_path / "Test").glob("*/*.bin"):
        path.unlink()
    with pytest.raises(DataError, match=r"Test: expected files of events in 0/\*.bin to 9/\*.bin, found none"):
        load("n-mnist", tmp_path)
    (tmp_path / "Test" / "9").rmdir()
    with pytest.raises(DataError, match=r"Test/9: expected this folder"):
        load("n-mnist", tmp_path)
