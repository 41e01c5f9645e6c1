"""The figure of networks that do not spike: outputs of units as shades, and the errors that they receive as lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from spikefa._checks import text
from spikefa.diagnostics.record_outputs import OutputRecording
from spikefa.errors import ArgumentError
from spikefa.plotting.style import INK, ORANGE, RULE, STYLE, TICKS, VERMILLION

#: Units whose errors are drawn, evenly chosen among those shown.
LINES = 10


def outputs_figure(stages: Sequence[OutputRecording], *, title: str | None = None) -> Figure:
    """Draw outputs and errors of some units at several stages of learning, side by side.

    One column a stage: the images shown, and for each layer the outputs of its units as shades, those of the right
    class framed, and below them the errors (delta) that some of the units receive. All stages have the same scales.

    Parameters
    ----------
    stages : sequence of OutputRecording
        One or more recordings of the same network, early to late.
    title : str, optional
        Above all columns.

    Returns
    -------
    Figure

    Raises
    ------
    ArgumentError
        If there is no stage, or the stages have other layers.

    Examples
    --------
    >>> import numpy as np
    >>> import spikefa as fa
    >>> from spikefa.diagnostics.record_outputs import OutputRecording
    >>> image, course = np.eye(3)[None], np.linspace(0, 1, 20).reshape(10, 2)
    >>> recording = OutputRecording("before", image, None, 10, 1.0, {"y": course}, {"y": 1 - course}, None)
    >>> figure = fa.plotting.outputs_figure([recording], title="a network")
    """
    first = _same_network(stages)
    if title is not None:
        text("outputs_figure", "title", title)
    rows = [("images", "")]
    for name in first.outputs:
        rows += [("outputs", name)] + [("deltas", name)] * (name in first.deltas)
    heights = [{"images": 0.45, "outputs": 0.85, "deltas": 0.55}[kind] for kind, _ in rows]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(0.9 + 2.6 * len(stages), 0.8 + 1.1 * sum(heights)), layout="constrained")
        grid = {"height_ratios": heights}
        axes = figure.subplots(len(rows), len(stages), squeeze=False, sharex=True, sharey="row", gridspec_kw=grid)
        for column, stage in enumerate(stages):
            for ax, (kind, name) in zip(axes[:, column], rows, strict=True):
                ax.tick_params(**TICKS)
                if kind == "images":
                    _draw_images(ax, stage)
                elif kind == "outputs":
                    shades = _draw_outputs(ax, stage, name, [s.outputs[name] for s in stages])
                    if column == len(stages) - 1:
                        bar = figure.colorbar(shades, ax=ax, aspect=12, pad=0.02)
                        bar.ax.tick_params(**TICKS)
                        bar.outline.set_linewidth(0.5)
                else:
                    _draw_deltas(ax, stage, name, [s.deltas[name] for s in stages])
                if column:
                    ax.set_ylabel("")
                    ax.tick_params(axis="y", length=0)
                for k in range(1, len(stage.images)):
                    if kind != "images":
                        ax.axvline(k * stage.steps_per_image, color=RULE, linewidth=0.5)
            axes[-1, column].set_xlabel(f"Step ({first.dt:g} ms each)")
            axes[-1, column].xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes[0, 0].set_xlim(0, len(first.images) * first.steps_per_image)
        if title is not None:
            figure.suptitle(title, fontsize=7.5)
    return figure


def _draw_images(ax: Axes, stage: OutputRecording) -> None:
    """Draw each image in the middle of the steps in which it is shown, with its class."""
    each, (height, width) = stage.steps_per_image, stage.images.shape[1:]
    for k, image in enumerate(stage.images):
        inset = ax.inset_axes((k * each + 0.1 * each, 0, 0.8 * each, 1), transform=ax.get_xaxis_transform())
        inset.imshow(image, cmap="gray_r", vmin=0, vmax=1, aspect="equal" if height > 1 and width > 1 else "auto")
        inset.set(xticks=[], yticks=[])
        for spine in inset.spines.values():
            spine.set(color=RULE, linewidth=0.5)
        if stage.labels is not None:
            inset.set_title(str(stage.labels[k]), fontsize=6, color="#6a6a6a", pad=1.5)
    ax.set_axis_off()
    ax.set_title(stage.label, pad=12 if stage.labels is not None else 5)


def _draw_outputs(ax: Axes, stage: OutputRecording, name: str, all_stages: list[np.ndarray]) -> Any:
    """Draw units x steps as shades: black for the largest output; with negative ones, red above 0 and blue below."""
    values = stage.outputs[name]
    low, high = _limits(all_stages)
    signed = low < 0
    reach = max(-low, high)
    shades = ax.imshow(
        values.T,
        cmap="RdBu_r" if signed else "gray_r",
        vmin=-reach if signed else 0,
        vmax=reach or 1.0,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        extent=(0, len(values), -0.5, values.shape[1] - 0.5),
    )
    classes = stage.output_classes if name == list(stage.outputs)[-1] else None
    if classes is None:
        ax.set_ylabel(f"{name}\n({values.shape[1]} units)")
        ax.set_yticks([])
        return shades
    ax.set_ylabel(f"{name}\n(class)")
    middles = [np.flatnonzero(classes == c).mean() for c in np.unique(classes)]
    ax.set_yticks(middles, [str(c) for c in np.unique(classes)])
    for k, label in enumerate(stage.labels):
        units = np.flatnonzero(classes == label)
        if units.size:
            corner = (k * stage.steps_per_image, units[0] - 0.5)
            ax.add_patch(
                Rectangle(
                    corner, stage.steps_per_image, len(units), fill=False, edgecolor=ORANGE, linewidth=1.0, zorder=3
                )
            )
    return shades


def _draw_deltas(ax: Axes, stage: OutputRecording, name: str, all_stages: list[np.ndarray]) -> None:
    """Draw the errors of some units: each value lasts for its step."""
    values = stage.deltas[name]
    chosen = np.unique(np.linspace(0, values.shape[1] - 1, LINES).round().astype(int))
    edges = np.arange(len(values) + 1)
    for unit in chosen:
        ax.stairs(values[:, unit], edges, baseline=None, color=VERMILLION, linewidth=0.7, alpha=0.7)
    ax.axhline(0, color=INK, linewidth=0.4)
    low, high = _limits([values[:, chosen] for values in all_stages])
    pad = 0.08 * (high - low) or 1.0
    ax.set_ylim(low - pad, high + pad)
    ax.yaxis.set_major_locator(MaxNLocator(3, min_n_ticks=2))
    ax.set_ylabel(f"δ of {len(chosen)}\n{name} units", color=VERMILLION)


def _limits(stages: list[np.ndarray]) -> tuple[float, float]:
    """Return the smallest and the largest value of all stages and 0."""
    values = np.concatenate([stage.ravel() for stage in stages])
    values = values[np.isfinite(values)]
    return min(0.0, values.min(initial=0.0)), max(0.0, values.max(initial=0.0))


def _same_network(stages: Sequence[OutputRecording]) -> OutputRecording:
    owner = "outputs_figure"
    listed = isinstance(stages, Sequence) and not isinstance(stages, str | bytes)
    if not listed or not all(isinstance(stage, OutputRecording) for stage in stages):
        raise ArgumentError(f"{owner}: must be given recordings (OutputRecording), got {type(stages).__name__}")
    if not len(stages):
        raise ArgumentError(f"{owner}: must be given at least one stage, got none")
    first = stages[0]
    for stage in stages[1:]:
        if list(stage.outputs) != list(first.outputs):
            raise ArgumentError(
                f"{owner}: stages must have the same layers, got {list(first.outputs)} and {list(stage.outputs)}"
            )
    return first
