"""Kernels, random numbers and code generation; nothing here knows of networks."""

from __future__ import annotations

from brian2.codegen.codeobject import CodeObject
from brian2.codegen.targets import codegen_targets

TARGETS = ("cython", "numba", "numpy")


def code_object_class(target: str) -> type[CodeObject]:
    """Brian2's code-object class of a target: ``"numba"`` is ours, ``"numpy"`` and ``"cython"`` are stock.

    Raises
    ------
    ValueError
        If there is no such target.
    """
    if target not in TARGETS:
        raise ValueError(f"Network: target must be one of {list(TARGETS)}, got {target!r}")
    if target == "numba":
        from . import target as _registers_it  # noqa: F401
    return next(cls for cls in codegen_targets if cls.class_name == target)
