"""Pseudobackprop: each layer receives the feedback population above it through the pseudoinverse of its own weights.

``delta_l = (delta_{l+1} @ W_{l+1}^+) * f'`` where `emit` has the derivative; without it, the Gauss-Newton step of the
hidden units (Lillicrap, Cownden, Tweed & Akerman 2016, Supplementary Notes).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from brian2 import Quantity

from spikefa._checks import in_range
from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways._chain import chain, forward_name, spiking_options
from spikefa.projections.derived import DerivedProjection


@pathways.register("pseudobackprop")
def pseudobackprop(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    every: int = 1,
    cutoff: float | None = None,
    namespace: dict[str, Any] | None = None,
    delay: Quantity | None = None,
    receive: str = "",
    threshold: str | None = None,
    reset: str | None = None,
    refractory: Any = False,
    output: str = "delta",
    modulator: str | None = None,
) -> list[DerivedProjection]:
    r"""Send the error down through pseudoinverses of the forward weights.

    Add the error population, and a feedback population for each layer below it.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, namespace
    delay, receive, threshold, reset, refractory, output, modulator
        As in `feedback_alignment`. The forward projections may be added later; each layer has one to the next.
    every : int
        Steps from one computation of the pseudoinverses to the next.
    cutoff : float, optional
        Singular values below this fraction of the largest one count as 0; those of rounding alone by default. A square
        matrix of random weights has some that are next to 0, which its inverse would blow up.

    Returns
    -------
    list of DerivedProjection
        The feedback projections, top down.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> projections = fa.pseudobackprop(net, **error, **feedback)
    >>> [population.name for population in net.feedback]
    ['error_output', 'feedback_hidden']
    """
    if cutoff is not None:
        in_range("Pathway pseudobackprop", "cutoff", cutoff, 0, 1)

    def pseudoinverse(W: np.ndarray) -> np.ndarray:
        return np.linalg.pinv(W) if cutoff is None else np.linalg.pinv(W, cutoff)

    spiking = spiking_options(receive, threshold, reset, refractory, output, modulator)
    populations = chain(network, error, feedback, emit, emit_error, namespace, **spiking)
    return [
        DerivedProjection(
            network, above, below, forward_name(network, below.layer), pseudoinverse, every=every, delay=delay
        )
        for above, below in pairwise(populations)
    ]
