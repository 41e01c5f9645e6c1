"""Figures: functions that take arrays and an axes, and change neither them nor any setting of matplotlib.

If no axes is given, the function draws in a new `matplotlib.figure.Figure`, which pyplot does not track:
nothing has to be closed, no screen is needed, and ``ax.figure.savefig("x.pdf")`` writes it.

Only this package imports matplotlib, when a name of it is first used. `spikefa.plotting.figures` lists the figures of
a run.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["figures"],
    submod_attrs={
        "activity": ["activity_figure", "psp_figure", "raster_figure"],
        "animation": ["animate", "save_animation"],
        "class_panels": ["plot_confusion", "plot_images", "plot_psth", "plot_tuning"],
        "distributions": ["plot_distributions"],
        "of_runs": ["save_figure"],
        "of_studies": ["plot_study", "save_study_figure"],
        "outputs": ["outputs_figure"],
        "panels": ["plot_angles", "plot_learning", "plot_psp", "plot_receptive_fields"],
        "raster": ["plot_raster"],
    },
)
