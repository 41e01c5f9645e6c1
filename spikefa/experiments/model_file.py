"""Model files: one published network a file, found by name or by path, with parameters set from text."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from spikefa._checks import is_number, shown
from spikefa.core.network import Network
from spikefa.datasets import Dataset
from spikefa.errors import ModelError, did_you_mean
from spikefa.experiments import trusted_models
from spikefa.experiments.model_source import (
    Description,
    ModelSource,
    default_of,
    demo,
    execute,
    find,
    loading,
    names,
    require_params,
)
from spikefa.experiments.params import Kind, Params, fitted, kinds_of, title_of

#: Data set of a model, or a preset, that names none.
USUAL_DATA = "mnist"


class NotRun(types.ModuleType):
    """In place of the module of a model whose code is not run: whatever is asked of it is refused."""

    def __init__(self, path: Path):
        super().__init__("not_run")
        self.path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ModelError(
            f"{self.path}: was not run, since it is code from elsewhere: it is no installed model, and no run with it "
            "was begun on this machine",
            hint="trust",
        )


@dataclass(frozen=True)
class Model:
    """A loaded model file.

    Parameters
    ----------
    name : str
    path : Path
    module : module
        With ``Params`` and ``build``, and optionally ``PRESETS`` (name -> changes of ``Params``), ``DATA`` (preset ->
        data set), ``sizes(params, dataset)`` (parameters that follow from the data), ``lr_factor(params, epoch)``,
        ``prepare(params, dataset)`` and ``augment(params, images, rng)``.
    source : str
        The file's text.
    """

    name: str
    path: Path
    module: types.ModuleType = field(repr=False)
    source: str = field(repr=False)

    def __reduce__(self) -> tuple:
        """Pickle the text: another process, or a copy, runs it as a module of its own, if this one has."""
        return _of_text, (self.name, self.path, self.source, isinstance(self.module, NotRun))

    @property
    def title(self) -> str:
        """How messages name the model."""
        return title_of(self.name)

    @property
    def digest(self) -> str:
        """SHA-256 of the source."""
        return trusted_models.digest_of(self.source)

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (self.module.__doc__ or "").strip().partition("\n")[0]

    @property
    def presets(self) -> dict[str, dict[str, Any]]:
        """Named sets of parameters other than the published ones."""
        return getattr(self.module, "PRESETS", {})

    def data_of(self, preset: str | None) -> str:
        """Return the data set of a preset: what ``DATA`` says, or MNIST."""
        return getattr(self.module, "DATA", {}).get(preset, USUAL_DATA)

    @property
    def has_sizes(self) -> bool:
        """Whether the model says which parameters follow from the data."""
        return hasattr(self.module, "sizes")

    @property
    def parsed(self) -> ModelSource:
        """The file as a text that can be looked at without running it."""
        return ModelSource(self.name, self.path, self.source)

    def describe(self) -> Description:
        """Describe the parameters and what the presets change.

        Raises
        ------
        ModelError
            If the file does not run or has no ``Params``.
        """
        return self.parsed.describe()

    def params(self, changes: dict[str, Any] | None = None, preset: str | None = None) -> Any:
        """Return ``Params`` with a preset, then changes.

        Raises
        ------
        ModelError
            If the preset or a name is unknown, or a value does not fit its annotation, or is nothing that ``run.json``
            can hold and give back as it was.
        """
        if preset is not None and not (isinstance(preset, str) and preset in self.presets):
            there_are = ", ".join(self.presets) or "none"
            raise ModelError(
                f"{self.title}: no preset {shown(preset)}; there are {there_are}{did_you_mean(preset, self.presets)}"
            )
        changes = {**(self.presets[preset] if preset else {}), **(changes or {})}
        kinds = kinds_of(self.module.Params)
        derived = [own.name for own in dataclasses.fields(self.module.Params) if not own.init]
        for name, value in changes.items():
            if name in derived:
                raise ModelError(f"{self.title}: {name} must be left to the model, which derives it, got {value!r}")
            changes[name] = fitted(self.title, name, self.kind(name), value)
        made = self.module.Params(**changes)
        for name, kind in kinds.items():
            value = getattr(made, name)
            try:
                json.dumps(kind.recorded(value), allow_nan=False)
            except (TypeError, ValueError):
                self._refuse_to_record(name, value)
        self._refuse_attributes(made)
        again = self.restored(json.loads(json.dumps(self.recorded(made))))
        for name in kinds:
            if getattr(again, name) != getattr(made, name):
                self._refuse_to_record(name, getattr(made, name))
        return made

    @staticmethod
    def recorded(params: Any) -> dict[str, Any]:
        """Return the values of ``Params`` by name, as a run's record holds them; quantities are texts."""
        return {
            name: kinds_of(type(params))[name].recorded(value) for name, value in dataclasses.asdict(params).items()
        }

    def restored(self, recorded: Mapping[str, Any]) -> Any:
        """Return ``Params`` with exactly the values of a run's record: nothing is derived from them again.

        Raises
        ------
        ModelError
            If a name is unknown, or a value does not fit its annotation.
        KeyError
            If a value is missing.
        """
        made = object.__new__(self.module.Params)
        for name in recorded:
            self.kind(name)
        for own in dataclasses.fields(self.module.Params):
            value = recorded[own.name]
            if not isinstance(default_of(own), list):
                value = as_tuples(value)
            object.__setattr__(made, own.name, fitted(self.title, own.name, self.kind(own.name), value))
        if isinstance(made, Params):
            made.validate()
        return made

    def _refuse_to_record(self, name: str, value: Any) -> NoReturn:
        raise ModelError(
            f"{self.title}: {name} must be a finite number, text, true, false, none, or a tuple of these, "
            f"which a run's record can hold, got {shown(value)}"
        ) from None

    def _refuse_attributes(self, made: Any) -> None:
        """Refuse parameters that keep more than their fields, which a run that goes on would lack."""
        fields = {own.name for own in dataclasses.fields(made)}
        for name in sorted(set(getattr(made, "__dict__", ())) - fields):
            if not isinstance(inspect.getattr_static(type(made), name, None), cached_property):
                raise ModelError(
                    f"{self.title}: Params must set only its fields, which a run's record holds, got {name!r}; state "
                    f"it as a field(init=False), or as a property"
                )

    def parse(self, assignments: Iterable[str]) -> dict[str, Any]:
        """Parse ``name=value`` texts, such as ``hidden=500,500``, ``eta=4e-3`` or ``momentum=none``.

        Raises
        ------
        ModelError
            If a text is no assignment, or the name is unknown.
        """
        changes = {}
        for text in assignments:
            name, equals, value = text.partition("=")
            name = name.strip()
            if not equals:
                raise ModelError(f"{self.title}: a parameter must be set by name=value, got {text!r}")
            changes[name] = self.kind(name).parse(value)
        return changes

    def kind(self, name: str) -> Kind:
        """Return which values a parameter may have.

        Raises
        ------
        ModelError
            If there is no such parameter.
        """
        kinds = kinds_of(self.module.Params)
        if name not in kinds:
            there_are = ", ".join(kinds)
            raise ModelError(f"{self.title}: no parameter {name!r}; there are {there_are}{did_you_mean(name, kinds)}")
        return kinds[name]

    def build(
        self, params: Any, streams: int = 1, seed: int = 0, images: Callable[[], np.ndarray] | None = None
    ) -> Network:
        """Build the network; a model whose ``build`` has a parameter `images` may ask it for the training images.

        Raises
        ------
        ModelError
            If a parameter does not fit its annotation, or ``build`` does not take these, or returns no network, or
            there is not the memory for it.
        """
        asks = "images" in _signature(self.module.build).parameters
        for name, kind in kinds_of(type(params)).items():
            fitted(self.title, name, kind, getattr(params, name))  # a Params of a plain dataclass does not check itself
        try:
            network = self._call("build", params, streams=streams, seed=seed, **({"images": images} if asks else {}))
        except MemoryError as error:
            raise ModelError(f"{self.title}: the network must fit into memory: {error or 'it does not'}") from error
        if not isinstance(network, Network):
            raise ModelError(f"{self.title}: build must return a Network, got {network!r}")
        return network

    def lr_factor(self, params: Any, epoch: int) -> float | dict[str, float]:
        """Return the factor of the learning rate in an epoch, or factors by projection; 1 without a schedule.

        Raises
        ------
        ModelError
            If the model returns something else.
        """
        if not hasattr(self.module, "lr_factor"):
            return 1.0
        factor = self._call("lr_factor", params, epoch)
        if isinstance(factor, dict) and all(map(is_number, factor.values())):
            return {name: float(own) for name, own in factor.items()}
        if not is_number(factor):
            raise ModelError(
                f"{self.title}: lr_factor must return a number, or a dict of numbers by projection, "
                f"got {factor!r} for epoch {epoch}"
            )
        return float(factor)

    def _call(self, name: str, params: Any, *given: Any, **named: Any) -> Any:
        """Call a function of the model, with parameters of its own: what it does to them is not recorded."""
        self._refuse_unless_it_takes(name, params, *given, **named)
        return getattr(self.module, name)(_own(params), *given, **named)

    def _refuse_unless_it_takes(self, name: str, *given: Any, **named: Any) -> None:
        takes = _signature(getattr(self.module, name))
        try:
            takes.bind(*given, **named)
        except TypeError as error:
            raise ModelError(f"{self.title}: {name}({', '.join(takes.parameters)}): {error}") from None

    def sizes(self, params: Any, dataset: Dataset) -> dict[str, Any]:
        """Return the parameters that follow from the data, with their values.

        Raises
        ------
        ModelError
            If the model returns something else.
        """
        found = self._call("sizes", params, dataset)
        if not isinstance(found, dict):
            raise ModelError(f"{self.title}: sizes must return a dict of parameters, got {shown(found)}")
        return found

    def prepare(self, params: Any, dataset: Dataset) -> Dataset:
        """Return the data as the model prepares them; as they are if it does not.

        Raises
        ------
        ModelError
            If the model returns something else.
        """
        prepared = self._call("prepare", params, dataset) if hasattr(self.module, "prepare") else dataset
        if not isinstance(prepared, Dataset):
            raise ModelError(f"{self.title}: prepare must return a Dataset, got {prepared!r}")
        return prepared

    def augmentation(self, params: Any) -> Callable[[np.ndarray, np.random.Generator], np.ndarray] | None:
        """Return what changes a batch of training images, a function of (images, rng), or None.

        Raises
        ------
        ModelError
            If the model's ``augment`` does not take these.
        """
        if not hasattr(self.module, "augment"):
            return None
        self._refuse_unless_it_takes("augment", params, None, None)
        return partial(self.module.augment, _own(params))


@lru_cache
def _signature(function: Callable) -> inspect.Signature:
    return inspect.signature(function)


def _own(params: Any) -> Any:
    """Return parameters that may be changed without changing those of the run."""
    frozen = dataclasses.is_dataclass(params) and type(params).__dataclass_params__.frozen
    return params if frozen else copy.deepcopy(params)


def as_tuples(value: Any) -> Any:
    """Return a value of JSON with tuples for its lists, as parameters have them."""
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value


def load(name: str | Path) -> Model:
    """Load a model by its name or by the path of its file.

    Raises
    ------
    ModelError
        If there is none, or the file does not run or lacks ``Params`` or ``build``.
    """
    return _loaded(find(name))


def _of_text(name: str, path: Path, text: str, not_run: bool) -> Model:
    if not_run:
        return Model(name, path, NotRun(path), text)
    return _loaded(ModelSource(name, path, text))


def _loaded(source: ModelSource) -> Model:
    with loading:
        module = execute(source)
        kinds_of(require_params(source, module))  # while the module's names are there
    if not hasattr(module, "build"):
        raise ModelError(f"{source.title}: {source.path} has no 'build'")
    if hasattr(module, "learning_rate"):
        raise ModelError(f"{source.title}: learning_rate(params, epoch) must be called lr_factor, in {source.path}")
    return Model(source.name, source.path, module, source.text)


def load_if_trusted(path: Path, trust: bool) -> Model:
    """Load the model of a run; the code of one that is not trusted is not run.

    Parameters
    ----------
    path : Path
        The run's ``model.py``.
    trust : bool
        Whether to run it in any case; otherwise only what `trusted_models.is_trusted` knows.

    Raises
    ------
    ModelError
        If there is none, or it runs and fails, or lacks ``Params`` or ``build``.
    """
    source = find(path)
    if trust or trusted_models.is_trusted(source.text):
        return load(path)
    return Model(source.name, source.path, NotRun(path), source.text)


__all__ = ["Description", "Model", "NotRun", "as_tuples", "demo", "find", "load", "load_if_trusted", "names"]
