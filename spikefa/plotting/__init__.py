"""Figures: functions that take arrays and an axes, and change neither them nor any setting of matplotlib.

Where no axes is given the function draws in a new `matplotlib.figure.Figure`, which pyplot does not track:
nothing has to be closed, no display is needed, and ``ax.figure.savefig("x.pdf")`` writes it.

Only this package imports matplotlib.
"""

from spikefa.plotting.displays import figure4, psp_figure, raster_figure
from spikefa.plotting.panels import plot_angles, plot_learning, plot_psp, plot_raster, plot_receptive_fields

__all__ = [
    "figure4",
    "plot_angles",
    "plot_receptive_fields",
    "plot_learning",
    "plot_psp",
    "plot_raster",
    "psp_figure",
    "raster_figure",
]
