"""Model files as texts: found by name or path, and described, without Brian2 and without building anything."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import inspect
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from spikefa.errors import ModelError, did_you_mean
from spikefa.experiments.params import MODULE_PREFIX, kinds_of

#: Where models are: in the wheel, or beside the package in a checkout.
_PLACES = (Path(__file__).parents[1] / "_models", Path(__file__).parents[2] / "models")
#: Group of the entry points by which other distributions add models; the value of one is a module.
ENTRY_POINTS = "spikefa.models"


@dataclass(frozen=True)
class Parameter:
    """A parameter of a model, in words.

    Parameters
    ----------
    name : str
    type : str
        Such as ``"positive whole number"`` or ``"one of alignment, direct"``.
    default : object
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
            raise ModelError(f"Model {self.path}: does not run: {type(error).__name__}: {error}") from error

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (ast.get_docstring(self.tree) or "").partition("\n")[0]

    @property
    def preset_names(self) -> list[str]:
        """Names of the presets."""
        setting = [statement for statement in self.tree.body if "PRESETS" in _bound(statement)]
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
            if isinstance(statement, ast.Assign) and "DEMO" in _bound(statement):
                return getattr(statement.value, "value", None)
        return None

    def describe(self) -> Description:
        """Say what the parameters are and what the presets change.

        Only the statements that ``Params`` and ``PRESETS`` depend on are run, so that Brian2 is not imported for a
        table; if they do not run alone, the whole file is.

        Raises
        ------
        ModelError
            If the file does not run or has no ``Params``.
        """
        name = MODULE_PREFIX + self.name
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
                Parameter(own.name, kind.text, _default(own), kind.range, meanings.get(own.name, ""))
                for own, kind in zip(dataclasses.fields(params), kinds.values(), strict=True)
            ],
            {preset: dict(changes) for preset, changes in getattr(module, "PRESETS", {}).items()},
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


def _default(own: dataclasses.Field) -> Any:
    return own.default if own.default_factory is dataclasses.MISSING else own.default_factory()


def _bound(statement: ast.stmt) -> set[str]:
    """Names that a statement of a module may set or change."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
    # Any other, such as a call or an if, may change whatever it names.
    inner = {name for node in ast.iter_child_nodes(statement) if isinstance(node, ast.stmt) for name in _bound(node)}
    return inner | {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _used(node: ast.AST, in_class: bool = False) -> Iterator[str]:
    """Names that a statement needs when it runs; methods of a class run later."""
    if isinstance(node, ast.Name):
        yield node.id
    for child in ast.iter_child_nodes(node):
        if not (in_class and isinstance(child, ast.FunctionDef)):
            yield from _used(child, isinstance(node, ast.ClassDef) or in_class)


def _needed(tree: ast.Module, names: list[str]) -> list[ast.stmt]:
    """Statements of a module that set some names, and all that these depend on, in their order."""
    setting: dict[str, list[ast.stmt]] = {}
    needed = set()
    for statement in tree.body:
        for name in _bound(statement):
            setting.setdefault(name, []).append(statement)
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            needed.add(statement)
    waiting = list(names)
    while waiting:
        for statement in setting.pop(waiting.pop(), []):
            if statement not in needed:
                needed.add(statement)
                waiting += _used(statement, isinstance(statement, ast.ClassDef))
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
        raise ModelError(f"Model {source.path}: does not run: {type(error).__name__}: {error}") from error
    return module


def require_params(source: ModelSource, module: types.ModuleType) -> type:
    """Return a model's ``Params``.

    Raises
    ------
    ModelError
        If there is none, or it is no dataclass.
    """
    if not hasattr(module, "Params"):
        raise ModelError(f"Model {source.path}: has no 'Params'")
    if not dataclasses.is_dataclass(module.Params):
        raise ModelError(f"Model {source.path}: Params must be a dataclass, got {module.Params!r}")
    return module.Params


def _foreign() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


def names() -> list[str]:
    """Names of the models: those that come with spikefa, and those of other installed distributions."""
    bundled = {p.stem for place in _PLACES for p in place.glob("*.py") if not p.stem.startswith("_")}
    return sorted(bundled | set(_foreign()))


def find(name: str | Path) -> ModelSource:
    """Find a model by its name or by the path of its file, and read it.

    Raises
    ------
    ModelError
        If there is none, or the file is no UTF-8 text.
    """
    path, known = Path(name), path_stem(name)
    if path.suffix != ".py" and path.name == str(name):
        bundled = next((place / f"{name}.py" for place in _PLACES if (place / f"{name}.py").is_file()), None)
        path = bundled or (_source_of(_foreign()[known]) if known in _foreign() else path)
    if not path.is_file():
        there_are = ", ".join(names())
        raise ModelError(
            f"Model {str(name)!r}: no such model or file; there are {there_are}; or give the path of a file "
            f"(./mine.py){did_you_mean(name, names())}"
        )
    if path.suffix != ".py":
        raise ModelError(f"Model {str(name)!r}: a model's file must end in .py, got {path.name!r}")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(f"Model {path}: must be UTF-8 text, got {error}") from None
    return ModelSource(known, path.resolve(), text)


def path_stem(name: str | Path) -> str:
    """Return the name of a model that is given by its name or its file."""
    return Path(name).stem if Path(name).suffix == ".py" else Path(name).name


def _source_of(entry: EntryPoint) -> Path:
    """Return the file of an entry point's module, which is not imported."""
    try:
        spec = importlib.util.find_spec(entry.module)
    except ImportError as error:
        raise ModelError(f"Model {entry.name!r}: the entry point {entry.value!r} has no module: {error}") from None
    if spec is None or not spec.has_location:
        raise ModelError(f"Model {entry.name!r}: the entry point {entry.value!r} has no module with a file")
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
    raise ModelError('Model: none has DEMO = "PRESET", for the demo')
