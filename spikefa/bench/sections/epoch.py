"""An epoch of training as a user has it: learning, tests, recordings and checkpoints, and how long each takes."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spikefa.bench.harness import Section, Setting, build, synthetic_images
from spikefa.bench.sections import sections
from spikefa.datasets import Dataset
from spikefa.experiments.callbacks import Progress
from spikefa.experiments.trainer import Trainer
from spikefa.experiments.training_config import TrainingConfig

#: Images of the training and test sets.
IMAGES, QUICK_IMAGES = (60_000, 10_000), (40, 20)
#: Parts of an epoch -> what they are, and the trainer's method that does them; each without the parts inside it.
PARTS = {
    "learning": ("learning", "_learn_until"),
    "test": ("testing", "_measure"),
    "checkpoint": ("checkpoints", "save"),
    "recording": ("recordings of activity, tables", "_milestone"),
}


class Watch:
    """Notes how long calls take, each without the calls inside it."""

    def __init__(self):
        self._inside = [0.0]  # of each call under way, what those inside it took
        self.begin()

    def begin(self) -> None:
        """Forget all until now, also of the calls that are under way."""
        self.spent: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._since = time.perf_counter()
        self._inside = [0.0] * len(self._inside)

    def timed(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that is timed."""

        def timed(*arguments: Any) -> Any:
            began = time.perf_counter()
            self._inside.append(0.0)
            try:
                return call(*arguments)
            finally:
                took = time.perf_counter() - max(began, self._since)
                self.spent[part] += took - self._inside.pop()
                self.calls[part] += 1
                self._inside[-1] += took

        return timed


@sections.register("epoch")
def epoch(setting: Setting, section: Section) -> None:
    """Split an epoch of 60,000 images into its parts.

    Keys ``total``, ``learning``, ``test``, ``recording`` and ``checkpoint``. What is done before the first images have
    been learned is not counted.
    """
    params = setting.params()
    network = build(setting.model, params, setting.streams)
    steps = getattr(params, "test_steps", network.stimulus.steps_per_image)
    data = _images(network, *(QUICK_IMAGES if setting.quick else IMAGES))
    config = TrainingConfig(epochs=1, test_steps=steps)
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            network, data, config, Path(folder), one_stream=lambda: build(setting.model, params, streams=1)
        )
        for part, (_, method) in PARTS.items():
            setattr(trainer, method, watch.timed(part, getattr(trainer, method)))

        def on_progress(progress: Progress) -> None:
            if progress.images_seen == network.streams:  # all code is compiled
                watch.begin()

        trainer.on_progress = on_progress
        trainer.run()
    total = watch.spent.total()
    section.add("total", f"an epoch of {len(data.train_images):,} images", "s", [total])
    for part, (what, _) in PARTS.items():
        note = f"{watch.spent[part] / total:.1%}, {watch.calls[part]} of them"
        section.add(part, what, "s", [watch.spent[part]], note)
    section.notes.append(
        f"Synthetic images, {setting.streams} streams, {len(data.test_images):,} test images of {steps} steps; once."
    )


def _images(network: Any, train: int, test: int) -> Dataset:
    """Return synthetic images with random answers of the network's kind."""
    rng, pixels = np.random.default_rng(0), network.input.units
    classes, units = network.readout.classes, network.layers[-1].units

    def answers(count: int) -> np.ndarray:
        return np.arange(count) % classes if classes else rng.random((count, units))

    images = [synthetic_images(count, pixels, seed) for seed, count in enumerate((train, test))]
    stated = [answers(train), answers(test)]
    labels, targets = (stated, (None, None)) if classes else ((None, None), stated)
    of_targets = {"train_targets": targets[0], "test_targets": targets[1]}
    return Dataset("synthetic", images[0], labels[0], images[1], labels[1], (1, pixels), classes, **of_targets)
