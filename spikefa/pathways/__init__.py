"""Pathways: the feedback populations and projections that carry the error down. One short file each.

``pathways["alignment"](network, ...)`` adds one by its name; `pathways` lists all, also those of other distributions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from spikefa._registry import Registry
from spikefa.core.network import Network, require_network

#: Name -> function that adds the pathway to a network with layers and returns its feedback projections.
pathways: Registry[Callable[..., list]] = Registry("pathway", "spikefa.pathways")


def add_pathway(network: Network, name: str, **options: Any) -> list:
    r"""Add a pathway by its name, with those of the options that it takes.

    A model states all that any of its pathways needs, and leaves the choice to a parameter.

    Parameters
    ----------
    network : Network
        With its layers.
    name : str
        A key of `pathways`.
    **options
        Such as ``error``, ``feedback``, ``emit``, ``B`` and ``namespace``; options that the pathway has no argument for
        are left out.

    Returns
    -------
    list of Projection
        The pathway's projections, as its function returns them.

    Raises
    ------
    ArgumentError
        If there is no such pathway, or as it does.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> hidden, output = (fa.Layer(net, name, units, **graded) for name, units in (("hidden", 3), ("output", 2)))
    >>> error = {"error": "target : 1\ndelta : 1", "emit_error": "delta = layer_y - target"}

    >>> feedback = {"feedback": "J : 1\ndelta : 1", "emit": "delta = J"}
    >>> projections = fa.add_pathway(net, "alignment", **error, **feedback, B=fa.uniform(0.5))
    """
    require_network("add_pathway", network)
    add = pathways[name]
    takes = inspect.signature(add).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values()):
        return add(network, **options)
    return add(network, **{key: value for key, value in options.items() if key in takes})
