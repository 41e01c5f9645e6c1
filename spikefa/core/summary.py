"""The summary of a network: its populations and projections as a table, in text and HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Summary:
    r"""What a network consists of: `print` it, or end a notebook's cell with it.

    Parameters
    ----------
    title : str
    populations : tuple of dict
        Of each: ``name``, ``kind``, ``units``, ``bytes`` (the state of all streams).
    projections : tuple of dict
        Of each: ``name``, ``shape``, ``synapses``, ``bytes`` (weights, biases, and what a rule remembers), ``rule``
        (None if it is fixed).

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> projection = fa.Projection(net, image, output, fa.uniform(0.5))
    >>> print(net.summary())
    Network of 1 stream, seed 0, float32, dt = 1. ms
    <BLANKLINE>
    population  kind   units  memory
    image       Input      4    32 B
    output      Layer      2    16 B
    <BLANKLINE>
    projection       shape  synapses  memory  rule
    image_to_output  4 x 2         8    40 B  fixed
    <BLANKLINE>
    8 synapses, 88 B
    """

    title: str
    populations: tuple[dict[str, Any], ...]
    projections: tuple[dict[str, Any], ...]

    @property
    def synapses(self) -> int:
        """Synapses in all; those that share the weights of others do not count."""
        return sum(row["synapses"] for row in self.projections)

    @property
    def bytes(self) -> int:
        """Memory of all arrays of state and weights."""
        return sum(row["bytes"] for row in (*self.populations, *self.projections))

    def _tables(self) -> list[list[tuple[str, ...]]]:
        first = [("population", "kind", "units", "memory")]
        first += [(row["name"], row["kind"], f"{row['units']:,}", size_text(row["bytes"])) for row in self.populations]
        second = [("projection", "shape", "synapses", "memory", "rule")]
        for row in self.projections:
            shape = f"{row['shape'][0]:,} x {row['shape'][1]:,}"
            rule = row["rule"] or "fixed"
            second.append((row["name"], shape, f"{row['synapses']:,}", size_text(row["bytes"]), rule))
        return [first, second]

    @property
    def _total(self) -> str:
        return f"{self.synapses:,} synapses, {size_text(self.bytes)}"

    def __str__(self) -> str:
        return "\n\n".join([self.title, *map(_as_text, self._tables()), self._total])

    def _repr_html_(self) -> str:
        """Return the tables for a notebook."""
        parts = [f"<p>{html.escape(self.title)}</p>"]
        for head, *rows in self._tables():
            parts.append("<table><thead>" + _html_row("th", head) + "</thead><tbody>")
            parts += [_html_row("td", row) for row in rows]
            parts.append("</tbody></table>")
        return "".join([*parts, f"<p>{self._total}</p>"])


def summary_of(network: Any) -> Summary:
    """Return the summary of a network.

    Parameters
    ----------
    network : Network
    """
    streams = f"{network.streams:,} stream{'s'[: network.streams != 1]}"
    title = f"Network of {streams}, seed {network.seed}, {network.dtype}, dt = {network.clock.dt}"
    populations = [
        {
            "name": population.name,
            "kind": type(population).__name__,
            "units": population.units,
            "bytes": _bytes(population.state_arrays().values()),
        }
        for population in network.populations
    ]
    return Summary(title, tuple(populations), tuple(map(_projection, network.projections)))


def _projection(projection: Any) -> dict[str, Any]:
    learning, own = projection.learning, projection.state_arrays()
    remembered = {} if learning is None else learning.state_arrays()
    return {
        "name": projection.name,
        "shape": projection.shape,
        "synapses": projection.synapse_count if own else 0,
        "bytes": _bytes([*own.values(), *remembered.values()]),
        "rule": _rule(projection, own),
    }


def _rule(projection: Any, own: dict[str, np.ndarray]) -> str | None:
    return projection.learns_by if own or not hasattr(projection, "source") else f"weights of {projection.source.name}"


def _bytes(arrays: Iterable[np.ndarray]) -> int:
    return sum(array.nbytes for array in arrays)


def size_text(size: int) -> str:
    """Return a number of bytes as people read it: ``9.0 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} B" if unit == "B" else f"{size:.3g} {unit}"


def _as_text(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    right = {"units", "shape", "synapses", "memory"}
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if head in right else cell.ljust(width)
            for cell, width, head in zip(row, widths, rows[0], strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _html_row(tag: str, cells: tuple[str, ...]) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"
