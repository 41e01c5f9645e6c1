"""A run keeps a copy of its model's file, and nothing that lies beside the file: a model must not need that."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from spikefa.errors import ModelError
from spikefa.experiments.model_source import ModelSource

_IMPORTERS = ("import_module", "importlib.import_module", "__import__")


def refuse_neighbours(source: ModelSource) -> None:
    """Refuse a model that a run could train and never open again.

    What is found is what the text says: imports of modules that are only in the model's folder or the current one,
    names of files there, and ``__file__``.

    Raises
    ------
    ModelError
        If the model needs what lies beside its file.
    """
    folders = {source.path.parent.resolve(), Path.cwd()}
    for node in ast.walk(source.tree):
        for name in _imported(node):
            if any(_only_beside(name, folder) for folder in folders):
                raise ModelError(
                    f"{source.title}: must not import {name!r}, which lies beside it and not beside the run's copy of "
                    f"{source.path.name}; put it into the model, or install it"
                )
        if isinstance(node, ast.Name) and node.id == "__file__":
            raise ModelError(
                f"{source.title}: must not use __file__, since a run keeps a copy of {source.path.name} elsewhere; "
                "write paths in full"
            )
        if isinstance(node, ast.Constant) and _is_file(node.value, folders):
            raise ModelError(
                f"{source.title}: must not read {node.value!r}, which lies beside it and not beside the run's copy of "
                f"{source.path.name}; put it into the model, or write its path in full"
            )


def _imported(node: ast.AST) -> Iterator[str]:
    """Return the names of the packages and modules that a statement or call imports, without what follows a dot."""
    names = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module]
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
        "import_module",
        "importlib.import_module",
        "__import__",
    ):
        names = [word.value for word in node.args[:1] if isinstance(word, ast.Constant) and isinstance(word.value, str)]
    return (name.partition(".")[0] for name in names)


def _only_beside(name: str, folder: Path) -> bool:
    """Return whether a module is found in a folder, and only since the command or the script runs there."""
    installed = (Path(place).resolve() for place in sys.path[1:] if place)
    if name == "spikefa" or name in sys.stdlib_module_names or folder in installed:
        return False
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    places = [] if spec is None else [*(spec.submodule_search_locations or [spec.origin or ""])]
    return any(Path(place).resolve().parent == folder for place in places)


def _is_file(text: object, folders: set[Path]) -> bool:
    if not isinstance(text, str) or not 0 < len(text) < 256 or not Path(text).suffix or Path(text).is_absolute():
        return False
    try:
        return any((folder / text).is_file() for folder in folders)
    except (OSError, ValueError):
        return False
