"""NWB, Neurodata Without Borders: one file with units, signals and trials."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np

from spikefa._checks import instance
from spikefa.exchange.activity import Activity
from spikefa.exchange.formats import Format, formats
from spikefa.exchange.libraries import library


def to_nwb(activity: Activity) -> Any:
    """Return activity as a `pynwb.NWBFile`.

    Each unit is a row of ``units``, those that never spiked included, with its ``population`` and its
    number, ``unit``. Signals are time series of the acquisition, whose description says of which unit; what was shown
    is ``trials``, with its ``label`` and details.

    Raises
    ------
    ArgumentError
        If pynwb is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> spikes = {"h1": np.eye(4, dtype=bool)}  # four steps, four units
    >>> activity = fa.exchange.Activity("mine", 1e-3, spikes, epochs=((0, 2, "a"), (2, 2, "b")))
    >>> fa.exchange.to_nwb(activity).trials["label"][:]
    ['a', 'b']
    """
    instance("to_nwb", "activity", activity, Activity, "an Activity")
    pynwb = library("pynwb", "nwb")
    file = pynwb.NWBFile(
        session_description=activity.description,
        experiment_description=activity.description,
        identifier=activity.name,
        session_start_time=datetime.datetime.now(datetime.UTC),
        keywords=["simulation", "spiking neural network"],
    )
    file.add_unit_column("population", "population of the unit")
    file.add_unit_column("unit", "number of the unit in its population")
    for name, unit, times in activity.trains():
        file.add_unit(spike_times=times, obs_intervals=[[0.0, activity.duration]], population=name, unit=unit)
    file.units.resolution = activity.dt
    for name, signal in activity.signals.items():
        of = "one unit" if signal.unit_number is None else f"unit {signal.unit_number}"
        file.add_acquisition(
            pynwb.TimeSeries(
                name=name.replace("/", "_"),
                description=f"{name} of {of}",
                data=np.asarray(signal.values),
                unit=signal.unit or "dimensionless",
                starting_time=0.0,
                rate=1 / activity.dt,
            )
        )
    file.add_trial_column("label", "what was shown")
    for name in activity.details:
        file.add_trial_column(name, f"{name} number of what was shown")
    for k, (start, steps, label) in enumerate(activity.epochs):
        details = {name: int(numbers[k]) for name, numbers in activity.details.items()}
        begin, end = start * activity.dt, (start + steps) * activity.dt
        file.add_trial(start_time=begin, stop_time=end, label=label, **details)
    return file


def write(activity: Activity, path: Path) -> None:
    """Write an NWB file."""
    with library("pynwb", "nwb").NWBHDF5IO(str(path), "w") as io:
        io.write(to_nwb(activity))


formats.register("nwb")(Format(".nwb", write))
