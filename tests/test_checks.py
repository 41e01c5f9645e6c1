"""Checks of arguments: what they return and what they refuse."""

import numpy as np
import pytest
from brian2 import ms, mV, second

from spikefa import _checks
from spikefa.errors import ArgumentError


@pytest.mark.parametrize("value", [1 * ms, 0.5 * second, np.float32(2) * ms])
def test_a_duration_is_a_time_above_0(value):
    assert _checks.duration("Network", "dt", value) is value


@pytest.mark.parametrize("value", [0 * ms, -1 * ms, 1.0, "1*ms", 1 * mV, [1, 2] * ms, np.inf * ms, np.nan * ms, None])
def test_other_values_are_no_duration(value):
    with pytest.raises(ArgumentError, match=r"^Network: dt must be a time above 0, such as 1.ms, got "):
        _checks.duration("Network", "dt", value)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({}, "a finite number"),
        ({"low": 0}, "a finite number, at least 0"),
        ({"low": 0, "high": 1, "open_low": True}, "a finite number, above 0 and at most 1"),
        ({"high": 1, "open_high": True}, "a finite number, below 1"),
    ],
)
def test_a_range_is_named(limits, words):
    assert _checks.in_range("Layer", "x", np.float32(0.5), **limits) == 0.5
    for value in (np.nan, np.inf, True, "1", *([-1] if "low" in limits else []), *([2] if "high" in limits else [])):
        with pytest.raises(ArgumentError, match=f"^Layer: x must be {words}, got {value!r}$"):
            _checks.in_range("Layer", "x", value, **limits)


def test_real_numbers_of_any_shape_are_an_array():
    assert _checks.real_array("plot", "t", [True, 2], float).tolist() == [1.0, 2.0]
    with pytest.raises(ArgumentError, match=r"^plot: t must hold real numbers, got dtype complex128$"):
        _checks.real_array("plot", "t", [1j])


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers_are_plain_ints(value):
    assert type(_checks.whole("Layer", "n", value)) is int and _checks.positive_int("Layer", "n", value) == 3


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ((), "be a whole number, at least 0"),
        ((1,), "be a positive whole number"),
        ((1, 2), "be a whole number, from 1 to 2"),
    ],
)
@pytest.mark.parametrize("value", [-1, 2.0, True, "1", None, np.nan])
def test_other_values_are_not_whole_numbers(arguments, rule, value):
    with pytest.raises(ArgumentError) as caught:
        _checks.whole("Layer", "n", value, *arguments)
    assert str(caught.value) == f"Layer: n must {rule}, got {value!r}"


@pytest.mark.parametrize("value", [0, -2, 1.5, True])
def test_a_positive_whole_number_says_of_what(value):
    with pytest.raises(ArgumentError, match=rf"^Layer: n must be a positive whole number of steps, got {value}$"):
        _checks.positive_int("Layer", "n", value, "steps")


def test_one_of_those_that_are_known():
    assert _checks.one_of("Layer", "on", "both", ("none", "both")) == "both"
    for value, hint in (("boht", "; did you mean 'both'?"), (3, ""), ([], "")):
        with pytest.raises(ArgumentError) as caught:
            _checks.one_of("Layer", "on", value, ("none", "both"))
        assert str(caught.value) == f"Layer: on must be one of 'none', 'both', got {value!r}{hint}"


def test_truth_values_and_texts():
    assert _checks.true_or_false("Layer", "on", np.True_) is True
    assert _checks.text("Layer", "name", "h1") == "h1"
    with pytest.raises(ArgumentError, match=r"^Layer: on must be true or false, got 1$"):
        _checks.true_or_false("Layer", "on", 1)
    with pytest.raises(ArgumentError, match=r"^Layer: name must be a text, got 1$"):
        _checks.text("Layer", "name", 1)


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ([1.0], r"be \(2,\), got \(1,\)"),
        (["a", "b"], "be numbers, got <U1"),
        ([1, np.nan], "be finite, got 1 that are not"),
    ],
)
def test_finite_arrays(values, rule):
    assert _checks.finite_array("Layer", "W", [1, 2], (2,)).tolist() == [1, 2]
    with pytest.raises(ArgumentError, match=f"^Layer: W must {rule}$"):
        _checks.finite_array("Layer", "W", values, (2,))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.zeros((2, 3)), "an array (2, 3) of float64"),
        ("x" * 500, f"'{'x' * 119}..."),
        ([1, 2], "[1, 2]"),
        ([10**5000], "a value of type list"),  # Python does not write it
    ],
    ids=["array", "text", "list", "huge"],
)
def test_messages_show_a_value_on_one_short_line(value, words):
    assert _checks.shown(value) == words


@pytest.mark.parametrize("value", [10**30, 2**62, -1, True, 1.0, "1", None, [1]])
def test_numbers_of_things_are_whole_and_not_beyond_bounds(value):
    with pytest.raises(ArgumentError, match=r"^Layer: n must be a .*, got "):
        _checks.whole("Layer", "n", value)


@pytest.mark.parametrize("value", ["", "a b", "1a", "a*", "\u03c0", None, 3, b"x", "a" * 300])
def test_names_of_objects(value):
    with pytest.raises(ArgumentError, match=r"^Layer: name must be a name of letters, digits and _"):
        _checks.identifier("Layer", "name", value)
    assert _checks.identifier("Layer", "name", "monitor*", star=True) == "monitor*"


@pytest.mark.parametrize(
    "value", ["", None, 3, b"x", "a\0b", "x" * 300, "/".join(["x" * 100] * 50)], ids=lambda v: repr(v)[:9]
)
def test_paths(value):
    with pytest.raises(ArgumentError, match=r"^run: directory must be a path, got "):
        _checks.path("run", "directory", value)


def test_a_users_function_that_fails_is_named():
    def fails(*_):
        raise RuntimeError("of the user's")

    with pytest.raises(
        ArgumentError, match=r"^P: the function of weights failed with RuntimeError: .of the user's"
    ) as e:
        _checks.called("P", "of weights", fails, 1)
    assert isinstance(e.value.__cause__, RuntimeError)


def test_a_ragged_or_strange_array_is_refused():
    for value in ([[1, 2], [3]], object(), lambda: 1):
        with pytest.raises(ArgumentError, match=r"^P: weights must be an array"):
            _checks.array("P", "weights", value)
