"""Spike trains of Neo objects and NWB files, as data for a network."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from spikefa._checks import path as checked_path
from spikefa._checks import refuse
from spikefa.datasets.spike_trains import SpikeTrains
from spikefa.errors import ArgumentError, DataError
from spikefa.exchange.libraries import library


def trains_from_neo(segments: Any, duration: Any = None) -> SpikeTrains:
    """Return the spike trains of Neo segments: a segment is a sample, and each of its trains a unit.

    Parameters
    ----------
    segments : neo.Block, neo.Segment, neo.SpikeTrain, or a list of segments
    duration : Quantity or float, optional
        Time that each sample lasts: seconds, or a Brian2 quantity; by default that of the longest train.

    Raises
    ------
    ArgumentError
        If Neo is not installed, or the segments are none, or do not have equally many trains, or a spike is later.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> spikes = {"h1": np.eye(4, dtype=bool)}  # four steps, four units
    >>> activity = fa.exchange.Activity("mine", 1e-3, spikes, epochs=((0, 2, "a"), (2, 2, "b")))
    >>> fa.exchange.trains_from_neo(fa.exchange.to_neo(activity)).shape
    (1, 4)
    """
    owner, neo = "trains_from_neo", library("neo", "neo")
    if isinstance(segments, neo.Block):
        segments = list(segments.segments)
    elif isinstance(segments, neo.Segment):
        segments = [segments]
    elif isinstance(segments, neo.SpikeTrain):
        segment = neo.Segment()
        segment.spiketrains.append(segments)
        segments = [segment]
    if (
        not isinstance(segments, list | tuple)
        or not segments
        or not all(isinstance(segment, neo.Segment) for segment in segments)
    ):
        refuse(owner, "segments", "be Neo's block, segments or spike train", segments)
    units = {len(segment.spiketrains) for segment in segments}
    if len(units) != 1 or 0 in units:
        raise ArgumentError(f"{owner}: segments must have equally many spike trains, got {sorted(units)}")
    trains = [train for segment in segments for train in segment.spiketrains]
    times = [(train.times - train.t_start).rescale("s").magnitude for train in trains]
    if duration is None:
        duration = max(float((train.t_stop - train.t_start).rescale("s").magnitude) for train in trains)
    return _joined(times, len(segments), units.pop(), duration)


def trains_from_nwb(
    path: str | os.PathLike, label: str | None = None, duration: Any = None
) -> tuple[SpikeTrains, np.ndarray | None]:
    """Read the units of an NWB file: a row of its trials is a sample.

    Parameters
    ----------
    path : path
    label : str, optional
        Column of the trials that says what each is.
    duration : Quantity or float, optional
        Time that each sample lasts: seconds, or a Brian2 quantity; by default that of the longest trial.

    Returns
    -------
    trains : SpikeTrains
        Times are those since a trial's start; spikes outside the trials are left out.
    labels : ndarray (n,) or None
        What the column says.

    Raises
    ------
    ArgumentError
        If pynwb is not installed.
    DataError
        If the file cannot be read, or lacks units, trials, or the column.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> spikes = {"h1": np.eye(4, dtype=bool)}  # four steps, four units
    >>> activity = fa.exchange.Activity("mine", 1e-3, spikes, epochs=((0, 2, "a"), (2, 2, "b")))
    >>> path = fa.exchange.write_activity(activity, "mine.nwb", "nwb")
    >>> trains, labels = fa.exchange.trains_from_nwb(path, "label")
    >>> trains.shape, labels.tolist()
    ((2, 4), ['a', 'b'])
    """
    pynwb = library("pynwb", "nwb")
    path = checked_path("trains_from_nwb", "path", path)
    try:
        with pynwb.NWBHDF5IO(str(path), "r") as io:
            file = io.read()
            for name in ("units", "trials"):
                if getattr(file, name) is None or not len(getattr(file, name)):
                    raise DataError(f"{path}: must have {name}, got none")
            columns = file.trials.colnames
            if label is not None and label not in columns:
                raise DataError(f"{path}: label must be a column of the trials, {list(columns)}, got {label!r}")
            limits = np.stack([file.trials["start_time"][:], file.trials["stop_time"][:]], axis=1)
            labels = None if label is None else np.asarray(file.trials[label][:])
            units = [np.asarray(file.units["spike_times"][number]) for number in range(len(file.units))]
    except DataError:
        raise
    except Exception as error:  # of h5py and hdmf, whatever is damaged
        raise DataError(f"{path}: not a whole NWB file with spike times ({' '.join(str(error).split())})") from error
    times = [unit[(start <= unit) & (unit < stop)] - start for start, stop in limits for unit in units]
    if duration is None:
        duration = float(np.diff(limits, axis=1).max())
    return _joined(times, len(limits), len(units), duration), labels


def _joined(times: list[np.ndarray], samples: int, units: int, duration: Any) -> SpikeTrains:
    """Return trains of one list of times a unit, sample by sample."""
    train = np.repeat(np.arange(len(times)), [len(one) for one in times])
    sample, unit = np.divmod(train, units)
    return SpikeTrains(unit, np.concatenate(times), sample, units=units, samples=samples, duration=duration)
