"""The code-generation targets of Brian2 on which a network's equations can run."""

from __future__ import annotations

from brian2.codegen.codeobject import CodeObject
from brian2.codegen.targets import codegen_targets

from spikefa._checks import one_of
from spikefa.engine.brian2_target.target import NumbaCodeObject

TARGETS = ("cython", "numba", "numpy")


def code_object_class(target: str) -> type[CodeObject]:
    """Return Brian2's code-object class of a target: ``"numba"`` is ours, ``"numpy"`` and ``"cython"`` are stock.

    Raises
    ------
    ArgumentError
        If there is no such target.
    """
    one_of("Network", "target", target, TARGETS)
    return next(cls for cls in (NumbaCodeObject, *codegen_targets) if cls.class_name == target)
