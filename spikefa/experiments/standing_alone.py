"""A run keeps its model's file alone: what is beside the file is refused before a run begins, not when it is opened."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path

from spikefa.errors import ModelError
from spikefa.experiments.params import title_of


def require_standing_alone(name: str, path: Path, source: str) -> None:
    """Refuse a model whose file needs what would not be found from the run's directory.

    These are modules that are found only since the process runs where they lie, and files beside the model.

    Raises
    ------
    ModelError
        If the file imports such modules, or looks for files by ``__file__``.
    """
    tree = ast.parse(source)
    if any(isinstance(node, ast.Name) and node.id == "__file__" for node in ast.walk(tree)):
        _refuse(name, path, "files found by __file__")
    if beside := sorted({module for module in _imported(tree) if _is_found(module) and not _is_installed(module)}):
        _refuse(name, path, f"imports of {', '.join(beside)}")


def _refuse(name: str, path: Path, what: str) -> None:
    raise ModelError(
        f"{title_of(name)}: {path} must stand alone, since a run keeps this file without those beside it, got {what}; "
        "put what it needs into it, or install it as a package"
    )


def _imported(tree: ast.Module) -> Iterator[str]:
    """Yield the packages and modules that are imported anywhere in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0] if node.level == 0 else "." * node.level


def _is_found(module: str) -> bool:
    return module.startswith(".") or module in sys.modules or _find(module, sys.path)


def _is_installed(module: str) -> bool:
    """Return whether a module is found wherever the process runs."""
    if module in sys.stdlib_module_names or module == "spikefa":
        return True
    first, *rest = sys.path or [""]
    here = {os.path.realpath(place) for place in (os.getcwd(), os.path.dirname(sys.argv[0] if sys.argv else "") or ".")}
    if os.path.realpath(first) not in here:
        rest = [first, *rest]
    return not module.startswith(".") and _find(module, [place for place in rest if place])


def _find(module: str, places: list[str]) -> bool:
    for finder in sys.meta_path:
        if finder is PathFinder:
            found = finder.find_spec(module, places)
        else:
            found = finder.find_spec(module, None) if hasattr(finder, "find_spec") else None
        if found is not None:
            return True
    return False
