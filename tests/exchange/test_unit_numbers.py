"""Exported units are those of the network: each unit says its own number in binary, and every format agrees."""

import csv

import h5py
import numpy as np
import pytest

import spikefa as fa
from spikefa.diagnostics.record_activity import record_activity
from spikefa.exchange import to_neo, write_activity

#: Units of each layer: more than are recorded, fewer, and an output whose recorded units have gaps, too.
LAYERS = {"h1": 200, "h2": 30, "output": 120}
BITS = 2 ** np.arange(8)


@pytest.fixture(scope="module")
def recording():
    """Eight steps, in which step k has bit k of the unit's number; its potential is the number."""
    net = fa.Network(streams=2, target="numpy", seed=1)
    fa.Input(net, "x", 64)
    for name, units in LAYERS.items():
        fa.Layer(net, name, units, "v : 1\nk : 1\nI : 1\ns : 1", emit="s = int(floor(v / 2**k)) % 2; k = k + 1")
        net[name].v = np.repeat(np.arange(units), 2)
    fa.classification_task(net, 1, 10)
    return record_activity(net, fa.datasets.load("digits"), 0, steps=8, count=1)


def said(spikes):
    """Return the number that each unit says, (units,), of spikes (steps, units)."""
    return (np.asarray(spikes).T @ BITS).tolist()


def neo(activity, path):
    pytest.importorskip("neo", reason="needs Neo")
    segment = to_neo(activity).segments[0]  # `test_formats` reads its file, which takes seconds for so many units
    trains = [
        (train.annotations["population"], train.annotations["unit"], train.rescale("ms").magnitude)
        for train in segment.spiketrains
    ]
    return trains, {s.name: (s.annotations["unit"], s.magnitude[0, 0]) for s in segment.analogsignals}


def nwb(activity, path):
    pynwb = pytest.importorskip("pynwb", reason="needs pynwb")
    with pynwb.NWBHDF5IO(str(write_activity(activity, path, "nwb")), "r") as io:
        file = io.read()
        units = file.units
        rows = zip(units["population"][:], units["unit"][:], range(len(units)), strict=True)
        trains = [(name, unit, units["spike_times"][row] * 1e3) for name, unit, row in rows]
        signals = {s.name: (int(s.description.split("unit ")[1]), s.data[0]) for s in file.acquisition.values()}
        return trains, signals


def sonata(activity, path):
    path, trains, signals = write_activity(activity, path, "sonata"), [], {}
    with h5py.File(path / "nodes.h5") as nodes, h5py.File(path / "spikes.h5") as f:
        for name in nodes["nodes"]:
            ids, times = f[f"spikes/{name}/node_ids"][:], f[f"spikes/{name}/timestamps"][:]
            trains += [(name, int(node), times[ids == node]) for node in nodes[f"nodes/{name}/node_id"]]
    with h5py.File(path / "signals.h5") as f:
        for name, report in f["report"].items():
            signals[name] = (report["mapping/node_ids"][0], report["data"][0, 0])
    return trains, signals


def plain(activity, path):
    path = write_activity(activity, path, "csv")

    def rows(name):
        with open(path / name, newline="") as f:
            return list(csv.DictReader(f))

    times = {(row["population"], row["unit"]): [] for row in rows("units.csv")}
    for row in rows("spikes.csv"):
        times[row["population"], row["unit"]].append(float(row["time_ms"]))
    trains = [(name, int(unit), np.array(found)) for (name, unit), found in times.items()]
    headings = [(heading.split(" of unit "), value) for heading, value in rows("signals.csv")[0].items()]
    return trains, {words[0]: (int(words[1]), float(value)) for words, value in headings if len(words) == 2}


def test_recorded_numbers_are_those_that_the_units_say(recording):
    for name, units in LAYERS.items():
        assert said(recording.spikes[name]) == recording.unit_numbers[name].tolist()
        assert len(recording.unit_numbers[name]) == min(units, 50)
    assert recording.unit_numbers["h1"].tolist() != list(range(50))
    assert {name: v[0] for name, v in recording.v.items()} == recording.traced_units
    array = fa.to_xarray(recording)
    for number in recording.unit_numbers["h1"]:
        assert said(array.spikes_h1.sel(unit_h1=[number])) == [number]
    assert array.v_h1.attrs["unit_number"] == array.delta_h1.attrs["unit_number"] == array.v_h1[0]


@pytest.mark.parametrize("read", [neo, nwb, sonata, plain])
def test_exported_unit_n_is_unit_n(recording, tmp_path, read):
    trains, signals = read(recording.activity(), tmp_path / "a")
    for population, unit, times in trains:
        assert BITS[np.rint(times / recording.dt).astype(int)].sum() == unit, population
    found = {(population, unit) for population, unit, _ in trains}
    assert found == {(name, unit) for name, numbers in recording.unit_numbers.items() for unit in numbers}
    assert recording.traced_units["h1"] > 0
    for layer, number in recording.traced_units.items():
        assert signals[f"{layer}.v"] == (number, number) and signals[f"{layer}.delta"][0] == number
