"""What the studies of rate networks share: train in one simulation and look on, save figures, average over seeds."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from spikefa.errors import DivergenceError
from spikefa.experiments import model_file
from spikefa.experiments.metrics_table import read_metrics
from spikefa.plotting.style import TICKS

QUICK = bool(os.environ.get("SPIKEFA_QUICK"))
#: Of the quick modes: a small network is shown little, and compiling would take longer.
FEW_STEPS = {"target": "numpy"} if QUICK else {}
STARTED = time.perf_counter()
MODEL = model_file.load("lillicrap2016_rate")


def build(preset, streams=1, seed=0, **changes):
    """Build a network of ``lillicrap2016_rate``: a preset of parameters, with these changes."""
    return MODEL.build(MODEL.params(changes, preset), streams=streams, seed=seed)


def forward(net):
    """Forward projections, bottom up."""
    return [p for p in net.projections if p.post in net.layers]


def backward(net):
    """Feedback projection to each hidden layer, bottom up."""
    return [p for layer in net.hidden for p in net.projections if getattr(p.post, "layer", None) is layer]


def learn(net, data, presentations, window=50, look=None, each=None, seed=0):
    """Show a network its training examples in random order, in one uninterrupted simulation.

    Returns the normalised squared error in each window of presentations, of answers given before the update that
    they caused, and what `look()` returned at the end of each window. `each()` is called after every presentation.
    """
    rng, count = np.random.default_rng([net.seed, seed]), len(data.train_images)
    queue = np.empty(0, int)

    def source():
        nonlocal queue
        while len(queue) < net.streams:
            queue = np.append(queue, rng.permutation(count))
        now, queue = queue[: net.streams], queue[net.streams :]
        return data.train_images[now], data.train_targets[now]

    errors, looks = [], []

    def on_presentation():
        if each is not None:
            each()
        if net.readout.shown >= window * net.streams:
            errors.append(net.readout.error)
            net.readout.reset()
            if look is not None:
                looks.append(look())

    net.readout.reset()
    net.readout.on_presentation = on_presentation
    net.stimulus.show(source)
    net.run_steps(presentations)
    net.readout.on_presentation = None
    return np.array(errors), np.array(looks)


def metrics_of(run, name: str, watch=lambda row: None) -> dict[str, np.ndarray]:
    """Train a run until it ends or its weights have grown without bound, which is printed; return its metrics."""
    try:
        return run.train(watch)
    except DivergenceError as grown:
        print(f"{name}, seed {run.seed}: {grown}")
        return read_metrics(run.directory / "metrics.csv")


def errors_by_epoch(ax: Axes, networks, metrics, title: str) -> None:
    """Draw the test errors of runs: networks, name -> (label, ..., colour), and metrics, name -> a table a seed."""
    for name, (label, *_, colour) in networks.items():
        for seed, rows in enumerate(metrics[name]):
            line = {"color": colour, "linewidth": 0.9, "marker": ".", "markersize": 3}
            ax.plot(rows["epoch"], 100 * rows["test_error"], label=None if seed else label, **line)
    ax.set(xlabel="Epoch", ylabel="Test error (%)")
    ax.set_xlim(left=0)
    ax.set_title(title, fontsize=8)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    tidy(ax)


def tidy(*axes: Axes) -> None:
    """Return the look of every panel."""
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(**TICKS)
        ax.tick_params(which="minor", length=0)


def band(ax: Axes, x, curves, colour, label=None, **line) -> None:
    """Geometric mean of curves (runs, x), with each run behind it."""
    curves = np.asarray(curves)
    ax.plot(x, curves.T, color=colour, linewidth=0.3, alpha=0.4)
    ax.plot(x, np.exp(np.log(curves).mean(axis=0)), color=colour, linewidth=1.4, label=label, **line)


def log_errors(ax: Axes) -> None:
    """Return a logarithmic axis of errors within a decade or two."""
    ax.set(yscale="log", ylabel="Normalised squared error")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda error, _: f"{error:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def mean_sd(values, unit="") -> str:
    """Mean and standard deviation over runs."""
    values = np.asarray(values)
    spread = f" ± {values.std(ddof=1):.3g}" if values.size > 1 else ""
    return f"{values.mean():.3g}{spread}{unit}"


def save(figure: Figure, script: str) -> None:
    """Write the figure to the path given on the command line, or here under the name of the script (``__file__``)."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else f"{Path(script).stem}.png")
    figure.savefig(out, dpi=300)
    print(f"wrote {out} after {time.perf_counter() - STARTED:.0f} s")
