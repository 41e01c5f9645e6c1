"""What has to be reached, at the published size."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A number to reach.

    Parameters
    ----------
    what : str
    row : str
        ``SECTION.KEY`` of the row that measures it.
    limit : float
    unit : str
    at_least : bool
        Whether the limit is the least; else it is the most.
    """

    what: str
    row: str
    limit: float
    unit: str
    at_least: bool = False

    def met_by(self, value: float) -> bool:
        """Return whether a measured value reaches it."""
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.limit:g} {self.unit}"


GOALS = (
    Goal("training step, many streams / its matrix products", "step.ratio", 1.2, "x"),
    Goal("all of a training step that is no product", "step.remainder", 6, "ms"),
    Goal("training step, many streams / sum of floors", "floors.ratio", 1.35, "x"),
    Goal("the same with int8 feedback", "floors.int8/ratio", 1.7, "x"),
    Goal("one stream: step / (bytes / copy bandwidth)", "one-stream.ratio", 1.5, "x"),
    Goal("one stream, int8 feedback: the same", "one-stream.int8/ratio", 1.3, "x"),
    Goal("least gain of images/s by about twice the streams", "scaling.streams/gain", 1, "x", at_least=True),
    Goal("throughput against stock Brian2 Synapses", "brian2.ratio", 50, "x", at_least=True),
    Goal("throughput against PyTorch on the CPU", "pytorch.ratio", 1.9, "x", at_least=True),
    Goal("the same with int8 feedback", "pytorch.int8/ratio", 2.6, "x", at_least=True),
    Goal("training epoch, 60,000 images", "images.epoch", 97, "s"),
    Goal("on a GPU: training epoch, 60,000 images", "gpu.epoch", 3, "s"),
    Goal("on a GPU: training step, 100 streams / its matrix products", "gpu.ratio/100", 1.5, "x"),
    Goal("on a GPU: throughput against PyTorch compiled", "gpu-pytorch.ratio/compiled", 2, "x", at_least=True),
    Goal("peak memory above the imports", "memory.training", 400, "MB"),
    Goal("wait for the help", "start.help", 0.5, "s"),
    Goal("wait for the first row of a training", "start.first_row/warm", 4, "s"),
    Goal("the same, nothing compiled", "start.first_row/cold", 6, "s"),
    Goal("wait for the demo's end, nothing compiled", "start.demo/cold", 12, "s"),
)
