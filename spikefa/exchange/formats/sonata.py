"""SONATA: the HDF5 files of large network simulations (Dai et al. 2020)."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from spikefa.exchange.activity import Activity
from spikefa.exchange.formats import Format, formats
from spikefa.exchange.formats.csv import write_epochs

#: What every SONATA file has at its root.
_MAGIC, _VERSION = np.uint32(0x0A7A), np.array([0, 1], np.uint32)
_SORTING = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="i")


def write(activity: Activity, path: Path) -> None:
    """Write a new folder: ``nodes.h5``, ``spikes.h5``, ``signals.h5`` and ``epochs.csv``.

    Times are milliseconds. A node's id is the number of its unit; units that never spiked are in ``nodes.h5``. A signal
    is a report of one element, of node 0 if its unit is not known. SONATA has no file for what was shown:
    ``epochs.csv`` is a plain table.
    """
    path.mkdir()
    ms = activity.dt * 1e3
    with _new(path / "nodes.h5") as f:
        for name, values in activity.spikes.items():
            nodes = f.create_group(f"nodes/{name}")
            nodes["node_type_id"] = np.zeros(values.shape[1], np.int64)
            nodes["node_id"] = activity.numbers(name).astype(np.uint64)
    with _new(path / "spikes.h5") as f:
        for name, values in activity.spikes.items():
            step, unit = np.nonzero(values)
            spikes = f.create_group(f"spikes/{name}")
            spikes.attrs.create("sorting", 2, dtype=_SORTING)
            spikes["timestamps"] = step * ms
            spikes["node_ids"] = activity.numbers(name)[unit].astype(np.uint64)
            spikes["timestamps"].attrs["units"] = "ms"
    with _new(path / "signals.h5") as f:
        for name, signal in activity.signals.items():
            report = f.create_group(f"report/{name}")
            report["data"] = np.asarray(signal.values, np.float32)[:, None]
            report["data"].attrs["units"] = signal.unit or "dimensionless"
            mapping = report.create_group("mapping")
            mapping["node_ids"] = np.array([signal.unit_number or 0], np.uint64)
            mapping["index_pointers"] = np.array([0, 1], np.uint64)
            mapping["element_ids"] = np.zeros(1, np.uint32)
            mapping["time"] = [0.0, activity.steps * ms, ms]
            mapping["time"].attrs["units"] = "ms"
            mapping["node_ids"].attrs.create("sorted", 1, dtype=np.uint8)
    write_epochs(activity, path / "epochs.csv")


def _new(path: Path) -> h5py.File:
    f = h5py.File(path, "w")
    f.attrs["magic"], f.attrs["version"] = _MAGIC, _VERSION
    return f


formats.register("sonata")(Format("", write))
