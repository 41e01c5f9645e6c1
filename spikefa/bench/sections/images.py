"""The time an image takes, training and testing, with many streams."""

from __future__ import annotations

from spikefa.bench.harness import Section, Setting, StepTimer, take_turns
from spikefa.bench.sections import sections
from spikefa.core.network import Network
from spikefa.core.sandbox import sandboxed


@sections.register("images")
def images(setting: Setting, section: Section) -> None:
    """Time an image, training and testing.

    Keys ``train``, ``test``, ``epoch`` and ``test_set``.
    """
    network = setting.network()
    timer = StepTimer(network)
    train_steps = network.stimulus.steps_per_image
    test_steps = getattr(setting.params(), "test_steps", train_steps)
    steps = setting.steps(network, timer)
    measured = take_turns(
        {
            "train": lambda: timer.mean_of(steps) * train_steps / network.streams,
            "test": lambda: _testing(network, timer, steps // train_steps * test_steps, test_steps),
        },
        setting,
    )
    shown = f"{network.streams} streams"
    section.add("train", f"training, an image of {train_steps} steps, {shown}", "ms", measured["train"])
    section.add("test", f"testing, an image of {test_steps} steps, {shown}", "ms", measured["test"])
    section.add("epoch", "training, 60,000 images (derived)", "s", 60_000 * measured["train"])
    section.add("test_set", "testing, 10,000 images (derived)", "s", 10_000 * measured["test"])
    section.notes.append("Synthetic images of MNIST's statistics, switched as in training; no evaluations.")


def _testing(network: Network, timer: StepTimer, steps: int, test_steps: int) -> float:
    source = network.stimulus.source
    with sandboxed(network, "evaluation"):
        network.stimulus.steps_per_image = test_steps
        network.stimulus.show(source)
        timer.active = True
        return timer.mean_of(steps) * test_steps / network.streams
