"""What the pathways have in common: the error population, and a feedback population for each hidden layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from spikefa._checks import shown
from spikefa.core.network import Network, require_network
from spikefa.errors import ArgumentError
from spikefa.populations.roles import ErrorPopulation, FeedbackPopulation, Layer


def error_population(
    network: Network, error: str, emit: str, namespace: dict[str, Any] | None, **options: Any
) -> ErrorPopulation:
    """Add the error population of the last layer."""
    if not require_network("Pathway", network).layers:
        raise ArgumentError("Pathway: the network has no Layer yet; add its layers first")
    top = network.layers[-1]
    return ErrorPopulation(network, f"error_{top.name}", top, error, emit=emit, namespace=namespace, **options)


def feedback_population(
    network: Network, layer: Layer, feedback: str, emit: str, namespace: dict[str, Any] | None, **options: Any
) -> FeedbackPopulation:
    """Add the feedback population of a layer."""
    name = f"feedback_{layer.name}"
    return FeedbackPopulation(network, name, layer, feedback, emit=emit, namespace=namespace, **options)


def spiking_options(
    receive: str, threshold: str | None, reset: str | None, refractory: Any, output: str, modulator: str | None
) -> dict[str, Any]:
    """Return what the pathways say of their populations where feedback is sent by spikes."""
    return {
        "receive": receive,
        "threshold": threshold,
        "reset": reset,
        "refractory": refractory,
        "output": output,
        "modulator": modulator,
    }


def chain(
    network: Network,
    error: str,
    feedback: str,
    emit: str,
    emit_error: str | None,
    namespace: dict[str, Any] | None,
    **options: Any,
) -> list[FeedbackPopulation]:
    """Add the error population and the feedback populations, top down, and return them in that order."""
    top = error_population(network, error, emit if emit_error is None else emit_error, namespace, **options)
    down = network.hidden[::-1]
    return [top, *(feedback_population(network, layer, feedback, emit, namespace, **options) for layer in down)]


#: Forward projections between layers, from below to above, by the layers' names.
Connections = Sequence[tuple[str, str]]


def feedback_pairs(
    network: Network, populations: list[FeedbackPopulation], connections: Connections | None
) -> list[tuple[FeedbackPopulation, FeedbackPopulation, str]]:
    """Return which population receives which, with the name of the forward projection that they go back along.

    Parameters
    ----------
    network : Network
    populations : list of FeedbackPopulation
        As `chain` returns them, one a layer.
    connections : sequence of (str, str), optional
        Each layer to the next by default.

    Returns
    -------
    list of (above, below, name)
        From the last hidden layer down.

    Raises
    ------
    ArgumentError
        If a connection is none from a layer to a later one, or is there twice, or a hidden layer has none.
    """
    names = [layer.name for layer in network.layers]
    pairs = list(pairwise(names)) if connections is None else _checked(names, connections)
    of = {population.layer.name: population for population in populations}
    return [
        (of[above], of[below], f"{below}_to_{above}")
        for layer in names[-2::-1]
        for below, above in pairs
        if below == layer
    ]


def _checked(names: list[str], connections: Connections) -> list[tuple[str, str]]:
    later = [(below, above) for number, below in enumerate(names) for above in names[number + 1 :]]
    listed = isinstance(connections, Sequence) and not isinstance(connections, str)
    pairs = [tuple(pair) if isinstance(pair, list) else pair for pair in connections] if listed else []
    wrong = [pair for pair in pairs if not isinstance(pair, tuple) or pair not in later or pairs.count(pair) > 1]
    if wrong or not listed:
        raise ArgumentError(
            f"Pathway: connections must be pairs of layers (below, above) in the order {names}, each once, got "
            f"{shown(wrong[0] if wrong else connections)}"
        )
    for name in names[:-1]:
        if all(below != name for below, _ in pairs):
            raise ArgumentError(f"Pathway: connections must lead from {name!r} to a later layer, got {shown(pairs)}")
    return pairs


def forward_name(network: Network, layer: Layer) -> str:
    """Name of the forward projection from a layer to the one above it, which need not exist yet."""
    above = network.layers[network.layers.index(layer) + 1]
    return f"{layer.name}_to_{above.name}"
