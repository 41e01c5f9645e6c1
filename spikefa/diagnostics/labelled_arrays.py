"""Recordings as xarray: dimensions unit, stream and time, with physical units as attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import SpikeMonitor, StateMonitor, get_unit

from spikefa._checks import refuse
from spikefa._optional import optional
from spikefa.core.part import MARK
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.diagnostics.trial_monitor import TrialMonitor
from spikefa.populations.population import Population

if TYPE_CHECKING:
    import xarray


def to_xarray(
    recording: ActivityRecording | StateMonitor | SpikeMonitor, trials: TrialMonitor | None = None
) -> xarray.Dataset:
    r"""Return a recording with names for its dimensions.

    Parameters
    ----------
    recording : ActivityRecording, StateMonitor or SpikeMonitor
        Of training, or a monitor of Brian2 on a population.
    trials : TrialMonitor, optional
        Of the monitor's network: adds which ``image`` each stream saw, and its ``label`` if the network has classes, by
        ``time`` and ``stream`` or for each ``spike``; -1 where nothing was shown. Recordings of training have both. A
        state monitor samples at the start of a step, unless it has ``when="end"``: what it has at a time is of the step
        before, and so are the image and the label.

    Returns
    -------
    xarray.Dataset
        Of a state monitor: each variable by ``unit``, ``stream`` and ``time``, NaN where a neuron was not recorded. Of
        a spike monitor: ``unit``, ``stream`` and ``time`` of each ``spike``. Of an activity recording: spikes, ``v``
        and ``delta`` by layer, ``trial``, ``image`` and ``label`` by ``time``, -1 in gaps; the units of a layer ``h1``
        are ``unit_h1``, with their numbers in the network, and ``attrs["unit_number"]`` says whose ``v_h1`` and
        ``delta_h1`` are, if the recording knows. Times are in ms; ``attrs["units"]`` has the unit of each variable.

    Raises
    ------
    ArgumentError
        If it is none of these, or a monitor of something else than a population; or the trials are of another network.
    SpikefaError
        If xarray is not installed.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> from brian2 import StateMonitor
    >>> monitor = StateMonitor(output, "y", record=True)
    >>> net.add(monitor)
    >>> net.run_steps(5)
    >>> dict(fa.to_xarray(monitor).sizes)
    {'unit': 2, 'stream': 1, 'time': 5}
    """
    xr = optional("xarray", "to_xarray", "analysis")
    if isinstance(recording, ActivityRecording):
        if trials is not None:
            refuse("to_xarray", "trials", "be None with an ActivityRecording, which has them", trials)
        return _of_activity(xr, recording)
    if isinstance(recording, StateMonitor | SpikeMonitor) and isinstance(recording.source, Population):
        if trials is not None and not (isinstance(trials, TrialMonitor) and trials.network is recording.source.network):
            refuse("to_xarray", "trials", "be a TrialMonitor of the monitor's network", trials)
        found = (_of_states if isinstance(recording, StateMonitor) else _of_spikes)(xr, recording)
        return found if trials is None else _with_trials(found, trials, _is_of_the_step_before(recording))
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


def _is_of_the_step_before(monitor: StateMonitor | SpikeMonitor) -> bool:
    """Whether a monitor samples a population before it does its step, as a `StateMonitor` by default."""
    population = monitor.source
    slots = population.network.schedule
    sampled = slots.index(monitor.when), monitor.order
    return isinstance(monitor, StateMonitor) and sampled < (slots.index(population.slot), population.place + MARK)


def _with_trials(found: Any, trials: TrialMonitor, late: bool) -> Any:
    """Return a monitor's dataset with the image that was shown, and its label."""
    table = trials.table()
    spikes = "spike" in found.dims
    time = found.time.values if spikes else found.time.values[:, None]
    if late:
        time = time - trials.network.clock.dt_ * 1e3
    rows = trials.rows_at(time, found.stream.values)
    dims = ("spike",) if spikes else ("time", "stream")
    columns = {name: table[name] for name in ("image", "label") if name in table}
    shown = {name: (dims, np.append(column, -1)[rows]) for name, column in columns.items()}
    return found.assign(shown) if spikes else found.assign_coords(shown)


def _of_activity(xr: Any, recording: ActivityRecording) -> Any:
    variables = {}
    for layer, spikes in recording.spikes.items():
        variables[f"spikes_{layer}"] = (("time", f"unit_{layer}"), spikes, {"units": "1"})
    for layer in recording.hidden:
        of = {"unit_number": recording.traced_units[layer]} if recording.traced_units else {}
        variables[f"v_{layer}"] = ("time", recording.v[layer], {"units": recording.units.get(layer, "1")} | of)
        variables[f"delta_{layer}"] = ("time", recording.delta[layer], {"units": "1"} | of)
    trials = recording.trials()
    trial, step = np.divmod(np.arange(recording.steps), recording.steps_per_image)
    trial = np.where(step < recording.steps_per_image - recording.gap_steps, trial, -1)
    coordinates = {
        "time": ("time", recording.t, {"units": "ms"}),
        "trial": ("time", trial),
        **{name: ("time", np.append(trials[name], -1)[trial]) for name in ("image", "label")},
        **{f"unit_{layer}": numbers for layer, numbers in recording.unit_numbers.items()},
        f"class_{recording.output}": (f"unit_{recording.output}", recording.output_classes),
    }
    attrs = {"images_seen": recording.images_seen, "stage": recording.label, "stream": 0}
    return xr.Dataset(variables, coordinates).assign_attrs(attrs)


def _symbol(unit: Any) -> str:
    return "1" if unit.dim.is_dimensionless else str(unit)
