"""The sandbox: a network runs in it without a trace, for evaluations and recordings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from spikefa._checks import one_of
from spikefa.core.network import Network

#: Purposes, each the high word of the random key, which separates their random numbers from those of learning (0).
EVALUATION, RECORDING = 1, 2


@contextmanager
def sandboxed(network: Network, purpose: int) -> Iterator[None]:
    """Within it, a network starts from its initial state at step 0; afterwards everything is as it was.

    Random numbers are of their own, weights do not learn, and the user's monitors do not record.

    Parameters
    ----------
    network : Network
    purpose : int
        `EVALUATION`: only the forward path runs; `RECORDING`: the feedback pathway too.

    Raises
    ------
    ArgumentError
        If the network has no task yet.
    """
    one_of("sandboxed", "purpose", purpose, (EVALUATION, RECORDING))
    network.require_task("sandboxed")
    slots = {"start", "forward"} if purpose == EVALUATION else {"start", "forward", "feedback"}
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
        network.key[0] = network.seed + (purpose << 32)
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
