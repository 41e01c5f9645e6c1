"""Model files as texts: found by name or path, and described, without Brian2 and without building anything."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import importlib.util
import inspect
import sys
import threading
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from spikefa._checks import path as checked_path
from spikefa.errors import ArgumentError, ModelError, did_you_mean
from spikefa.experiments.params import MODULE_PREFIX, kinds_of, title_of

#: Where models are: in the wheel, or beside the package in a checkout.
_PLACES = (Path(__file__).parents[1] / "_models", Path(__file__).parents[2] / "models")
#: Group of the entry points by which other distributions add models; the value of one is a module.
ENTRY_POINTS = "spikefa.models"

#: Held while a model's module is made and looked at, since all modules of one model have one name.
loading = threading.RLock()


@dataclass(frozen=True)
class Parameter:
    """A parameter of a model, in words.

    Parameters
    ----------
    name : str
    type : str
        Such as ``"positive whole number"`` or ``"one of alignment, direct"``.
    default : object
        A quantity is a text.
    range : str
        Such as ``"above 0 and at most 1"``; empty if all values of the type are allowed.
    meaning : str
        The docstring after the field.
    """

    name: str
    type: str
    default: Any
    range: str
    meaning: str


@dataclass(frozen=True)
class Description:
    """What a model is, for ``spikefa models NAME``.

    Parameters
    ----------
    name : str
    path : Path
    summary, docstring : str
        First line of the docstring, and the whole of it.
    parameters : list of Parameter
    presets : dict
        Name -> parameters that the preset changes, with their values.
    """

    name: str
    path: Path
    summary: str
    docstring: str
    parameters: list[Parameter]
    presets: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class ModelSource:
    """A model file that was found and parsed, but not run.

    Parameters
    ----------
    name : str
    path : Path
    text : str
    """

    name: str
    path: Path
    text: str = field(repr=False)

    @property
    def title(self) -> str:
        """How messages name the model."""
        return title_of(self.name)

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree.

        Raises
        ------
        ModelError
            If the file is no Python.
        """
        try:
            return ast.parse(self.text, str(self.path))
        except (SyntaxError, ValueError) as error:
            raise ModelError(f"{self.title}: {self.path} does not run: {type(error).__name__}: {error}") from error

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (ast.get_docstring(self.tree) or "").partition("\n")[0]

    @property
    def preset_names(self) -> list[str]:
        """Names of the presets."""
        setting = [statement for statement in self.tree.body if "PRESETS" in _Bound(statement).names]
        if not setting:
            return []
        keys = getattr(getattr(setting[0], "value", None), "keys", [None])
        written = [getattr(key, "value", None) for key in keys]
        if len(setting) == 1 and all(isinstance(name, str) for name in written):
            return written
        return list(self.describe().presets)  # they are computed

    @property
    def demo_preset(self) -> str | None:
        """The preset of ``spikefa demo``, which the model names by ``DEMO = "NAME"``; None for most models."""
        for statement in self.tree.body:
            if isinstance(statement, ast.Assign) and "DEMO" in _Bound(statement).names:
                return getattr(statement.value, "value", None)
        return None

    def describe(self) -> Description:
        """Describe the parameters and what the presets change.

        Only the statements that ``Params`` and ``PRESETS`` depend on are run, so that Brian2 is not imported for a
        table; if they do not run alone, the whole file is.

        Raises
        ------
        ModelError
            If the file does not run or has no ``Params``.
        """
        name = MODULE_PREFIX + self.name
        with loading:
            before = sys.modules.get(name)
            try:
                module = self._part() or execute(self)
                params = require_params(self, module)
                kinds = kinds_of(params)
            finally:
                sys.modules.pop(name, None)
                if before is not None:
                    sys.modules[name] = before
        meanings = self._meanings()
        return Description(
            self.name,
            self.path,
            self.summary,
            ast.get_docstring(self.tree) or "",
            [
                Parameter(own.name, kind.text, kind.recorded(default_of(own)), kind.range, meanings.get(own.name, ""))
                for own, kind in zip(dataclasses.fields(params), kinds.values(), strict=True)
            ],
            {
                preset: {
                    name: kinds[name].recorded(value) if name in kinds else value for name, value in changes.items()
                }
                for preset, changes in getattr(module, "PRESETS", {}).items()
            },
        )

    def _part(self) -> types.ModuleType | None:
        """Run the statements that ``Params`` and ``PRESETS`` depend on; None if that fails."""
        part = ast.Module(_needed(self.tree, ["Params", "PRESETS"]), [])
        try:
            module = execute(self, part)
            kinds_of(require_params(self, module))
        except Exception:  # such as a name that a method of a class needs
            return None
        return module

    def _meanings(self) -> dict[str, str]:
        """Return the docstring after each field of ``Params``, in one line."""
        meanings = {}
        for statement in self.tree.body:
            if isinstance(statement, ast.ClassDef) and statement.name == "Params":
                for own, after in zip(statement.body, statement.body[1:], strict=False):
                    text = getattr(getattr(after, "value", None), "value", None)
                    if isinstance(own, ast.AnnAssign) and isinstance(after, ast.Expr) and isinstance(text, str):
                        meanings[getattr(own.target, "id", "")] = " ".join(inspect.cleandoc(text).split())
        return meanings


def default_of(own: dataclasses.Field) -> Any:
    """Return the default of a field; `dataclasses.MISSING` if there is none."""
    return own.default if own.default_factory is dataclasses.MISSING else own.default_factory()


class _Bound(ast.NodeVisitor):
    """Collect the names that a statement of a module may set or change, in `names`.

    Statements other than definitions, imports and assignments, such as a call or an if, may change whatever they name.
    """

    def __init__(self, statement: ast.stmt):
        self.names: set[str] = set()
        self.visit(statement)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.names.add(node.name)

    visit_AsyncFunctionDef = visit_ClassDef = visit_FunctionDef

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}

    visit_ImportFrom = visit_Import

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self.visit(target)

    def visit_AnnAssign(self, node: ast.AnnAssign | ast.AugAssign) -> None:
        self.visit(node.target)

    visit_AugAssign = visit_AnnAssign

    def visit_Name(self, node: ast.Name) -> None:
        self.names.add(node.id)


class _Used(ast.NodeVisitor):
    """Collect the names that a statement of a module needs when it runs, in `names`; methods of a class run later."""

    def __init__(self, statement: ast.stmt):
        self.names: set[str] = set()
        self.visit(statement)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef):
                self.visit(child)

    def visit_Name(self, node: ast.Name) -> None:
        self.names.add(node.id)


def _needed(tree: ast.Module, names: list[str]) -> list[ast.stmt]:
    """Return the statements of a module that set some names, and all that these depend on, in their order."""
    setting: dict[str, list[ast.stmt]] = {}
    needed = set()
    for statement in tree.body:
        for name in _Bound(statement).names:
            setting.setdefault(name, []).append(statement)
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            needed.add(statement)
    waiting = list(names)
    while waiting:
        for statement in setting.pop(waiting.pop(), []):
            if statement not in needed:
                needed.add(statement)
                waiting += _Used(statement).names
    return [statement for statement in tree.body if statement in needed]


def execute(source: ModelSource, tree: ast.Module | None = None) -> types.ModuleType:
    """Run a model file, or a part of it, as a module.

    Raises
    ------
    ModelError
        If it does not run.
    """
    spec = importlib.util.spec_from_file_location(MODULE_PREFIX + source.name, source.path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and annotations look their module up
    try:
        exec(compile(tree or source.tree, str(source.path), "exec"), module.__dict__)
    except ModelError:  # of its parameters
        raise
    except Exception as error:
        raise ModelError(f"{source.title}: {source.path} does not run: {type(error).__name__}: {error}") from error
    return module


def require_params(source: ModelSource, module: types.ModuleType) -> type:
    """Return a model's ``Params``.

    Raises
    ------
    ModelError
        If there is none, or it is no dataclass.
    """
    if not hasattr(module, "Params"):
        raise ModelError(f"{source.title}: {source.path} has no 'Params'")
    if not dataclasses.is_dataclass(module.Params):
        raise ModelError(f"{source.title}: Params must be a dataclass, got {module.Params!r}")
    return module.Params


def _foreign() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


def names() -> list[str]:
    """Return the names of the models: those that come with spikefa, and those of other installed distributions."""
    bundled = {p.stem for place in _PLACES for p in place.glob("*.py") if not p.stem.startswith("_")}
    return sorted(bundled | set(_foreign()))


def installed() -> Iterator[str]:
    """Yield the sources of the models that `names` lists, as far as they can be read."""
    for name in names():
        with contextlib.suppress(ModelError, OSError):
            yield find(name).text


def find(name: str | Path) -> ModelSource:
    """Find a model by its name or by the path of its file, and read it.

    Raises
    ------
    ModelError
        If there is none, or the file is no UTF-8 text.
    """
    try:
        path = checked_path("Model", "name", name)
    except ArgumentError as error:
        raise ModelError(str(error)) from error
    known = path_stem(name)
    if path.suffix != ".py" and path.name == str(name):
        bundled = next((place / f"{name}.py" for place in _PLACES if (place / f"{name}.py").is_file()), None)
        path = bundled or (_source_of(_foreign()[known]) if known in _foreign() else path)
    if not path.is_file():
        there_are = ", ".join(names())
        raise ModelError(
            f"{title_of(str(name))}: no such model or file; there are {there_are}; or give the path of a file "
            f"(./mine.py){did_you_mean(name, names())}"
        )
    if path.suffix != ".py":
        raise ModelError(f"{title_of(str(name))}: a model's file must end in .py, got {path.name!r}")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(f"{title_of(known)}: {path} must be UTF-8 text, got {error}") from None
    return ModelSource(known, path.resolve(), text)


def path_stem(name: str | Path) -> str:
    """Return the name of a model that is given by its name or its file."""
    return Path(name).stem if Path(name).suffix == ".py" else Path(name).name


def _source_of(entry: EntryPoint) -> Path:
    """Return the file of an entry point's module, which is not imported."""
    try:
        spec = importlib.util.find_spec(entry.module)
    except ImportError as error:
        raise ModelError(f"{title_of(entry.name)}: the entry point {entry.value!r} has no module: {error}") from None
    if spec is None or not spec.has_location:
        raise ModelError(f"{title_of(entry.name)}: the entry point {entry.value!r} has no module with a file")
    return Path(spec.origin)


def demo() -> ModelSource:
    """Return the model of ``spikefa demo``, the one that names a preset for it.

    Raises
    ------
    ModelError
        If no model does.
    """
    for name in names():
        source = find(name)
        if source.demo_preset is not None:
            return source
    raise ModelError('spikefa demo: a model must have DEMO = "PRESET", none has')
