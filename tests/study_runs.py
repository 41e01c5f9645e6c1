"""Studies of a tiny rate network on the digits, whose runs are compared bit for bit."""

import h5py
import numpy as np

import spikefa as fa

CHANGES = {"sizes": (64, 5, 10), "classes": 10, "weight_range": 0.3, "eta": 1e-3}
SETTINGS = {"data": "digits", "streams": 100, "validation": 237, "record_activity": False, "epochs": 1}


def study_of(directory, model, vary, seeds, **more):
    """State a study of the model in `tests/rate_model.py`."""
    changes = {name: value for name, value in CHANGES.items() if name not in vary} | more.pop("changes", {})
    return fa.Study(directory, model, vary, seeds, changes=changes, **SETTINGS | more)


def contents(run):
    """All that a run has learned and measured; not the seconds that it took."""
    found = {}
    with h5py.File(run.directory / "checkpoint.h5") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    metrics = run.metrics()
    return {name: value for name, value in found.items() if name not in ("progress/seconds", "progress/metrics")} | {
        f"metrics/{name}": column for name, column in metrics.items() if name != "seconds"
    }


def assert_same(runs, others):
    """Two sets of runs are equal bit for bit."""
    assert list(runs) == list(others)
    for name, (_, run) in runs.items():
        found, expected = contents(run), contents(others[name][1])
        assert list(found) == list(expected)
        for key, value in expected.items():
            np.testing.assert_array_equal(found[key], value, err_msg=f"{name}: {key}")
