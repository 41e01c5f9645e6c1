"""Every format: what is written is read back equal by the format's own library, silent units included."""

import csv
import dataclasses
import sys

import h5py
import numpy as np
import pytest

from spikefa.errors import ArgumentError, DataError
from spikefa.exchange import Activity, Signal, trains_from_neo, trains_from_nwb, write_activity

#: What the fixture's epochs have beside their labels.
DETAILS = {"image": [7, 3], "stream": [0, 0]}
UNITS = [("h1", unit) for unit in (3, 8, 31, 30, 77)] + [("output", unit) for unit in (0, 5, 6, 11)]


def all_spikes(recording):
    """Return the spikes of all units, (steps, units)."""
    return np.concatenate(list(recording.spikes.values()), axis=1)


def steps_of(times):
    """Return the steps of 0.5 ms that begin at times in seconds, which must be exact to rounding."""
    steps = np.rint(np.asarray(times) / 0.5e-3)
    np.testing.assert_allclose(times, steps * 0.5e-3, rtol=1e-12)
    return steps.astype(int).tolist()


def expected_steps(recording):
    return [np.flatnonzero(train).tolist() for train in all_spikes(recording).T]


def test_neo(recording, tmp_path):
    neo = pytest.importorskip("neo.io", reason="needs Neo")
    path = write_activity(recording.activity("mine"), tmp_path / "a", "neo")
    assert path == tmp_path / "a.nix"
    io = neo.NixIO(str(path), "ro")
    blocks = [io.read_block(), recording.to_neo()]
    io.close()
    assert blocks[0].name == "mine 300 images"
    for block in blocks:
        (segment,) = block.segments
        trains = segment.spiketrains
        assert [(t.annotations["population"], t.annotations["unit"]) for t in trains] == UNITS
        assert [steps_of(t.rescale("s").magnitude) for t in trains] == expected_steps(recording)
        assert all(t.t_stop.rescale("ms") == 10 for t in trains)
        signals = {signal.name: signal for signal in segment.analogsignals}
        assert np.array_equal(signals["h1.v"].magnitude[:, 0], recording.v["h1"])
        assert np.array_equal(signals["h1.delta"].magnitude[:, 0], recording.delta["h1"])
        assert {name: signal.annotations["unit"] for name, signal in signals.items()} == {"h1.v": 8, "h1.delta": 8}
        assert signals["h1.v"].sampling_period.rescale("ms") == pytest.approx(0.5)
        (epoch,) = segment.epochs
        np.testing.assert_allclose(epoch.times.rescale("ms").magnitude, [0, 5])
        np.testing.assert_allclose(epoch.durations.rescale("ms").magnitude, [4, 4])
        assert epoch.labels.tolist() == ["1", "0"]
        assert {name: list(numbers) for name, numbers in epoch.array_annotations.items()} == DETAILS
        back = trains_from_neo(block)
        assert back.shape == (1, 9) and np.array_equal(back.dense(0.5e-3)[0] > 0, all_spikes(recording))


def test_nwb(recording, tmp_path):
    pynwb = pytest.importorskip("pynwb", reason="needs pynwb")
    path = write_activity(recording.activity("mine"), tmp_path / "a.nwb", "nwb")
    with pynwb.NWBHDF5IO(str(path), "r") as io:
        assert pynwb.validate(io=io) == []
        file = io.read()
        units = file.units
        assert list(zip(units["population"][:], units["unit"][:], strict=True)) == UNITS
        assert [steps_of(units["spike_times"][n]) for n in range(9)] == expected_steps(recording)
        assert np.array_equal(file.acquisition["h1.v"].data[:], recording.v["h1"])
        assert file.acquisition["h1.v"].rate == pytest.approx(2000) and file.acquisition["h1.v"].unit == "dimensionless"
        assert np.array_equal(file.acquisition["h1.delta"].data[:], recording.delta["h1"])
        assert file.trials["label"][:].tolist() == ["1", "0"]
        np.testing.assert_allclose(file.trials["stop_time"][:], [0.004, 0.009])
        assert {name: file.trials[name][:].tolist() for name in DETAILS} == DETAILS
    trains, labels = trains_from_nwb(path, "label")
    assert labels.tolist() == ["1", "0"] and trains.duration == pytest.approx(0.004)
    assert np.array_equal(trains.dense(0.5e-3) > 0, all_spikes(recording).reshape(2, 10, 9)[:, :8])
    assert len(recording.to_nwb().units) == 9
    with pytest.raises(DataError, match=r"a.nwb: label must be a column of the trials, \[.*\], got 'class'"):
        trains_from_nwb(path, "class")


def test_no_nwb_file_is_refused(tmp_path):
    pynwb = pytest.importorskip("pynwb", reason="needs pynwb")
    (tmp_path / "a.nwb").write_bytes(b"no NWB")
    with pytest.raises(DataError, match=r"a.nwb: not a whole NWB file with spike times"):
        trains_from_nwb(tmp_path / "a.nwb")
    assert pynwb.__version__


def test_sonata(recording, tmp_path):
    path = write_activity(recording.activity(), tmp_path / "a", "sonata")
    with h5py.File(path / "spikes.h5") as f, h5py.File(path / "nodes.h5") as nodes:
        for name, spikes in recording.spikes.items():
            ids = nodes[f"nodes/{name}/node_id"][:].tolist()
            found = np.zeros((len(ids), 20), int)
            steps = steps_of(f[f"spikes/{name}/timestamps"][:] / 1e3)
            assert (np.diff(steps) >= 0).all()
            rows = [ids.index(node) for node in f[f"spikes/{name}/node_ids"]]
            np.add.at(found, (rows, steps), 1)
            assert np.array_equal(found.T, spikes)
            order = f[f"spikes/{name}"].attrs.get_id("sorting").dtype
            assert h5py.check_enum_dtype(order)["by_time"] == f[f"spikes/{name}"].attrs["sorting"]
        assert f.attrs["magic"] == 0x0A7A and f[f"spikes/{name}/timestamps"].attrs["units"] == "ms"
    with h5py.File(path / "signals.h5") as f:
        report = f["report/h1.v"]
        np.testing.assert_allclose(report["data"][:, 0], recording.v["h1"], rtol=1e-6)
        assert report["mapping/time"][:].tolist() == [0, 10, 0.5] and report["mapping/index_pointers"][:].tolist() == [
            0,
            1,
        ]
    assert (path / "epochs.csv").read_text() == "start_ms,stop_ms,label,image,stream\n0.0,4.0,1,7,0\n5.0,9.0,0,3,0\n"


def test_csv(recording, tmp_path):
    path = write_activity(recording.activity(), tmp_path / "a", "csv")

    def table(name):
        with open(path / f"{name}.csv", newline="") as f:
            return list(csv.DictReader(f))

    assert [(row["population"], int(row["unit"])) for row in table("units")] == UNITS
    assert [int(row["spikes"]) for row in table("units")] == all_spikes(recording).sum(axis=0).tolist()
    found = [[] for _ in UNITS]
    for row in table("spikes"):
        found[UNITS.index((row["population"], int(row["unit"])))].append(round(float(row["time_ms"]) / 0.5))
    assert found == expected_steps(recording)
    assert [float(row["h1.v of unit 8"]) for row in table("signals")] == recording.v["h1"].tolist()
    assert [float(row["time_ms"]) for row in table("signals")] == (np.arange(20) * 0.5).tolist()
    assert [row["label"] for row in table("epochs")] == ["1", "0"]
    assert {name: [int(row[name]) for row in table("epochs")] for name in DETAILS} == DETAILS


def test_what_is_there_is_replaced_and_an_error_leaves_it(recording, tmp_path, monkeypatch):
    path = write_activity(recording.activity("first"), tmp_path / "a", "csv")
    before = (path / "spikes.csv").read_text()
    monkeypatch.setattr(Activity, "trains", lambda self: [("other", 0, np.zeros(1))])
    assert write_activity(recording.activity(), path, "csv") == path
    assert (path / "spikes.csv").read_text() != before and list(tmp_path.iterdir()) == [path]
    monkeypatch.setattr(Activity, "trains", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_activity(recording.activity(), path, "csv")
    assert list(tmp_path.iterdir()) == [path] and (path / "spikes.csv").exists()


@pytest.mark.parametrize("name, module", [("neo", "neo"), ("nwb", "pynwb")])
def test_a_missing_library_says_what_to_install(recording, tmp_path, name, module, monkeypatch):
    for loaded in [m for m in sys.modules if m == module or m.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    for call in (
        lambda: write_activity(recording.activity(), tmp_path / "new" / "a", name),
        getattr(recording, f"to_{name}"),
    ):
        with pytest.raises(ArgumentError, match=rf"exchange: {name} needs the library .*; install spikefa\[{name}\]"):
            call()
    assert not list(tmp_path.iterdir())


def test_neo_segments_are_samples():
    neo, pq = (pytest.importorskip(name, reason="needs Neo") for name in ("neo", "quantities"))

    def segment(*trains):
        made = neo.Segment()
        for times in trains:
            made.spiketrains.append(neo.SpikeTrain(times * pq.ms, t_start=100 * pq.ms, t_stop=104 * pq.ms))
        return made

    trains = trains_from_neo([segment([100, 103.5], []), segment([], [101.5])])
    assert trains.duration == pytest.approx(0.004)
    assert np.argwhere(trains.dense(1e-3)).tolist() == [[0, 0, 0], [0, 3, 0], [1, 1, 1]]
    assert trains_from_neo(segment([101.0]).spiketrains[0], 0.5).duration == 0.5
    with pytest.raises(
        ArgumentError, match=r"trains_from_neo: segments must have equally many spike trains, got \[1, 2\]"
    ):
        trains_from_neo([segment([], []), segment([])])
    for bad in (3, [], [3]):
        with pytest.raises(
            ArgumentError, match=r"trains_from_neo: segments must be Neo's block, segments or spike train"
        ):
            trains_from_neo(bad)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spikes": {}}, "spikes must be of at least one population, got none"),
        (
            {"spikes": {"a": np.zeros((4, 2))}},
            r"spikes\['a'\] must be bool \(steps, units\), got an array \(4, 2\) of float64",
        ),
        ({"signals": {"v": Signal(np.zeros(3))}}, r"signals\['v'\] must be \(4,\), got \(3,\)"),
        ({"epochs": ((2, 3, "x"),)}, "epochs must be within 4 steps, got 'x' at 2 to 5"),
        ({"details": {"image": [1]}}, r"details\['image'\] must be 0 whole numbers, one an epoch, got \[1\]"),
        (
            {"signals": {"v": Signal(np.zeros(4), "mV", -1)}},
            r"unit_number of signals\['v'\] must be a whole number, at least 0, got -1",
        ),
        ({"unit_numbers": {"b": [0, 1]}}, "a population in unit_numbers must be one of 'a', got 'b'"),
        (
            {"unit_numbers": {"a": [3, 3]}},
            r"unit_numbers\['a'\] must be 2 different whole numbers from 0, one a unit, got \[3, 3\]",
        ),
        ({"dt": 0}, "dt must be a finite number, above 0, got 0"),
    ],
)
def test_activity_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ArgumentError, match=f"Activity: {message}"):
        Activity(**{"name": "a", "dt": 1e-3, "spikes": {"a": np.zeros((4, 2), bool)}} | changes)


def test_units_of_a_recording_that_does_not_know_them_are_counted_and_it_says_so(recording):
    activity = dataclasses.replace(recording, unit_numbers={}, traced_units={}).activity()
    assert [unit for _, unit, _ in activity.trains()] == [*range(5), *range(4)]
    assert "counted from 0" in activity.description and "counted" not in recording.activity().description
    assert activity.signals["h1.v"].unit_number is None


def test_an_unknown_format_is_refused(recording, tmp_path):
    with pytest.raises(ArgumentError, match="format must be one of 'csv', 'neo', 'nwb', 'sonata', got 'mat'"):
        write_activity(recording.activity(), tmp_path / "a", "mat")
