"""What the figures of runs share: titled figures with lettered panels, and the responses to test images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from spikefa.diagnostics.responses import Responses, responses
from spikefa.errors import RunError
from spikefa.experiments.run import Run
from spikefa.plotting.run_title import run_title
from spikefa.plotting.style import STYLE, TICKS, letter_panels

#: Test images that figures of responses show to the network, the first ones.
MOST_IMAGES = 1000

#: The responses of the run that was looked at last, which several figures of it share.
_found: dict[tuple, Responses] = {}


@contextmanager
def styled_panels(run: Run, panels: int, size: tuple[float, float]) -> Iterator[Figure]:
    """Give a figure of some panels side by side, in inches each, with the run's title and letters."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(size[0] * panels, size[1]), layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        for ax in axes:
            ax.tick_params(**TICKS)
            ax.spines[["top", "right"]].set_visible(False)
        letter_panels(axes)
        figure.suptitle(run_title(run), fontsize=7.5)
        yield figure


def responses_of(run: Run) -> Responses:
    """Show the first test images to a run's network, as it is at the last checkpoint.

    Raises
    ------
    RunError
        If the run has no classes.
    CheckpointError
        If there is no checkpoint.
    """
    if run.classes is None:
        raise RunError(f"{run.directory}: must have classes for this figure, is a regression")
    checkpoint = run.directory / "checkpoint.h5"
    if not checkpoint.exists():
        run.trained_network()  # which says so, before data are read
    written, steps = checkpoint.stat(), run.config.test_steps
    key = (str(run.directory.resolve()), run.found_digest, written.st_mtime_ns, written.st_size, steps)
    if key not in _found:
        _found.clear()
        network, data, shown = run.trained_network(), run.dataset(), slice(0, MOST_IMAGES)
        images, labels = data.test_images[shown], data.test_labels[shown]
        _found[key] = responses(network, images, labels, steps)
    return _found[key]


def images_of(run: Run, chosen: np.ndarray) -> np.ndarray:
    """Return test images as they were loaded, before the model prepared them."""
    data = run.dataset()
    return np.asarray(data.as_loaded(data.test_images[chosen]))
