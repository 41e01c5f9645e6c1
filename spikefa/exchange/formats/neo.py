"""Neo: objects that Elephant and other tools of electrophysiology take, and NIX files of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from spikefa._checks import instance
from spikefa.exchange.activity import Activity
from spikefa.exchange.formats import Format, formats
from spikefa.exchange.libraries import library


def to_neo(activity: Activity) -> Any:
    """Return activity as a `neo.Block` of one segment.

    Each unit is a spike train, those that never spiked included, annotated with its ``population`` and its
    number, ``unit``. Signals are analog signals, annotated with the ``unit`` that they are of; what was shown is the
    epoch "stimulus", with the details as array annotations.

    Raises
    ------
    ArgumentError
        If Neo is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> spikes = {"h1": np.eye(4, dtype=bool)}  # four steps, four units
    >>> activity = fa.exchange.Activity("mine", 1e-3, spikes, epochs=((0, 2, "a"), (2, 2, "b")))
    >>> len(fa.exchange.to_neo(activity).segments[0].spiketrains)
    4
    """
    instance("to_neo", "activity", activity, Activity, "an Activity")
    neo, pq = library("neo", "neo"), library("quantities", "neo")
    segment = neo.Segment(name=activity.name)
    for name, unit, times in activity.trains():
        segment.spiketrains.append(
            neo.SpikeTrain(
                times,
                units="s",
                t_stop=activity.duration,
                sampling_rate=1 / activity.dt * pq.Hz,
                name=f"{name} {unit}",
                population=name,
                unit=unit,
            )
        )
    for name, signal in activity.signals.items():
        of = {} if signal.unit_number is None else {"unit": int(signal.unit_number)}
        segment.analogsignals.append(
            neo.AnalogSignal(
                np.asarray(signal.values)[:, None],
                units=signal.unit or "dimensionless",
                sampling_period=activity.dt * pq.s,
                name=name,
                **of,
            )
        )
    start, steps = (np.array([epoch[n] for epoch in activity.epochs], float) * activity.dt for n in (0, 1))
    labels = np.array([label for *_, label in activity.epochs], dtype="U")
    details = {name: np.asarray(numbers) for name, numbers in activity.details.items()}
    segment.epochs.append(
        neo.Epoch(start * pq.s, steps * pq.s, labels, name="stimulus", array_annotations=details or None)
    )
    block = neo.Block(name=activity.name, description=activity.description)
    block.segments.append(segment)
    segment.check_relationships()
    return block


def write(activity: Activity, path: Path) -> None:
    """Write a NIX file."""
    library("nixio", "neo")
    io = library("neo.io", "neo").NixIO(str(path), mode="ow")
    try:
        io.write_block(to_neo(activity))
    finally:
        io.close()


formats.register("neo")(Format(".nix", write))
