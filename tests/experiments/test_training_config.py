"""What a training must not be told."""

import pytest

from spikefa.errors import ArgumentError
from spikefa.experiments.training_config import TrainingConfig


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("epochs", -1, "a whole number, at least 0"),
        ("epochs", True, "a whole number, at least 0"),
        ("test_steps", 2.5, "a whole number, at least 1"),
        ("evaluate_every", 0, "a finite positive number"),
        ("evaluate_every", float("inf"), "a finite positive number"),
        ("evaluate_every", "often", "a finite positive number"),
        ("checkpoint_seconds", float("nan"), "a finite positive number"),
        ("record_activity", "no", "true or false"),
    ],
)
def test_training_config_refuses_nonsense(name, value, rule):
    with pytest.raises(ArgumentError, match=f"^TrainingConfig: {name} must be {rule}, got {value!r}$"):
        TrainingConfig(**{name: value})


@pytest.mark.parametrize("name", ["epochs", "test_steps", "recording_steps"])
def test_no_training_has_a_thousand_million(name):
    with pytest.raises(ArgumentError, match=f"TrainingConfig: {name} must be at most 1,000,000, got 1000000000"):
        TrainingConfig(**{name: 10**9})
