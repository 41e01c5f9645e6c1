"""Sections of the benchmark, one short file a section, named after it.

A section is a function of a `Setting` and an empty `Section`, to which it adds rows. The first line of its docstring is
its title.
"""

from __future__ import annotations

from collections.abc import Callable

from spikefa._registry import Registry

#: Name -> function of a `Setting` and a `Section`. Other distributions add sections by entry points of the group
#: ``spikefa.benchmarks``. Listing the names imports none of them.
sections: Registry[Callable[..., None]] = Registry(
    "benchmark section", "spikefa.bench.sections", group="spikefa.benchmarks", separator="-"
)
