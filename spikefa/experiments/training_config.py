"""How a network is trained: what is not in the model's parameters."""

from __future__ import annotations

from dataclasses import dataclass

from spikefa._checks import in_range, is_whole, true_or_false, whole

#: No training has so many epochs, nor a presentation so many steps.
MOST = 1_000_000


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained; what is not in the model's parameters.

    Numbers of numpy are kept as Python's.

    Raises
    ------
    ArgumentError
        If a value is of another kind or outside its range.

    Examples
    --------
    >>> from spikefa.experiments.training_config import TrainingConfig
    >>> TrainingConfig(epochs=3, evaluate_every=0.5).test_steps
    5
    """

    epochs: int = 5
    """Passes over the training images."""
    test_steps: int = 5
    """Steps for which a test image is shown."""
    evaluate_every: float = 1.0
    """Epochs between evaluations."""
    checkpoint_seconds: float = 120.0
    """Seconds between checkpoints; one is also written at each evaluation."""
    record_activity: bool = True
    """Whether to record rasters and PSPs at the start, early in the first epoch and at each evaluation."""
    recording_steps: int = 50
    """Steps an image in those recordings."""
    diagnostics: bool = False
    """Whether to measure, in the last training step before each evaluation, every rule's update against the one of
    backpropagation (`GradientAlignment`)."""

    def __post_init__(self):
        for name, least in (("epochs", 0), ("test_steps", 1), ("recording_steps", 1)):
            value, rule = getattr(self, name), f"be a whole number, at least {least}"
            if is_whole(value) and value > MOST:
                rule = f"be at most {MOST:,}"
            self._store(name, whole("TrainingConfig", name, value, least, MOST, rule))
        for name in ("evaluate_every", "checkpoint_seconds"):
            rule = "be a finite positive number"
            self._store(name, in_range("TrainingConfig", name, getattr(self, name), 0, open_low=True, rule=rule))
        for name in ("record_activity", "diagnostics"):
            self._store(name, true_or_false("TrainingConfig", name, getattr(self, name)))

    def _store(self, name: str, value: float) -> None:
        object.__setattr__(self, name, value)  # the only way in a frozen dataclass
