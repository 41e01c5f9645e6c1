"""Model files: one published network a file, found by name or by path, with parameters set from text."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib.util
import inspect
import json
import math
import sys
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from spikefa.core.network import Network
from spikefa.datasets import Dataset
from spikefa.errors import ModelError

#: Where models are: in the wheel, or beside the package in a checkout.
_PLACES = (Path(__file__).parents[1] / "_models", Path(__file__).parents[2] / "models")


@dataclass(frozen=True)
class Model:
    """A loaded model file.

    Parameters
    ----------
    name : str
    path : Path
    module : module
        With ``Params`` and ``build``, and optionally ``PRESETS`` (name -> changes of ``Params``),
        ``learning_rate(params, epoch)``, ``prepare(params, dataset)`` and ``augment(params, images, rng)``.
    source : str
        The file's text.
    """

    name: str
    path: Path
    module: types.ModuleType = field(repr=False)
    source: str = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the source."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (self.module.__doc__ or "").strip().partition("\n")[0]

    @property
    def presets(self) -> dict[str, dict[str, Any]]:
        """Named sets of parameters other than the published ones."""
        return getattr(self.module, "PRESETS", {})

    def params(self, changes: dict[str, Any] | None = None, preset: str | None = None) -> Any:
        """Return ``Params`` with a preset, then changes.

        Raises
        ------
        ModelError
            If the preset or a name is unknown, or a value has the wrong type, is not finite, or is nothing that
            ``run.json`` can hold.
        """
        if preset is not None and preset not in self.presets:
            raise ModelError(f"Model {self.name!r}: no preset {preset!r}; there are {sorted(self.presets)}")
        changes = {**(self.presets[preset] if preset else {}), **(changes or {})}
        hints = typing.get_type_hints(self.module.Params)
        names = [field.name for field in dataclasses.fields(self.module.Params)]
        for name, value in changes.items():
            if name not in names:
                raise ModelError(f"Model {self.name!r}: no parameter {name!r}; there are {', '.join(names)}")
            changes[name] = _fitted(f"Model {self.name!r}: parameter {name!r}", value, hints[name])
        made = self.module.Params(**changes)
        for name in names:
            value = getattr(made, name)
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError):
                raise ModelError(
                    f"Model {self.name!r}: parameter {name!r} must be a finite number, text, true or false, or a tuple "
                    f"of these, which a run's record can hold, got {' '.join(repr(value).split())}"
                ) from None
        return made

    def parse(self, assignments: Iterable[str]) -> dict[str, Any]:
        """Parse ``name=value`` texts, such as ``hidden=500,500`` or ``eta=4e-3``."""
        changes = {}
        hints = typing.get_type_hints(self.module.Params)
        for text in assignments:
            name, equals, value = text.partition("=")
            if not equals:
                raise ModelError(f"Model {self.name!r}: --set needs name=value, got {text!r}")
            name = name.strip()
            hint = hints.get(name)
            if hint is str:
                changes[name] = value
            elif typing.get_origin(hint) is tuple:
                changes[name] = tuple(_number(part) for part in value.strip("() ").split(",") if part.strip())
            elif hint is bool:
                changes[name] = {"true": True, "false": False}.get(value.strip().lower(), value)
            else:
                changes[name] = _number(value)
        return changes

    def build(
        self, params: Any, streams: int = 1, seed: int = 0, images: Callable[[], np.ndarray] | None = None
    ) -> Network:
        """Build the network; a model whose ``build`` has a parameter `images` may ask it for the training images.

        Raises
        ------
        ModelError
            If ``build`` does not take these, or returns no network.
        """
        asks = "images" in inspect.signature(self.module.build).parameters
        network = self._call("build", params, streams=streams, seed=seed, **({"images": images} if asks else {}))
        if not isinstance(network, Network):
            raise ModelError(f"Model {self.name!r}: build must return a Network, got {network!r}")
        return network

    def learning_rate(self, params: Any, epoch: int) -> float | dict[str, float]:
        """Factor of the learning rate in an epoch (0 is the first), or factors by projection; 1 without a schedule.

        Raises
        ------
        ModelError
            If the model returns something else.
        """
        if not hasattr(self.module, "learning_rate"):
            return 1.0
        factor = self._call("learning_rate", params, epoch)
        if isinstance(factor, dict) and all(map(_is_number, factor.values())):
            return {name: float(own) for name, own in factor.items()}
        if not _is_number(factor):
            raise ModelError(
                f"Model {self.name!r}: learning_rate must return a number, or a dict of numbers by projection, "
                f"got {factor!r} for epoch {epoch}"
            )
        return float(factor)

    def _call(self, name: str, *given: Any, **named: Any) -> Any:
        self._refuse_unless_it_takes(name, *given, **named)
        return getattr(self.module, name)(*given, **named)

    def _refuse_unless_it_takes(self, name: str, *given: Any, **named: Any) -> None:
        takes = inspect.signature(getattr(self.module, name))
        try:
            takes.bind(*given, **named)
        except TypeError as error:
            raise ModelError(f"Model {self.name!r}: {name}({', '.join(takes.parameters)}): {error}") from None

    def prepare(self, params: Any, dataset: Dataset) -> Dataset:
        """Return the data as the model wants them; as they are where it does not say.

        Raises
        ------
        ModelError
            If the model returns something else.
        """
        prepared = self._call("prepare", params, dataset) if hasattr(self.module, "prepare") else dataset
        if not isinstance(prepared, Dataset):
            raise ModelError(f"Model {self.name!r}: prepare must return a Dataset, got {prepared!r}")
        return prepared

    def augmentation(self, params: Any) -> Callable[[np.ndarray, np.random.Generator], np.ndarray] | None:
        """Return what changes a batch of training images, a function of (images, rng); None where there is none."""
        if not hasattr(self.module, "augment"):
            return None
        self._refuse_unless_it_takes("augment", params, None, None)
        return partial(self.module.augment, params)


def _number(text: str) -> Any:
    text = text.strip()
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _is_number(value: Any) -> bool:
    """Whether it is one number, of Python or numpy; true and false are 1 and 0."""
    return np.ndim(value) == 0 and np.asarray(value).dtype.kind in "biuf"


def _fitted(owner: str, value: Any, hint: Any) -> Any:
    """Return the value in the type of the annotation, or refuse it."""
    if typing.get_origin(hint) is tuple:
        kind = typing.get_args(hint)[0]
        items = value if np.iterable(value) and not isinstance(value, str) else (value,)
        return tuple(_fitted(owner, item, kind) for item in items)
    if isinstance(value, np.generic):
        value = value.item()  # numpy's numbers are plain ones in run.json
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint in (float, int) and number and not math.isfinite(value):
        raise ModelError(f"{owner} must be finite, got {value!r}")
    if hint is float and number:
        return float(value)
    if hint is int and number and value == int(value):
        return int(value)
    if hint in (str, bool) and isinstance(value, hint):
        return value
    if hint in (float, int, str, bool):
        raise ModelError(f"{owner} must be {hint.__name__}, got {value!r}")
    return value


def names() -> list[str]:
    """Names of the bundled models."""
    return sorted({p.stem for place in _PLACES for p in place.glob("*.py") if not p.stem.startswith("_")})


def load(name: str | Path) -> Model:
    """Load a model by its name or by the path of its file.

    Raises
    ------
    ModelError
        If there is none, or the file does not run or lacks ``Params`` or ``build``.
    """
    path = Path(name)
    if path.suffix != ".py" and path.name == str(name):
        path = next((place / f"{name}.py" for place in _PLACES if (place / f"{name}.py").is_file()), path)
    if not path.is_file():
        raise ModelError(
            f"Model {str(name)!r}: no such model or file; there are {', '.join(names())}; or give the path of a "
            "file (./mine.py)"
        )
    if path.suffix != ".py":
        raise ModelError(f"Model {str(name)!r}: a model's file must end in .py, got {path.name!r}")
    try:
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ModelError(f"Model {path}: must be UTF-8 text, got {error}") from None
    spec = importlib.util.spec_from_file_location(f"spikefa_model_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except Exception as error:
        raise ModelError(f"Model {path}: does not run: {type(error).__name__}: {error}") from error
    for needed in ("Params", "build"):
        if not hasattr(module, needed):
            raise ModelError(f"Model {path}: has no {needed!r}")
    if not dataclasses.is_dataclass(module.Params):
        raise ModelError(f"Model {path}: Params must be a dataclass, got {module.Params!r}")
    return Model(path.stem, path.resolve(), module, source)
