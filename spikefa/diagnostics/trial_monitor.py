"""Trial monitors: which image each stream saw, and when; what belongs to every recording of spikes or potentials."""

from __future__ import annotations

import numpy as np
from brian2 import BrianObject

from spikefa._checks import identifier
from spikefa.core.network import Network, require_network
from spikefa.core.part import Part


class TrialMonitor(Part, BrianObject):
    r"""Record the onset of every presentation, with the label or target of each stream.

    Image `q` of `show_images` is shown in stream ``q % streams``, so that numbers are those of the images if the
    monitor is added before the first of them. It does not record in evaluations and recordings.

    Parameters
    ----------
    network : Network
        With a task.
    name : str

    Raises
    ------
    ArgumentError
        If the network has no task yet.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> net = fa.Network(streams=2, target="numpy")
    >>> image = fa.Input(net, "image", 2)
    >>> layer = fa.Layer(net, "output", 2, "I : 1\ns : 1", emit="s = I", threshold=None)
    >>> task = fa.classification_task(net, steps_per_image=5, classes=2)
    >>> trials = fa.TrialMonitor(net)
    >>> net.stimulus.show_images(np.eye(2), np.array([0, 1]))
    >>> net.run_steps(5)
    >>> trials.table()["stop"]
    array([5., 5.])
    """

    reads_events = False
    runs_in_evaluation = False
    only_reads = True

    def __init__(self, network: Network, *, name: str = "trial_monitor*"):
        require_network("TrialMonitor", network).require_task("TrialMonitor")
        identifier("TrialMonitor", "name", name, star=True)
        # After the stimulus, which switches the images at the start of a step.
        super().__init__(clock=network.clock, when="start", order=50, name=name)
        self.network = network
        self._onsets: list[float] = []
        self._targets: list[np.ndarray] = []
        network.join(self)

    def run(self) -> None:
        """Record the targets in a presentation's first step."""
        stimulus = self.network.stimulus
        if stimulus.first_step:
            self._onsets.append(self.network.step * self.network.clock.dt_ * 1e3)
            self._targets.append(stimulus.targets.copy())

    def table(self) -> dict[str, np.ndarray]:
        """Return a row a trial, in the order of the images: columns of equal length.

        Returns
        -------
        dict
            ``image``, its number; ``stream``; ``start`` and ``stop``, in ms, without the gap after it; ``label``, or
            ``target`` (n, units) of a network without classes. `pandas.DataFrame` takes the columns of a
            classification as they are.
        """
        streams, stimulus, shown = self.network.streams, self.network.stimulus, self._shown()
        count = len(self._onsets) * streams
        start = np.repeat(np.array(self._onsets, float), streams)
        targets = np.concatenate(self._targets) if count else stimulus.targets[:0].copy()
        name = "label" if self.network.readout.classes is not None else "target"
        image = np.arange(count)
        return {"image": image, "stream": image % streams, "start": start, "stop": start + shown, name: targets}

    def rows_at(self, time: np.ndarray, stream: np.ndarray) -> np.ndarray:
        """Return the row of `table` that was shown in streams at times.

        Parameters
        ----------
        time : ndarray
            In ms.
        stream : ndarray of int
            Of a shape that broadcasts with that of `time`.

        Returns
        -------
        ndarray of int
            -1 where nothing was shown, as in a gap.
        """
        onsets = np.array(self._onsets, float)
        half = self.network.clock.dt_ * 1e3 / 2  # times are multiples of dt but for rounding
        presentation = np.searchsorted(onsets, np.asarray(time) + half, "right") - 1
        since = np.asarray(time) - np.append(onsets, np.inf)[presentation]  # -1 is the last: endless
        row = presentation * self.network.streams + stream
        return np.where((presentation >= 0) & (since < self._shown() - half), row, -1)

    def _shown(self) -> float:
        return self.network.stimulus.steps_per_image * self.network.clock.dt_ * 1e3
