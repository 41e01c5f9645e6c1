"""Parameters that are derived: a run goes on with exactly those that its record holds."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from spikefa.errors import ModelError, SpikefaError
from spikefa.experiments.run import new_run, open_run

MODEL = """
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

import spikefa as fa
from spikefa import Params as Base

PARAMS

LAYER = "v = I : 1\\nI : 1\\npsi = 1 : 1\\ns : 1"


def build(params, streams=1, seed=0):
    BUILD
    net = fa.Network(streams=streams, seed=seed)
    fa.Input(net, "image", 64, emit="s = x", threshold=None)
    fa.Layer(net, "h1", params.hidden[0], LAYER, emit="s = tanh(v)", threshold=None)
    fa.Layer(net, "output", 10, LAYER, emit="s = v", threshold=None)
    fa.feedback_alignment(
        net, error="target : 1\\ndelta : 1", feedback="J : 1\\ndelta : 1", B=fa.uniform(0.3),
        emit="delta = J", emit_error="delta = layer_s - target",
    )
    rule = fa.Plasticity("dW = -eta * delta_post * s_pre", {"eta": params.eta})
    fa.Projection(net, "image", "h1", fa.uniform(0.1), plasticity=rule)
    fa.Projection(net, "h1", "output", fa.uniform(0.1), plasticity=rule)
    fa.classification_task(net, 1, 10)
    return net
"""
PLAIN = """@dataclass
class Params:
    hidden: tuple[int, ...] = (5,)
    eta: float = 1e-2
"""
DERIVED = {
    "derived again": PLAIN + "    def __post_init__(self):\n        self.eta /= 10\n",
    "derived field": PLAIN
    + "    rate: float = field(init=False)\n"
    + "    def __post_init__(self):\n        self.rate = self.eta\n        self.eta /= 10\n",
    "of the base": """@dataclass(frozen=True)
class Params(Base):
    hidden: tuple[Annotated[int, fa.Range(1)], ...] = (5,)
    eta: Annotated[float, fa.Range(0)] = 1e-2
    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "eta", self.eta / 10)
""",
    "a list": PLAIN.replace("tuple[int, ...] = (5,)", "list = field(default_factory=lambda: [5])")
    + "    def __post_init__(self):\n        self.hidden = self.hidden + [3]\n        self.eta /= 10\n",
    "a tuple without a kind": PLAIN.replace("tuple[int, ...] = (5,)", "object = (5,)")
    + "    def __post_init__(self):\n        self.hidden = self.hidden + (3,)\n        self.eta /= 10\n",
}


@pytest.fixture
def state(tmp_path):
    """A function that states a run of a model with these parameters."""

    def state(directory, params, epochs, build="", **changes):
        (tmp_path / "mine.py").write_text(MODEL.replace("PARAMS", params).replace("BUILD", build))
        settings = {"data": "digits", "streams": 100, "epochs": epochs, "record_activity": False}
        return new_run(tmp_path / directory, str(tmp_path / "mine.py"), changes, **settings)

    return state


@pytest.mark.parametrize("params", DERIVED.values(), ids=DERIVED)
def test_what_is_derived_is_not_derived_again(state, params):
    whole = state("whole", params, 2, eta=0.02).train()
    parts = state("parts", params, 1, eta=0.02)
    parts.train()
    opened = open_run(parts.directory)
    assert opened.params.eta == 0.002 == json.loads((parts.directory / "run.json").read_text())["params"]["eta"]
    assert asdict(opened.params) == asdict(parts.params)
    metrics = opened.ending_after(2).train()
    assert all(np.array_equal(whole[n], metrics[n], equal_nan=True) for n in whole if n != "seconds")


def test_a_build_that_changes_its_parameters_changes_its_own(state):
    build = "params.eta /= 2"
    whole = state("whole", PLAIN, 2, build).train()
    parts = state("parts", PLAIN, 1, build)
    parts.train()
    assert open_run(parts.directory).params.eta == parts.params.eta == 1e-2
    metrics = open_run(parts.directory).ending_after(2).train()
    assert np.array_equal(whole["test_error"], metrics["test_error"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            PLAIN + "    def __post_init__(self):\n        self.rate = self.eta\n",
            "Params must set only its fields, which a run's record holds, got 'rate'",
        ),
        (PLAIN + "    sizes: object = ([1], (2,))\n", r"sizes must be a finite number, text, .* got \(\[1\], \(2,\)\)"),
        (PLAIN + "    names: dict = field(default_factory=lambda: {1: 2})\n", r"names must be .*, got \{1: 2\}"),
    ],
)
def test_what_a_record_cannot_give_back_is_refused_before_anything_is_written(state, params, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        state("run", params, 1)
    assert not (tmp_path / "run").exists()


def test_a_derived_field_cannot_be_set(state):
    with pytest.raises(ModelError, match="rate must be left to the model, which derives it, got 3"):
        state("run", DERIVED["derived field"], 1, rate=3)


def test_values_that_are_computed_when_they_are_asked_for_are_no_matter(state):
    params = PLAIN + "    @cached_property\n    def rate(self):\n        return self.eta\n"
    params += "    def __post_init__(self):\n        self.rate\n"
    assert state("run", params, 0).params.rate == 1e-2


def test_numbers_beyond_every_network_are_refused(model):
    for value, message in (
        ({"eta": 1e39}, r"eta must be within \+-3.4e\+38, the largest float32, got 1e\+39"),
        ({"eta": 10**400}, "eta must be finite, got 1000"),
        ({"averaging_images": 2**60}, r"averaging_images must be within \+-2\*\*53"),
    ):
        with pytest.raises(ModelError, match=message):
            model.params(value)
    with pytest.raises(SpikefaError, match="Layer 'h1': units must be at most 2147483647 with 1 streams, got 10000000"):
        model.build(model.params({"hidden": (10**13,)}))
