"""The narrower spiking network of two studies, 784-500-500-500-500: its settings, and a run of it."""

from __future__ import annotations

from pathlib import Path

from _study import QUICK

from spikefa.datasets import Dataset
from spikefa.experiments.run import Run, new_run

#: Errors of many output units add up on their way down, and nothing bounds them: the rate has to be lower.
BACKPROP = {"eta": 1e-3, "eta_factor_output": 3.0, "weight_range": 0.3}
if QUICK:
    BACKPROP = {"eta": 0.1, "eta_factor_output": 0.1}


def narrow_run(
    folder: Path, changes: dict, seed: int, epochs: int, evaluate_every: float, data: str | Dataset = "mnist"
) -> Run:
    """State a run with the rule, loss and averaging of the preset ``dense``.

    If there are several epochs, the rate is divided in the last.
    """
    common = {
        "hidden": (500, 500, 500),
        "outputs": 500,
        "weight_range": 0.1,
        "feedback_range": 0.1,
        "rate_average_steps": 500.0,
        "loss": "cross_entropy",
        "output_bias": -2.2,
        "eta": 3e-2,
        "eta_factor_output": 0.3,
        "lr_milestones": (epochs - 1,) if epochs > 1 else (),
        "averaging_images": 60000,
        "test_steps": 20,
    }
    if QUICK:
        common |= {"pixels": 64, "hidden": (100, 100, 100), "outputs": 100, "averaging_images": 1000}
        common |= {"weight_range": 0.2}
    return new_run(
        folder,
        "lillicrap2016_spiking",
        common | changes,
        data="digits" if QUICK else data,
        streams=20 if QUICK else 100,
        seed=seed,
        epochs=epochs,
        evaluate_every=evaluate_every,
        record_activity=False,
        diagnostics=True,
    )
