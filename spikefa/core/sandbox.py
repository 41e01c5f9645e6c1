"""The sandbox: a network runs in it without a trace, for evaluations and recordings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from spikefa._checks import one_of
from spikefa.core.network import Network

#: Purpose -> high word of the random key, which separates its random numbers from those of learning (0).
_HIGH_WORDS = {"evaluation": 1, "recording": 2}


@contextmanager
def sandboxed(network: Network, purpose: Literal["evaluation", "recording"]) -> Iterator[None]:
    """Within it, a network starts from its initial state at step 0; afterwards everything is as it was.

    Random numbers are of their own, weights do not learn, and the user's monitors do not record.

    Parameters
    ----------
    network : Network
    purpose : {"evaluation", "recording"}
        In an evaluation only the forward path runs; in a recording the feedback pathway, too.

    Raises
    ------
    ArgumentError
        If the network has no task yet.
    """
    one_of("sandboxed", "purpose", purpose, tuple(_HIGH_WORDS))
    network.require_task("sandboxed")
    slots = {"start", "forward"} if purpose == "evaluation" else {"start", "forward", "feedback"}
    parts = [obj for obj in network.objects if getattr(obj, "runs_in_evaluation", False)]
    own = {id(obj) for part in parts for obj in (part, *part.contained_objects)}
    state = {name: array.copy() for name, array in network.state().items()}
    step, key, stimulus = network.step, network.key[0], network.stimulus.save()
    counts = network.readout.save()
    active = [(obj, obj.active) for obj in network.sorted_objects]
    try:
        for obj, was in active:
            obj.active = was and (obj is network.readout or (id(obj) in own and obj.when in slots))
        network.reset_state()
        network.key[0] = network.seed + (_HIGH_WORDS[purpose] << 32)
        network.step = 0
        network.readout.begin_anew()
        yield
    finally:
        for obj, was in active:
            obj.active = was
        for name, array in network.state().items():
            array[...] = state[name]
        network.step, network.key[0] = step, key
        network.stimulus.restore(stimulus)
        network.readout.restore(counts)
