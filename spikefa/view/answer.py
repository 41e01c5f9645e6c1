"""The trained network, built once with one stream, answers to an image: spikes, potentials, and each class's output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from brian2 import BrianObject
from brian2.core.variables import ArrayVariable

from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.core.sandbox import run_to_end, sandboxed
from spikefa.datasets import SpikeTrains
from spikefa.diagnostics.shown_unit import shown_unit
from spikefa.errors import RunError
from spikefa.experiments import checkpoint as checkpoints
from spikefa.experiments.run import Run
from spikefa.view.ink import Frame
from spikefa.view.stamp import stamp


@dataclass(frozen=True, eq=False)
class Answer:
    """What a network did while an image was shown."""

    outputs: np.ndarray
    """Output summed over the steps and over each class's units, (classes,)."""
    prediction: int
    """Class that the network answered."""
    activity: dict[str, np.ndarray]
    """Output of each layer, bottom first, (steps, units): spikes if the layer spikes."""
    potential: dict[str, np.ndarray]
    """Potential of each layer that has one, (steps, units)."""
    units: dict[str, str]
    """Unit of `potential`, such as "mV", of each layer whose potential has one."""
    dt: float
    """Length of a step in ms."""


class _Recorder(Part, BrianObject):
    """Copies arrays of one stream at the end of every step."""

    reads_events = False
    only_reads = True

    def __init__(self, network: Network, watched: list[np.ndarray]):
        super().__init__(clock=network.clock, when="end", order=50, name=f"{network.name}_view_recorder")
        self.watched = watched
        self.values: list[list[np.ndarray]] = [[] for _ in watched]

    def run(self) -> None:
        for array, values in zip(self.watched, self.values, strict=True):
            values.append(array[:, 0].copy())


class Answerer:
    """A run's trained network, which answers to images that somebody draws.

    It has one stream, is built once, and has the weights of the last checkpoint at each answer.

    Raises
    ------
    RunError
        If the run's data are no images with classes.
    SpikefaError
        If the model's code is not run, or there is no checkpoint.
    """

    def __init__(self, run: Run):
        if run.classes is None:
            raise RunError(f"{run.directory}: must have classes to answer to a drawing, is a regression")
        self.run, self.data = run, run.dataset()
        images = self.data.test_images
        if isinstance(images, SpikeTrains) or images.ndim != 2 or min(self.data.shape) < 2:
            raise RunError(f"{run.directory}: must have images to answer to a drawing, has {self.data!r}")
        self._checkpoint = run.directory / "checkpoint.h5"
        if not self._checkpoint.exists():
            raise RunError(f"{run.directory}: has no checkpoint yet, so that there is no network to answer")
        self._written = stamp(self._checkpoint)
        self.network = run.trained_network(streams=1)
        self.frame = Frame.of(self.data.as_loaded(images[:1000]), self.data.shape)

    @property
    def layers(self) -> dict[str, int]:
        """Units of each layer by its name, bottom first."""
        return {layer.name: layer.units for layer in self.network.layers}

    def answer(self, image: np.ndarray, steps: int) -> Answer:
        """Show an image, and return what the network did; it leaves no trace in the network.

        Parameters
        ----------
        image : ndarray (height, width)
            From 0 to 1, as the data were loaded.
        steps : int
        """
        network = self._up_to_date()
        layers = list(network.layers)
        with_potential = [layer for layer in layers if isinstance(layer.variables.get("v"), ArrayVariable)]
        watched = [layer.view(layer.output_variable) for layer in layers]
        watched += [layer.view("v") for layer in with_potential]
        samples = self.data.scaled(np.asarray(image, np.float32).reshape(1, -1))
        recorder = _Recorder(network, watched)
        with sandboxed(network, "evaluation"):
            network.add(recorder)
            try:
                network.stimulus.steps_per_image = steps
                network.stimulus.show_samples(samples)
                network.readout.summed_outputs = []
                run_to_end(network, network.stimulus.steps_per_presentation)
                summed = np.concatenate(network.readout.summed_outputs)
            finally:
                network.remove(recorder)
        values = [np.array(own)[:steps] for own in recorder.values]
        found = {layer.name: shown_unit(layer.variables["v"].dim) for layer in with_potential}
        potential = {
            layer.name: v if found[layer.name] is None else v / float(found[layer.name])
            for layer, v in zip(with_potential, values[len(layers) :], strict=True)
        }
        return Answer(
            outputs=summed[0],
            prediction=int(network.readout.predict(summed, steps)[0]),
            activity={layer.name: own for layer, own in zip(layers, values, strict=False)},
            potential=potential,
            units={name: str(unit) for name, unit in found.items() if unit is not None},
            dt=float(network.clock.dt_ * 1e3),
        )

    def _up_to_date(self) -> Network:
        """Return the network with the weights of the last checkpoint."""
        written = stamp(self._checkpoint)
        if written != self._written:
            checkpoints.load_weights(self._checkpoint, self.network)
            self._written = written
        return self.network
