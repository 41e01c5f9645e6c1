"""Recordings as xarray: dimensions unit, stream and time, with physical units as attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import SpikeMonitor, StateMonitor, get_unit

from spikefa._checks import refuse
from spikefa._optional import optional
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.populations.population import Population

if TYPE_CHECKING:
    import xarray


def to_xarray(recording: ActivityRecording | StateMonitor | SpikeMonitor) -> xarray.Dataset:
    """Return a recording with names for its dimensions.

    Parameters
    ----------
    recording : ActivityRecording, StateMonitor or SpikeMonitor
        Of training, or a monitor of Brian2 on a population.

    Returns
    -------
    xarray.Dataset
        Of a state monitor: each variable by ``unit``, ``stream`` and ``time``, NaN where a neuron was not recorded. Of
        a spike monitor: ``unit``, ``stream`` and ``time`` of each ``spike``. Of an activity recording: spikes, ``v``
        and ``delta`` by layer, ``label`` and number of the image by ``time``. Times are in ms; ``attrs["units"]`` has
        the unit of each variable.

    Raises
    ------
    ArgumentError
        If it is none of these, or a monitor of something else than a population.
    SpikefaError
        If xarray is not installed.
    """
    xr = optional("xarray", "to_xarray", "analysis")
    if isinstance(recording, ActivityRecording):
        return _of_activity(xr, recording)
    if isinstance(recording, StateMonitor | SpikeMonitor) and isinstance(recording.source, Population):
        return (_of_states if isinstance(recording, StateMonitor) else _of_spikes)(xr, recording)
    refuse("to_xarray", "recording", "be an ActivityRecording, or a Brian2 monitor of a population", recording)


def _time(seconds: np.ndarray) -> tuple[str, np.ndarray, dict[str, str]]:
    return "time", np.asarray(seconds) * 1e3, {"units": "ms"}


def _of_states(xr: Any, monitor: StateMonitor) -> Any:
    population = monitor.source
    neurons = np.asarray(monitor.record)
    units, row = np.unique(neurons // population.streams, return_inverse=True)
    streams, column = np.unique(neurons % population.streams, return_inverse=True)
    variables = {}
    for name in monitor.record_variables:
        values = np.asarray(getattr(monitor, f"{name}_"))  # (neurons, times), without units
        grid = np.full((len(units), len(streams), values.shape[1]), np.nan, np.result_type(values.dtype, np.float32))
        grid[row, column] = values
        unit = get_unit(population.variables[name].dim)
        variables[name] = (("unit", "stream", "time"), grid, {"units": _symbol(unit)})
    found = xr.Dataset(variables, {"unit": units, "stream": streams, "time": _time(monitor.t_)})
    return found.assign_attrs(population=population.name)


def _of_spikes(xr: Any, monitor: SpikeMonitor) -> Any:
    population, neurons = monitor.source, np.asarray(monitor.i)
    variables = {
        "unit": ("spike", neurons // population.streams),
        "stream": ("spike", neurons % population.streams),
        "time": ("spike", np.asarray(monitor.t_) * 1e3, {"units": "ms"}),
    }
    attrs = {"population": population.name, "n_units": population.units, "n_streams": population.streams}
    return xr.Dataset(variables).assign_attrs(attrs)


def _of_activity(xr: Any, recording: ActivityRecording) -> Any:
    variables = {}
    for layer, spikes in recording.spikes.items():
        variables[f"spikes_{layer}"] = (("time", f"unit_{layer}"), spikes, {"units": "1"})
    for layer in recording.hidden:
        variables[f"v_{layer}"] = ("time", recording.v[layer], {"units": "1"})
        variables[f"delta_{layer}"] = ("time", recording.delta[layer], {"units": "1"})
    image = np.repeat(np.arange(len(recording.labels)), recording.steps_per_image)
    coordinates = {
        "time": ("time", recording.t, {"units": "ms"}),
        "image": ("time", image),
        "label": ("time", recording.labels[image]),
        f"class_{recording.output}": (f"unit_{recording.output}", recording.output_classes),
    }
    attrs = {"images_seen": recording.images_seen, "stage": recording.label, "stream": 0}
    return xr.Dataset(variables, coordinates).assign_attrs(attrs)


def _symbol(unit: Any) -> str:
    return "1" if unit.dim.is_dimensionless else str(unit)
