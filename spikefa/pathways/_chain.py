"""What the pathways have in common: the error population, and a feedback population for each hidden layer."""

from __future__ import annotations

from typing import Any

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


def forward_name(network: Network, layer: Layer) -> str:
    """Name of the forward projection from a layer to the one above it, which need not exist yet."""
    above = network.layers[network.layers.index(layer) + 1]
    return f"{layer.name}_to_{above.name}"
