"""The sandbox: a network runs in it without a trace, for evaluations and recordings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from brian2 import BrianObject, NetworkOperation, get_device

from spikefa._checks import one_of
from spikefa.core.changes import MONITORS, all_objects, dependencies, pathways, reached
from spikefa.core.network import Network, require_network
from spikefa.core.part import Part
from spikefa.core.run_context import one_at_a_time
from spikefa.engine.brian2_internals import set_spikes_under_way, spikes_under_way

#: Purpose -> high word of the random key, which separates its random numbers from those of learning (0).
_HIGH_WORDS = {"evaluation": 1, "recording": 2}


def run_to_end(network: Network, steps: int) -> None:
    """Run for a number of steps, and raise if something stops the network before: half a measurement is none.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, at which Brian2 ends a run early and goes on as if it had not, or `stop`.
    """
    start = network.step
    network.run_steps(steps)
    if network.step != start + steps:
        raise KeyboardInterrupt(f"{network.name}: was stopped after {network.step - start} of {steps} steps")


@contextmanager
def sandboxed(network: Network, purpose: Literal["evaluation", "recording"]) -> Iterator[None]:
    r"""Within it, a network starts from its initial state at step 0; afterwards everything is as it was.

    The whole network runs, Brian2's own objects too, and parameters have their present values. These do not take part:

    * learning: rules, averages of weights and all else in the slot ``plasticity``;
    * monitors;
    * objects named by `Network.leave_out_of_evaluations`;
    * in an evaluation, the error, which has no targets, and the feedback populations that it drives or that no forward
      layer depends on. Forward layers that depend on the error's feedback see it in its initial state.

    Parameters that `Population.set_in_evaluations` names have their values there, and states that
    `Population.keep_in_evaluations` names start as they are. Random numbers of populations are the sandbox's own.
    Brian2's synapses start with their present weights and without spikes under way. What a `NetworkOperation` changes
    outside the network, such as a list of the script, is not put back.

    Parameters
    ----------
    network : Network
    purpose : {"evaluation", "recording"}
        In a recording the error and all feedback run, too.

    Raises
    ------
    ArgumentError
        If the network has no task yet.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4, emit="s = x", threshold=None)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)

    >>> projection = fa.Projection(net, "image", "output", fa.uniform(0.5))

    >>> task = fa.classification_task(net, steps_per_image=2, classes=2)
    >>> with fa.sandboxed(net, "recording"):
    ...     net.stimulus.show_images([[1.0, 1.0, 0.0, 0.0]], [0])
    ...     net.run_steps(2)
    >>> net.step
    0
    """
    one_of("sandboxed", "purpose", purpose, tuple(_HIGH_WORDS))
    require_network("sandboxed", network).require_task("sandboxed")
    with one_at_a_time():  # Brian2's random numbers, which are put back, are of the whole process
        yield from _sandboxed(network, purpose)


def _sandboxed(network: Network, purpose: str) -> Iterator[None]:
    has_begun = network.has_begun
    network.begin()
    still = _standing_still(network, purpose)
    # What a user's own operation may do to weights is not known.
    unknown = any(isinstance(obj, NetworkOperation) for obj in network.objects)
    arrays = network.state() | (network.parameters() if unknown else {})
    state = {name: array.copy() for name, array in arrays.items()}
    under_way = [(pathway, spikes_under_way(pathway)) for pathway in pathways(network.objects)]
    step, key, stimulus = network.step, network.key[0], network.stimulus.save()
    counts, randomness = network.readout.save(), get_device().get_random_state()
    active = [(obj, obj.active) for obj in all_objects(network.objects)]
    try:
        for obj, was in active:
            obj.active = was and id(obj) not in still
        network.reset_state(for_evaluation=True)
        for pathway, _ in under_way:
            set_spikes_under_way(pathway, None)
        network.key[0] = network.seed + (_HIGH_WORDS[purpose] << 32)
        network.step, network.outer_step = 0, step
        network.readout.begin_anew()
        yield
    finally:
        for obj, was in active:
            obj.active = was
        for name, array in arrays.items():
            array[...] = state[name]
        for pathway, spikes in under_way:
            set_spikes_under_way(pathway, spikes)
        network.step, network.outer_step = step, None
        network.key[0], network.has_begun = key, has_begun
        network.stimulus.restore(stimulus)
        network.readout.restore(counts)
        get_device().set_random_state(randomness)


def _standing_still(network: Network, purpose: str) -> set[int]:
    """Return the ids of the objects that do not take part."""
    left_out = list(all_objects(network.left_out_of_evaluations))
    feedback = _unneeded_feedback(network) if purpose == "evaluation" else []
    names = {population.name for population in feedback}
    left_out += all_objects(feedback)
    for obj in all_objects(network.objects):
        part = isinstance(obj, Part)
        learning = obj.when == "plasticity" or (part and "learning" in obj.roles)
        unasked = isinstance(obj, MONITORS) or (part and not obj.runs_in_evaluation)
        written = {owner.name for owner, _ in obj.writes()} if part else set()
        if learning or unasked or (obj is not network.stimulus and written & names):
            left_out.append(obj)
    return {id(obj) for obj in left_out}


def _unneeded_feedback(network: Network) -> list[BrianObject]:
    """Return the error, the feedback populations that it drives, and those that no forward layer depends on."""
    reads = dependencies(network.objects)
    driving: dict[str, set[str]] = {}
    for name, sources in reads.items():
        for source in sources:
            driving.setdefault(source, set()).add(name)
    forward = {population.name for population in network.populations if population.slot != "feedback"}
    needed = reached(forward, reads)
    driven = reached({error.name for error in network.errors}, driving)
    feedback = [population for population in network.populations if population.slot == "feedback"]
    return [population for population in feedback if population.name in driven or population.name not in needed]
