"""Augmented direct feedback alignment: direct feedback with a fixed nonlinearity g in the place of the derivative.

``delta_l = (e @ B_l) * g(v_l)`` for any function g of the layer's potential: the units' own need not be known, and need
not have a derivative (Nakajima, Inoue, Tanaka, Kuniyoshi, Hashimoto & Nakajima 2022, Physical deep learning with
biologically inspired training method, Nature Communications 13:7847, https://doi.org/10.1038/s41467-022-35216-2).
"""

from __future__ import annotations

from typing import Any

from spikefa.core.expression_checks import check_expression
from spikefa.core.network import Network
from spikefa.pathways import pathways
from spikefa.pathways.direct import direct_feedback_alignment
from spikefa.projections.initializers import Initial
from spikefa.projections.precision import Precision
from spikefa.projections.projection import Projection


@pathways.register("augmented_direct")
def augmented_direct(
    network: Network,
    *,
    error: str,
    feedback: str,
    emit: str = "delta = tanh(u)",
    emit_error: str | None = None,
    B: Initial,
    nonlinearity: str,
    feedback_precision: Precision | None = None,
    namespace: dict[str, Any] | None = None,
) -> list[Projection]:
    r"""Send the error to each hidden layer directly, and multiply it there by a function of the layer's own.

    Parameters
    ----------
    network, error, feedback, emit, emit_error, B, feedback_precision, namespace
        As in `direct_feedback_alignment`. Hidden layers multiply the ``delta`` of `emit` by the nonlinearity, so that
        neither it nor their rule has the derivative.
    nonlinearity : str
        An expression of the layer's variables, written ``layer_NAME``, such as ``"cos(layer_v)"``.

    Returns
    -------
    list of Projection
        The feedback projections, top down.

    Raises
    ------
    ArgumentError
        If the network has no layer, `nonlinearity` is no text, or as its parts.
    EquationError
        If `nonlinearity` is no expression.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> projections = fa.augmented_direct(net, **error, **feedback, nonlinearity="cos(layer_I)", B=fa.uniform(0.5))
    >>> [population.name for population in net.feedback]
    ['error_output', 'feedback_hidden']
    """
    check_expression("Pathway augmented_direct", "nonlinearity", nonlinearity)
    return direct_feedback_alignment(
        network,
        error=error,
        feedback=feedback,
        emit=f"{emit}\ndelta = delta * ({nonlinearity})",
        emit_error=emit if emit_error is None else emit_error,
        B=B,
        feedback_precision=feedback_precision,
        namespace=namespace,
    )
