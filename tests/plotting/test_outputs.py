"""The figure of networks that do not spike, and what the command draws of their runs."""

import numpy as np
import pytest
from rate_model import __file__ as rate_file

import spikefa as fa
from spikefa import plotting
from spikefa.diagnostics.record_outputs import OutputRecording
from spikefa.errors import ArgumentError
from spikefa.plotting.figures import figures


def recording(label="now", seed=0, classes=True, signed=False, hidden=2):
    rng = np.random.default_rng(seed)
    layers = [*(f"h{k}" for k in range(hidden)), "output"]
    values = {name: rng.random((8, 6)) - 0.5 * signed for name in layers}
    return OutputRecording(
        label=label,
        images=rng.random((4, 3, 5)),
        labels=np.array([1, 0, 1, 0]) if classes else None,
        steps_per_image=2,
        dt=0.5,
        outputs=values,
        deltas={name: rng.normal(size=(8, 6)) for name in layers[1:]},
        output_classes=np.repeat([0, 1], 3) if classes else None,
    )


@pytest.mark.parametrize("kind", [{}, {"classes": False, "signed": True}, {"hidden": 0}])
def test_each_stage_is_a_column_of_shades_and_errors_on_common_scales(kind):
    stages = [recording("before", 0, **kind), recording("after", 1, **kind)]
    figure = plotting.outputs_figure(stages, title="a title")
    figure.draw_without_rendering()
    layers, deltas = list(stages[0].outputs), list(stages[0].deltas)
    shades = [ax.images[0] for ax in figure.axes if ax.images and not ax.get_title().isdigit()]
    assert len(shades) == 2 * len(layers)
    for name, at in zip(layers, range(0, len(shades), 2), strict=True):
        for stage, image in zip(stages, shades[at : at + 2], strict=True):
            np.testing.assert_array_equal(image.get_array(), stage.outputs[name].T)
        assert shades[at].get_clim() == shades[at + 1].get_clim()
    lines = [ax for ax in figure.axes if ax.patches and not ax.images]
    assert len(lines) == 2 * len(deltas)
    if deltas:
        np.testing.assert_array_equal(lines[0].patches[0].get_data().values, stages[0].deltas[deltas[0]][:, 0])
    assert [ax.get_xlabel() for ax in figure.axes].count("Step (0.5 ms each)") == 2


def test_the_right_class_is_framed():
    figure = plotting.outputs_figure([recording()])
    (ax,) = [ax for ax in figure.axes if ax.get_ylabel() == "output\n(class)"]
    frames = [patch.get_bbox().extents.tolist() for patch in ax.patches]
    assert frames == [[2 * k, [-0.5, 2.5][c], 2 * k + 2, [2.5, 5.5][c]] for k, c in enumerate([1, 0, 1, 0])]


def test_stages_that_do_not_belong_together_are_named():
    with pytest.raises(ArgumentError, match="outputs_figure: must be given at least one stage, got none"):
        plotting.outputs_figure([])
    with pytest.raises(ArgumentError, match=r"outputs_figure: stages must have the same layers, got \['h0', 'h1'"):
        plotting.outputs_figure([recording(), recording(hidden=0)])
    with pytest.raises(ArgumentError, match=r"outputs_figure: must be given recordings \(OutputRecording\), got str"):
        plotting.outputs_figure("runs/mnist")


def test_a_run_without_recordings_is_shown_images_for_its_activity(tmp_path):
    sizes = {"sizes": (64, 5, 10), "classes": 10, "weight_range": 0.3}
    rate = fa.new_run(tmp_path / "rate", rate_file, sizes, data="digits", streams=100, epochs=0)
    rate.train(progress=False)
    figure = figures["activity"](rate)
    assert [ax.get_title() for ax in figure.axes if "e" in ax.get_title()] == ["before learning", "last checkpoint"]
    small = {"pixels": 64, "hidden": (5,), "outputs": 10, "target": "numpy"}
    settings = {"data": "digits", "streams": 100, "epochs": 0, "record_activity": False, "recording_steps": 3}
    spiking = fa.new_run(tmp_path / "spiking", "lillicrap2016_spiking", small, **settings)
    spiking.train(progress=False)
    assert not spiking.has_recordings
    assert [ax.get_title() for ax in figures["activity"](spiking).axes if ax.get_title()] == ["0 images", "0 images"]
