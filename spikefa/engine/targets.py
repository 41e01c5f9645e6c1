"""The code-generation targets of Brian2 on which a network's equations can run."""

from __future__ import annotations

from brian2.codegen.codeobject import CodeObject
from brian2.codegen.targets import codegen_targets

from spikefa.engine.brian2_target.target import NumbaCodeObject
from spikefa.errors import ArgumentError

TARGETS = ("cython", "numba", "numpy")


def code_object_class(target: str) -> type[CodeObject]:
    """Return Brian2's code-object class of a target: ``"numba"`` is ours, ``"numpy"`` and ``"cython"`` are stock.

    Raises
    ------
    ArgumentError
        If there is no such target.
    """
    if target not in TARGETS:
        raise ArgumentError(f"Network: target must be one of {list(TARGETS)}, got {target!r}")
    return next(cls for cls in (NumbaCodeObject, *codegen_targets) if cls.class_name == target)
