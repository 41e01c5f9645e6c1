"""Values of parameters, as texts and in Python."""

import numpy as np
import pytest

from spikefa.errors import ArgumentError, ModelError
from spikefa.experiments import model_file
from spikefa.study import axes
from spikefa.study.axes import Interval


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("eta=1e-3,2e-3", [1e-3, 2e-3]),
        ("eta=1e-3", [1e-3]),
        ("pathway=alignment,direct", ["alignment", "direct"]),
        ("hidden=100,50", [(100, 50)]),  # as in `spikefa train`
        ("hidden=100,50;200", [(100, 50), (200,)]),
        ("hidden=[100,50];(200)", [(100, 50), (200,)]),
        ("momentum=none,0.9", [None, 0.9]),
        ("rule=dW = -eta * f(a, b);dW = 0", ["dW = -eta * f(a, b)", "dW = 0"]),
        ("eta=log:1e-4..1e-2", Interval(1e-4, 1e-2, log=True)),
        ("eta=0..1", Interval(0, 1)),
        ("steps_per_image=2..5", Interval(2, 5)),
    ],
)
def test_texts(text, values):
    model = model_file.load("lillicrap2016_spiking")
    if text.partition("=")[0] in ("momentum",):
        model = model_file.load("lillicrap2016_rate")
    assert axes.parse(model, [text]) == {text.partition("=")[0]: values}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["eta"], "must be set by name=value, got 'eta'"),
        (["etta=1"], "no parameter 'etta'.*did you mean 'eta'"),
        (["eta=1", "eta=2"], "eta must be set once, with all its values"),
    ],
)
def test_texts_that_are_none(model, texts, message):
    with pytest.raises(ModelError, match=message):
        axes.parse(model, texts)


@pytest.mark.parametrize(
    ("vary", "error", "message"),
    [
        ({"etta": [1]}, ModelError, "no parameter 'etta'"),
        ({"eta": [-1.0]}, ModelError, "eta must be at least 0, got -1"),
        ({"eta": 1e-3}, ArgumentError, "the values of eta must be a list or an Interval, got 0.001"),
        ({"hidden": (100, 50)}, ArgumentError, "the values of hidden must be a list"),
        ({"eta": []}, ArgumentError, "the values of eta must be at least one"),
        ({"eta": [1e-3, np.float64(1e-3)]}, ArgumentError, "the values of eta must be different, got 0.001 twice"),
        ({"pathway": Interval(0, 1)}, ModelError, "pathway must be one of"),
        ({"hidden": Interval(10, 20)}, ArgumentError, "the values of hidden must be a list, since it is no number"),
        ({"steps_per_image": Interval(1.5, 3)}, ModelError, "steps_per_image must be a positive whole number"),
        ([("eta", 1)], ArgumentError, "vary must be a dict"),
    ],
)
def test_values_that_do_not_fit(model, vary, error, message):
    with pytest.raises(error, match=message):
        axes.checked(model, vary)


def test_intervals():
    log = Interval(1e-4, 1e-2, log=True)
    assert [log.at(x) for x in (0, 0.5, 1)] == pytest.approx([1e-4, 1e-3, 1e-2])
    assert log.at(0.123456) == float(f"{log.at(0.123456):.4g}")
    whole = Interval(2, 4)
    assert [whole.at(x) for x in (0, 0.34, 0.99, 1)] == [2, 3, 4, 4] and isinstance(whole.at(0.5), int)
    for wrong, message in (((2, 1), "high must be above low"), ((0, 1, True), "low must be above 0 for a logarithm")):
        with pytest.raises(ArgumentError, match=message):
            Interval(*wrong)
