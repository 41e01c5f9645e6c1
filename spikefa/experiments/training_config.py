"""The protocol of a training: what is not in the model's parameters."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass

import numpy as np

from spikefa.errors import ArgumentError


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained; what is not in the model's parameters.

    Numbers of numpy are kept as Python's.

    Raises
    ------
    ArgumentError
        If a number is of another kind or outside its range.
    """

    epochs: int = 5
    """Passes over the training images."""
    test_steps: int = 5
    """Steps for which a test image is shown."""
    evaluate_every: float = 1.0
    """Epochs between evaluations."""
    checkpoint_seconds: float = 120.0
    """Time between checkpoints; one is also written at each evaluation."""
    display: bool = True
    """Whether to record rasters and PSPs at the start, early in the first epoch and at each evaluation."""
    display_steps: int = 50
    """Steps an image in those recordings."""
    diagnostics: bool = False
    """Whether to measure, in the last training step before each evaluation, every rule's update against the one of
    backpropagation (`GradientAlignment`)."""

    def __post_init__(self):
        for name, least in (("epochs", 0), ("test_steps", 1), ("display_steps", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
                raise ArgumentError(f"TrainingConfig: {name} must be a whole number, at least {least}, got {value!r}")
            object.__setattr__(self, name, int(value))
        for name in ("evaluate_every", "checkpoint_seconds"):
            value = getattr(self, name)
            number = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if not (number and math.isfinite(value) and value > 0):
                raise ArgumentError(f"TrainingConfig: {name} must be a finite positive number, got {value!r}")
            object.__setattr__(self, name, float(value))
        for name in ("display", "diagnostics"):
            value = getattr(self, name)
            if not isinstance(value, bool | np.bool_):
                raise ArgumentError(f"TrainingConfig: {name} must be true or false, got {value!r}")
            object.__setattr__(self, name, bool(value))
