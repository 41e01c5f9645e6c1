"""Parameters with units: read from texts, refused without their unit, kept to the bit."""

import json
import math

import numpy as np
import pytest
from brian2 import Hz, Quantity, Unit, ms, mV, nA, nS, second, volt

from spikefa.errors import ModelError
from spikefa.experiments import model_file, quantities

MODEL = '''
from dataclasses import dataclass
from typing import Annotated

from brian2 import Quantity, mV, ms

import spikefa as fa


@dataclass(frozen=True)
class Params(fa.Params):
    tau: Annotated[Quantity, ms, fa.Range(1, 100)] = "20 ms"
    """Time constant."""
    delays: tuple[Annotated[Quantity, ms], ...] = ("1 ms", "2.5 ms")
    reset: Annotated[Quantity, mV] | None = None
    slope: Annotated[Quantity, mV / ms, fa.Range(0, open_low=True)] = "2 mV/ms"


PRESETS = {"slow": {"tau": 50 * ms, "reset": "-65 mV"}}


def build(params, streams=1, seed=0): ...
'''


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "mine.py"
    path.write_text(MODEL)
    return model_file.load(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20 ms", 20 * ms),
        ("20*ms", 20 * ms),
        (" .2e2ms ", 20 * ms),
        ("-65 mV", -65 * mV),
        ("0.02 second", 20 * ms),
        ("3 mV / ms", 3 * mV / ms),
        ("1 nA*mV/ms**2", 1 * nA * mV / ms**2),
        ("5 ms**-1", 5 / ms),
    ],
)
def test_a_text_is_a_number_and_a_unit(text, value):
    found = quantities.parsed(text)
    assert found.dim is value.dim and float(found) == pytest.approx(float(value), rel=1e-15)


@pytest.mark.parametrize(
    "text",
    [
        *("20", "ms", "", "20 lightyears", "20 ms + 1 ms", "20**ms", "1 ms**99", "2 * 3 * ms", "20 ms *", "1e999 ms"),
        *("nan ms", "__import__('os').abort()", "20 ms.real", "20 (ms)", f"1 {'ms*' * 60}ms"),
    ],
)
def test_anything_else_is_no_quantity(text):
    assert quantities.parsed(text) is None


@pytest.mark.parametrize("unit", [ms, mV, nS, Hz, second, mV / ms, nA / ms**2, mV**2, ms**-1, volt**-1], ids=str)
def test_a_text_gives_the_same_value_to_the_bit(unit):
    assert isinstance(unit, Unit)
    rng = np.random.default_rng(1)
    values = rng.lognormal(0, 5, 200) * rng.choice([-1, 1], 200) * float(unit)
    for value in [*values, *(math.nextafter(k * float(unit), 1) for k in range(1, 30)), 0.0]:
        again = quantities.parsed(quantities.text_of(Quantity.with_dimensions(value, unit.dim), unit))
        assert float(again) == value and again.dim is unit.dim
    assert quantities.text_of(20 * unit, unit).startswith("20 ")


def test_set_takes_quantities(model):
    made = model.params(model.parse(["tau=30 ms", "delays=1*ms, 3 ms", "reset=-0.07 volt", "slope=1 volt/second"]))
    assert made.tau == 30 * ms and made.delays == (1 * ms, 3 * ms)
    assert made.reset == -70 * mV and made.slope == 1 * mV / ms
    assert model.params(model.parse(["reset=none"])).reset is None
    slow = model.params(preset="slow")
    assert slow.tau == 50 * ms and slow.reset == -65 * mV
    with pytest.raises(ValueError, match="read-only"):
        slow.tau[...] = 1 * ms


def test_a_record_holds_texts_and_gives_the_same_quantities_back(model):
    odd = Quantity(math.nextafter(0.02, 1), dim=ms.dim)
    made = model.params({"tau": odd, "delays": [0.1 * ms, odd / 3]})
    recorded = json.loads(json.dumps(model.recorded(made)))
    assert recorded["tau"] == "20.000000000000004 ms" and recorded["slope"] == "2 mV/ms" and recorded["reset"] is None
    again = model.restored(recorded)
    assert again == made and float(again.tau) == float(odd) and float(again.delays[1]) == float(odd / 3)


def test_models_shows_units(model):
    rows = {row.name: row for row in model.describe().parameters}
    assert (rows["tau"].default, rows["tau"].type) == ("20 ms", "quantity in ms")
    assert rows["tau"].range == "at least 1 and at most 100 ms" and rows["slope"].range == "above 0 mV/ms"
    assert rows["reset"].type == "quantity in mV, or none"
    assert model.describe().presets == {"slow": {"tau": "50 ms", "reset": "-65 mV"}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tau": "20"}, "tau must be a quantity in ms, such as 1 ms, got '20'"),
        ({"tau": 20}, "tau must be a quantity in ms, such as 1 ms, got 20"),
        ({"tau": "20 mV"}, "tau must be a quantity in ms, such as 1 ms, got '20 mV'"),
        ({"tau": 5 * mV}, "tau must be a quantity in ms, such as 1 ms, got 5. mV"),
        ({"tau": [1, 2] * ms}, r"tau must be a quantity in ms, such as 1 ms, got an array \(2,\) of float64"),
        ({"tau": "0.5 ms"}, "tau must be at least 1 and at most 100 ms, got '0.5 ms'"),
        ({"tau": np.inf * ms}, "tau must be finite, got inf Ys"),
        ({"slope": "0 mV/ms"}, "slope must be above 0 mV/ms, got '0 mV/ms'"),
        ({"reset": "5 ms"}, "reset must be a quantity in mV, such as 1 mV, or None, got '5 ms'"),
        ({"delays": ["1 ms", "2"]}, r"delays must hold quantities in ms, got \['1 ms', '2'\]"),
    ],
)
def test_what_has_not_the_unit_is_refused(model, changes, message):
    with pytest.raises(ModelError, match=f"^Model 'mine': {message}$"):
        model.params(changes)


def test_limits_are_within_their_range(model):
    """100 * 0.001 and 1 * 0.001 are the limits, whatever rounding their quotients would have."""
    for limit in (1, 100):
        assert model.params({"tau": limit * ms}).tau == limit * ms
    with pytest.raises(ModelError, match="at most 100 ms"):
        model.params({"tau": Quantity(math.nextafter(0.1, 1), dim=ms.dim)})


def test_a_quantity_without_a_unit_is_refused(tmp_path):
    (tmp_path / "mine.py").write_text(MODEL.replace("Annotated[Quantity, ms, fa.Range(1, 100)]", "Quantity"))
    with pytest.raises(ModelError, match=r"^Params: a Quantity must be annotated with its unit, as in Annotated"):
        model_file.load(tmp_path / "mine.py")
