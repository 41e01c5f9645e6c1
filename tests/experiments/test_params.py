"""Parameters of a model: set by texts, of their types, within their ranges."""

import dataclasses
import re

import numpy as np
import pytest

from spikefa.errors import EquationError, ModelError
from spikefa.experiments import model_file
from spikefa.experiments.params import kinds_of


def test_set_reaches_every_parameter(model):
    texts = [
        "hidden=500,400",
        "outputs=500",
        "eta=4e-3",
        "weight_range=0.1",
        "dt_over_tau=1",
        "dtype=float64",
        "pixels=64",
    ]
    params = model.params(model.parse(texts))
    assert params.hidden == (500, 400) and params.outputs == 500 and params.eta == 4e-3
    assert params.dt_over_tau == 1.0 and isinstance(params.dt_over_tau, float) and params.dtype == "float64"
    assert model.params(model.parse(["hidden=500"])).hidden == (500,)
    assert model.params(model.parse(["lr_milestones="])).lr_milestones == ()
    assert model.params(model.parse(["rule=dW = eta * s_pre"])).rule == "dW = eta * s_pre"


def test_set_takes_true_and_false():
    rate = model_file.load("lillicrap2016_rate")
    for text, value in (("true", True), ("False", False)):
        assert rate.params(rate.parse([f"standardise={text}"])).standardise is value
    with pytest.raises(ModelError, match=r"^Model 'lillicrap2016_rate': standardise must be true or false, got '1'$"):
        rate.params(rate.parse(["standardise=1"]))


def test_set_takes_none_where_none_is_allowed(model):
    changes = model.parse(["momentum=none", "weight_range_first=None", "receptive_field_pixels=7"])
    assert changes == {"momentum": None, "weight_range_first": None, "receptive_field_pixels": 7}
    assert model.params(model.parse(["momentum=0.5"])).momentum == 0.5
    with pytest.raises(ModelError, match=r"^Model 'lillicrap2016_spiking': eta must be a number, got 'none'$"):
        model.params(model.parse(["eta=none"]))


def test_values_are_put_into_the_types_of_their_fields(model):
    params = model.params({"eta": np.float32(0.5), "hidden": [np.int64(5), 6.0], "outputs": 20.0, "softmax": np.False_})
    assert (params.eta, params.hidden, params.outputs, params.softmax) == (0.5, (5, 6), 20, False)
    assert [type(value) for value in (params.eta, *params.hidden, params.outputs)] == [float, int, int, int]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["etta=1"], "Model 'lillicrap2016_spiking': no parameter 'etta'; there are pixels, .*; did you mean 'eta'.$"),
        (["eta"], "Model 'lillicrap2016_spiking': a parameter must be set by name=value, got 'eta'$"),
        (["eta=fast"], "Model 'lillicrap2016_spiking': eta must be a number, got 'fast'$"),
        (["eta=-1"], "Model 'lillicrap2016_spiking': eta must be at least 0, got -1$"),
        (["eta=true"], "Model 'lillicrap2016_spiking': eta must be a number, got 'true'$"),
        (["outputs=10.5"], "Model 'lillicrap2016_spiking': outputs must be a positive whole number, got 10.5$"),
        (["outputs=0"], "Model 'lillicrap2016_spiking': outputs must be a positive whole number, got 0$"),
        (["eta=1e999"], "Model 'lillicrap2016_spiking': eta must be finite, got inf$"),
        (["outputs=1e999"], "Model 'lillicrap2016_spiking': outputs must be finite, got inf$"),
        (
            ["hidden=10,1e999"],
            r"Model 'lillicrap2016_spiking': hidden must hold positive whole numbers, got \(10, inf\)$",
        ),
        (["hidden=10,x"], r"Model 'lillicrap2016_spiking': hidden must hold positive whole numbers, got \(10, 'x'\)$"),
        (["hidden=10,0"], r"Model 'lillicrap2016_spiking': hidden must hold positive whole numbers, got \(10, 0\)$"),
        (["momentum=1"], "Model 'lillicrap2016_spiking': momentum must be above 0 and below 1, or None, got 1$"),
        (["pathway=aligment"], "pathway must be one of alignment, .*, got 'aligment'; did you mean 'alignment'.$"),
        (["dtype=float16"], "dtype must be one of float32, float64, got 'float16'; did you mean"),
    ],
)
def test_bad_settings_are_refused(model, texts, message):
    with pytest.raises(ModelError, match=message):
        model.params(model.parse(texts))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pathway": "sideways"}, "pathway must be one of alignment, direct, .*, output_only, or .*, got 'sideways'"),
        ({"feedback_pairs": True}, "pathway must be direct with feedback_pairs, got 'alignment'"),
        (
            {"feedback_pairs": True, "pathway": "direct", "classes": 1},
            "classes must be at least 2 with feedback_pairs, got 1",
        ),
        ({"loss": "hinge"}, "loss must be one of squared_error, cross_entropy, got 'hinge'"),
        ({"dt_over_tau": 0.0}, "dt_over_tau must be above 0 and at most 1, got 0.0"),
        ({"dt_over_tau": 1.5}, "dt_over_tau must be above 0 and at most 1, got 1.5"),
        ({"max_spike_probability": 0.0}, "max_spike_probability must be above 0 and at most 1, got 0.0"),
        ({"rate_average_steps": 0}, "rate_average_steps must be at least 1, or None, got 0"),
        ({"lr_divisor": 0.0}, "lr_divisor must be above 0, got 0.0"),
        ({"eta_factor_first": -3.0}, "eta_factor_first must be at least 0, got -3.0"),
        ({"gamma": 1.0}, "gamma must be at least 0 and below 1, got 1.0"),
        ({"lr_milestones": (-2,)}, r"lr_milestones must hold whole numbers, each at least 0, got \(-2,\)"),
        ({"weight_range": -0.05}, "weight_range must be at least 0, got -0.05"),
        ({"eta": np.nan}, "eta must be finite, got nan"),
    ],
)
def test_parameters_out_of_their_range_are_refused(model, change, message):
    message = f"^Model 'lillicrap2016_spiking': {message}$"
    with pytest.raises(ModelError, match=message):
        model.params({"hidden": (3,), "outputs": 10} | change)
    with pytest.raises(ModelError, match=message):
        model.module.build(model.module.Params(**{"hidden": (3,), "outputs": 10} | change))


@pytest.mark.parametrize("text", ["7,8", "(7,8)", "[7,8]", " [ 7 , 8, ] ", "7, 8"])
def test_lists_are_read_as_python_json_and_hydra_write_them(model, text):
    assert model.params(model.parse([f"hidden={text}"])).hidden == (7, 8)


def test_lists_of_texts_may_be_quoted():
    kind = kinds_of(dataclasses.make_dataclass("P", [("names", tuple[str, ...])]))["names"]
    assert kind.parse("['a', \"b\", c]") == ("a", "b", "c") and kind.parse("[]") == ()


@pytest.mark.parametrize("text", ["[7,8", "7,8]", "[[7],8]", "(7,8]"])
def test_a_list_with_brackets_that_do_not_match_is_shown_whole(model, text):
    with pytest.raises(ModelError, match=re.escape(f"hidden must hold positive whole numbers, got {text!r}")):
        model.params(model.parse([f"hidden={text}"]))


#: Parameters of the model that are rules.
TEXTS = ("rule", "hidden_rule", "feedback_nonlinearity")


@pytest.mark.parametrize(
    "code", ["open({0!r}, 'w')", "[open({0!r}, 'w')]", "f'{{open({0!r})}}'", "(lambda: open({0!r}, 'w'))()"]
)
def test_no_value_of_a_parameter_runs_as_python(model, tmp_path, code):
    """Neither of ``--set`` nor of ``run.json``."""
    mark = tmp_path / "mark"
    text = code.format(str(mark))
    for name in kinds_of(model.module.Params):
        accepted = _is_accepted(model, {name: text}) or _is_accepted(model, {name: [text]})
        assert not accepted or name in TEXTS, name
        try:
            model.params(model.parse([f"{name}={text}"]))
        except ModelError:
            continue
        assert name in TEXTS, name
    assert not mark.exists()


def test_no_nonlinearity_of_the_feedback_runs_as_python(tmp_path):
    mark = tmp_path / "mark"
    model = model_file.load("lillicrap2016_spiking")
    changes = {"hidden": (5,), "outputs": 10, "target": "numpy", "pathway": "augmented_direct"}
    params = model.params(changes | {"feedback_nonlinearity": f"open({str(mark)!r}, 'w')"})
    with pytest.raises(EquationError, match="nonlinearity must have no constants but numbers"):
        model.build(params)
    assert not mark.exists()


def _is_accepted(model, changes):
    try:
        model.params(changes)
    except ModelError:
        return False
    return True


def test_a_literal_that_is_nested_too_deeply_stays_a_text(model):
    with pytest.raises(ModelError, match="eta must be a number"):
        model.params(model.parse(["eta=" + "-" * 9999 + "1"]))
