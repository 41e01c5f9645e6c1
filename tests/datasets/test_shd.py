"""Spikes from HDF5 in the format of the Heidelberg digits: what was written is read, and nothing else."""

import h5py
import numpy as np
import pytest

from spikefa.datasets import load, read_spikes_hdf5
from spikefa.errors import DataError


def write(path, rng, n=5, storage=None, **changes):
    """Write n samples, of which the first has no event; a change takes an array's place, or leaves it out."""
    counts = [0, *rng.integers(1, 40, n - 1)]
    rows = {
        "times": [np.sort(rng.uniform(0, 1, k)).astype(np.float16) for k in counts],
        "units": [rng.integers(0, 700, k).astype(np.uint16) for k in counts],
        "labels": rng.integers(0, 20, n).astype(np.uint16),
    }
    rows |= changes
    with h5py.File(path, "w") as f:
        for name in ("times", "units"):
            if rows[name] is not None:
                kind = h5py.vlen_dtype(rows[name][-1].dtype)
                data = f.create_dataset(f"spikes/{name}", (len(rows[name]),), kind, **storage or {})
                for number, row in enumerate(rows[name]):
                    data[number] = row
        if rows["labels"] is not None:
            f["labels"] = rows["labels"]
        f["extra/speaker"] = np.arange(n)
    return rows


@pytest.mark.parametrize("storage", [{}, {"chunks": (2,)}, {"chunks": (4,), "compression": "gzip"}], ids=str)
def test_what_was_written_is_read(rng, tmp_path, storage):
    rows = write(tmp_path / "a.h5", rng, storage=storage)
    trains, labels = read_spikes_hdf5(tmp_path / "a.h5", 700, 1.4)
    assert np.array_equal(labels, rows["labels"]) and trains.shape == (5, 700) and trains.duration == 1.4
    for number, (times, units) in enumerate(zip(rows["times"], rows["units"], strict=True)):
        found = trains[number : number + 1]
        expected = sorted(zip(times.astype(float).tolist(), units.tolist(), strict=True))
        assert list(zip(found.time.tolist(), found.unit.tolist(), strict=True)) == expected


def test_the_data_set_is_found(rng, tmp_path):
    (tmp_path / "shd").mkdir()
    for part, n in (("train", 6), ("test", 4)):
        write(tmp_path / "shd" / f"shd_{part}.h5", rng, n)
    data = load("shd", tmp_path)
    assert repr(data) == "<Dataset shd: 6 training, 4 test spike trains of 1 x 700, 20 classes>"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": None}, "not a whole file of spikes .*it has no spikes/units"),
        ({"labels": None}, "not a whole file of spikes .*it has no labels"),
        ({"labels": np.zeros(4, int)}, r"times, units and labels must be equally many, got 5, 5 and \(4,\)"),
        ({"times": [np.zeros(1, np.float16)] * 5}, "times and units of sample 0 must be equally many, got 1, 0"),
        ({"times": [np.zeros(1, int)] * 5}, "spikes/times must hold rows of numbers"),
        ({"times": [np.full(1, 2.0)] * 5, "units": [np.zeros(1, int)] * 5}, "time must be at least 0 and less than"),
        ({"times": [np.full(1, 0.1)] * 5, "units": [np.full(1, 700)] * 5}, "unit must be 0 to 699, got 700 at event 0"),
    ],
)
def test_another_form_is_refused(rng, tmp_path, changes, message):
    write(tmp_path / "a.h5", rng, **changes)
    with pytest.raises(DataError, match=message) as refusal:
        read_spikes_hdf5(tmp_path / "a.h5", 700, 1.4)
    assert str(tmp_path / "a.h5") in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_damaged_file_is_refused(rng, tmp_path):
    path = tmp_path / "a.h5"
    write(path, rng)
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], bytes(len(whole)), b"no HDF5 at all"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="not a whole file of spikes of the Heidelberg digits' format"):
            read_spikes_hdf5(path, 700, 1.4)
    with pytest.raises(DataError, match="expected this file, found none"):
        read_spikes_hdf5(tmp_path / "b.h5", 700, 1.4)


def test_no_damage_ends_the_process(rng, tmp_path):
    """HDF5's own reader of rows does end it, on about one in a thousand of these."""
    path, outcomes = tmp_path / "a.h5", set()
    write(path, rng)
    whole = path.read_bytes()
    for _ in range(150):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), 3):
            damaged[at] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_spikes_hdf5(path, 700, 1.4)
            outcomes.add("read")
        except DataError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_links_to_other_files_are_not_followed(rng, tmp_path):
    write(tmp_path / "a.h5", rng)
    write(tmp_path / "b.h5", rng, units=None)
    with h5py.File(tmp_path / "b.h5", "a") as f:
        f["spikes/units"] = h5py.ExternalLink("a.h5", "spikes/units")
    with pytest.raises(DataError, match="spikes/units must lie in the file itself, got a link"):
        read_spikes_hdf5(tmp_path / "b.h5", 700, 1.4)
