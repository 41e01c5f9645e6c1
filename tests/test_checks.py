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
    with pytest.raises(ArgumentError, match="^Network: dt must be a time above 0, such as 1.ms, got "):
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
    with pytest.raises(ArgumentError, match="^plot: t must hold real numbers, got dtype complex128$"):
        _checks.real_array("plot", "t", [1j])
