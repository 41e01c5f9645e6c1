import dataclasses
import io
import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from brian2 import SpikeMonitor, ms, mV
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import spikefa as fa
from spikefa import plotting
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.errors import ArgumentError


def recording(label="60,000 images", hidden=3, n_images=5, steps=50, seed=0, shape=(28, 28)):
    rng = np.random.default_rng(seed)
    names = [f"h{k + 1}" for k in range(hidden)]
    total = n_images * steps
    return ActivityRecording(
        label=label,
        images_seen=60000,
        images=rng.random((n_images, *shape)),
        labels=rng.permutation(10)[np.arange(n_images) % 10],
        steps_per_image=steps,
        dt=1.0,
        spikes={n: rng.random((total, 50)) < 0.3 for n in [*names, "output"]},
        output_classes=np.repeat(np.arange(10), 5),
        v={n: rng.normal(size=total) for n in names},
        delta={n: np.tanh(rng.normal(size=total)) for n in names},
    )


METRICS = {
    "epoch": np.arange(4.0),
    "images_seen": np.arange(4) * 60000.0,
    "test_error": np.array([0.9, 0.065, np.nan, 0.047]),
    "validation_error": np.full(4, np.nan),
    "train_error": np.array([np.nan, 0.12, 0.05, 0.04]),
    "weight_angle_deg_h1": np.array([90.0, 70, 60, 55]),
    "weight_angle_deg_h2": np.array([90.0, 50, np.nan, 35]),
}

SINGLE = {
    "raster": lambda ax: plotting.plot_raster([0, 3, 3], [0.0, 1.0, 7.5], ax=ax),
    "psp": lambda ax: plotting.plot_psp(np.arange(9), np.arange(9) - 4.0, np.linspace(-1, 1, 9), ax=ax)[0],
    "learning": lambda ax: plotting.plot_learning(METRICS, ax=ax),
    "angles": lambda ax: plotting.plot_angles(METRICS, ax=ax),
    "receptive_fields": lambda ax: plotting.plot_receptive_fields(
        np.random.default_rng(0).normal(size=(12, 50)), (4, 3), ax=ax
    ),
}
LABELS = np.arange(30) % 3
SINGLE |= {
    "confusion": lambda ax: plotting.plot_confusion(LABELS, np.roll(LABELS, 1), ax=ax),
    "images": lambda ax: plotting.plot_images(np.eye(5, 12), (4, 3), ["0 as 1"] * 5, ax=ax),
    "tuning": lambda ax: plotting.plot_tuning(np.random.default_rng(0).random((30, 7)), LABELS, ax=ax),
    "psth": lambda ax: plotting.plot_psth(np.random.default_rng(0).random((3, 9)), ax=ax),
    "distributions": lambda ax: plotting.plot_distributions({"a": np.arange(9.0), "b": [0.5]}, ax=ax),
}
STAGES = {
    "activity_figure": lambda: plotting.activity_figure([recording("early"), recording("middle"), recording("late")]),
    "raster_figure": lambda: plotting.raster_figure(recording()),
    "psp_figure": lambda: plotting.psp_figure(recording()),
}


def spikes_in(ax):
    """Number of strokes drawn, and their (time, unit)."""
    strokes = [s for c in ax.collections if isinstance(c, LineCollection) for s in c.get_segments()]
    return [(s[0, 0], s[:, 1].mean()) for s in strokes]


def rendered(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=50)
    return len(buffer.getvalue())


@pytest.fixture(autouse=True)
def nothing_leaks():
    """No test may change a setting of matplotlib, or leave a figure that pyplot holds."""
    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before
    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


@pytest.mark.parametrize("name", SINGLE)
def test_without_axes_in_a_new_figure_that_can_be_saved(name):
    ax = SINGLE[name](None)
    assert isinstance(ax, Axes)
    assert isinstance(ax.figure, Figure)
    assert rendered(ax.figure) > 1000


@pytest.mark.parametrize("name", SINGLE)
def test_in_the_given_axes(name):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert SINGLE[name](right) is right
    assert not left.has_data()
    assert rendered(figure) > 1000


@pytest.mark.parametrize("name", STAGES)
def test_stage_figures_can_be_saved(name):
    figure = STAGES[name]()
    assert isinstance(figure, Figure)
    assert rendered(figure) > 1000
    figure.savefig(io.BytesIO(), format="pdf")


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("raster", "Time (ms)", "Unit"),
        ("psp", "Time (ms)", "PSP (a.u.)"),
        ("learning", "Images seen", "Error (%)"),
        ("angles", "Images seen", "Angle between weights\nand feedback (degrees)"),
        ("confusion", "Answered class", "Class of the image"),
        ("tuning", "Class of the image", "Unit, by preferred class"),
        ("psth", "Time after onset (ms)", "Mean output a step"),
        ("distributions", "Value", "Share (%)"),
    ],
)
def test_axes_have_labels_with_units(name, x, y):
    ax = SINGLE[name](None)
    assert (ax.get_xlabel(), ax.get_ylabel()) == (x, y)


def test_raster_draws_every_spike_at_its_time_and_unit():
    rng = np.random.default_rng(0)
    i, t = rng.integers(0, 50, 400), rng.random(400) * 250
    given = i.copy(), t.copy()
    ax = plotting.plot_raster(i, t, n_units=50, duration=250, boundaries=[50, 100])
    np.testing.assert_allclose(spikes_in(ax), np.c_[t, i])
    assert ax.get_xlim() == (0, 250) and ax.get_ylim() == (-0.5, 49.5)
    np.testing.assert_array_equal(given, (i, t))


def test_raster_without_a_spike():
    assert spikes_in(plotting.plot_raster([], [], n_units=5, duration=10)) == []
    assert spikes_in(plotting.plot_raster(np.array([], int), np.array([]))) == []


def test_raster_names_its_groups():
    ax = plotting.plot_raster([0, 5], [1, 2], groups=["a", "a", "a", "b", "b", "c"])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["a", "b", "c"]
    np.testing.assert_array_equal(ax.get_yticks(), [1, 3.5, 5])


def test_raster_takes_brian_quantities():
    brian2 = pytest.importorskip("brian2")
    ax = plotting.plot_raster([0, 1], [0.001, 0.004] * brian2.second, boundaries=3 * brian2.ms)
    assert [t for t, _ in spikes_in(ax)] == pytest.approx([1, 4])
    with pytest.raises(ArgumentError, match="plot_raster: t must be times, got a quantity in"):
        plotting.plot_raster([0, 1], [1, 2] * brian2.mV)


def test_raster_refuses_what_it_cannot_draw():
    with pytest.raises(ArgumentError, match=r"plot_raster: i and t must be vectors .* \(3,\) and \(2,\)"):
        plotting.plot_raster([0, 1, 2], [1.0, 2.0])
    with pytest.raises(ArgumentError, match=r"plot_raster: i must lie in 0\.\.3, got 1 \.\. 4"):
        plotting.plot_raster([1, 4], [1.0, 2.0], n_units=4)
    with pytest.raises(ArgumentError, match="plot_raster: i must hold whole numbers, got dtype float64"):
        plotting.plot_raster([1.5], [1.0])
    with pytest.raises(ArgumentError, match=r"plot_raster: groups must have one entry a unit \(4\), got 2"):
        plotting.plot_raster([1], [1.0], n_units=4, groups=[0, 1])
    with pytest.raises(ArgumentError, match="plot_raster: t must hold real numbers"):
        plotting.plot_raster([1], ["soon"])


def test_psp_and_its_modulatory_signal_share_the_time_axis():
    t, v, delta = np.arange(10) * 0.5, np.linspace(-5, 5, 10), np.linspace(-0.4, 0.1, 10)
    ax, right = plotting.plot_psp(t, v, delta)
    assert ax.get_xlim() == right.get_xlim() == (0, 5)
    curves = [line.get_ydata() for line in ax.lines if len(line.get_xdata()) == 10]
    np.testing.assert_array_equal(curves, [v])
    curves = [line.get_ydata() for line in right.lines if len(line.get_xdata()) == 10]
    np.testing.assert_array_equal(curves, [delta])
    low, high = right.get_ylim()
    assert low == -high and high >= 1
    assert "δ" in right.get_ylabel()


def test_psp_shows_all_of_a_large_modulatory_signal():
    _, right = plotting.plot_psp([0, 1, 2], [0, 0, 0], [0, -7, np.nan])
    assert right.get_ylim()[0] < -7


def test_psp_refuses_unequal_lengths():
    with pytest.raises(ArgumentError, match=r"plot_psp: .* got shapes \(3,\), \(3,\) and \(2,\)"):
        plotting.plot_psp([0, 1, 2], [0, 1, 2], [0, 1])


def test_learning_curve_in_per_cent_with_its_final_value():
    ax = plotting.plot_learning(METRICS)
    curves = {line.get_label(): line.get_xydata() for line in ax.lines}
    assert list(curves) == ["test (4.70 % at the end)", "train (4.00 % at the end)"]  # nothing of validation
    np.testing.assert_allclose(curves["test (4.70 % at the end)"], [[0, 90], [60000, 6.5], [180000, 4.7]])
    assert "4.70 %" in [text.get_text() for text in ax.texts]
    assert ax.get_yscale() == "log"


def test_learning_curve_of_a_regression_is_not_in_per_cent():
    ax = plotting.plot_learning(METRICS, classes=False)
    curves = {line.get_label(): line.get_xydata() for line in ax.lines}
    np.testing.assert_allclose(curves["test (0.047 at the end)"], [[0, 0.9], [60000, 0.065], [180000, 0.047]])
    assert ax.get_ylabel() == "Normalised squared error"


def test_learning_curve_down_to_zero_is_drawn_linearly():
    ax = plotting.plot_learning({"images_seen": [0, 1, 2], "test_error": [0.9, 0.1, 0.0]})
    assert ax.get_yscale() == "linear" and ax.get_ylim()[0] == 0


def test_learning_curve_refuses_what_has_no_error():
    with pytest.raises(ArgumentError, match=r"plot_learning: .* measured, got the columns \['images_seen'\]"):
        plotting.plot_learning({"images_seen": [1, 2]})
    with pytest.raises(ArgumentError, match=r"plot_learning: .* measured"):
        plotting.plot_learning({"images_seen": [1.0], "test_error": [np.nan]})
    with pytest.raises(ArgumentError, match="plot_learning: metrics must have the column images_seen"):
        plotting.plot_learning({"test_error": [0.5]})
    with pytest.raises(ArgumentError, match=r"plot_learning: test_error .* \(1,\) and \(2,\)"):
        plotting.plot_learning({"images_seen": [1, 2], "test_error": [0.5]})


def test_angles_of_every_layer_and_the_right_angle():
    ax = plotting.plot_angles(METRICS)
    curves = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_array_equal(curves["h1"], [90, 70, 60, 55])
    np.testing.assert_array_equal(curves["h2"], [90, 50, 35])
    assert any(np.array_equal(y, [90, 90]) for y in curves.values())
    with pytest.raises(ArgumentError, match="plot_angles: metrics must have columns named weight_angle_deg_LAYER"):
        plotting.plot_angles({"images_seen": [1.0]})


def test_receptive_fields_are_the_weights_of_evenly_chosen_units():
    weights = np.random.default_rng(0).normal(size=(6, 9))
    ax = plotting.plot_receptive_fields(weights, (2, 3), n=3)
    image = ax.images[0]
    shown = np.asarray(image.get_array().filled(np.nan))
    np.testing.assert_array_equal(shown[:2, :3], weights[:, 0].reshape(2, 3))
    np.testing.assert_array_equal(shown[:2, 4:], weights[:, 4].reshape(2, 3))
    np.testing.assert_array_equal(shown[3:, :3], weights[:, 8].reshape(2, 3))
    low, high = image.get_clim()
    assert low == -high == -np.abs(weights[:, [0, 4, 8]]).max()
    assert any("Weight" in other.get_ylabel() for other in ax.figure.axes)


@pytest.mark.parametrize("weights", [np.zeros((6, 4)), np.full((6, 1), np.nan), np.ones((6, 500), "f4")])
def test_receptive_fields_of_odd_weights(weights):
    assert rendered(plotting.plot_receptive_fields(weights, (2, 3)).figure) > 500


def test_receptive_fields_refuse_other_shapes():
    with pytest.raises(ArgumentError, match=r"plot_receptive_fields: .* 28 x 28 pixels, got \(64, 5\)"):
        plotting.plot_receptive_fields(np.ones((64, 5)), (28, 28))
    with pytest.raises(ArgumentError, match="plot_receptive_fields: n must be a positive whole number of units, got 0"):
        plotting.plot_receptive_fields(np.ones((6, 5)), (2, 3), n=0)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_activity_figure_draws_all_stages(n):
    stages = [recording(f"stage {k}", seed=k) for k in range(n)]
    figure = plotting.activity_figure(stages)
    drawn = sum(len(spikes_in(ax)) for ax in figure.axes)
    assert drawn == sum(int(s.sum()) for d in stages for s in d.spikes.values())
    assert [ax.get_title() for ax in figure.axes if ax.get_title()] == [d.label for d in stages]
    assert sum(len(ax.images) for ax in figure.axes) == 5 * n
    assert [ax.get_xlabel() for ax in figure.axes].count("Time (ms)") == n
    assert sum("PSP (a.u.)" in ax.get_ylabel() for ax in figure.axes) == 1


def test_activity_figure_shades_the_right_class():
    d = recording()
    (ax,) = [ax for ax in plotting.activity_figure([d]).axes if "output" in ax.get_ylabel()]
    bands = [p.get_bbox() for p in ax.patches if isinstance(p, Rectangle)]
    assert [(b.x0, b.x1) for b in bands] == [(50 * k, 50 * k + 50) for k in range(5)]
    assert [(b.y0, b.y1) for b in bands] == [(5 * c - 0.5, 5 * c + 4.5) for c in d.labels]


def test_activity_figure_shows_the_neuron_of_the_layer_asked_for():
    d = recording()
    for layer, expected in ((None, "h3"), ("h1", "h1")):
        (ax,) = [ax for ax in plotting.activity_figure([d], layer=layer).axes if "PSP" in ax.get_ylabel()]
        assert expected in ax.get_ylabel()
        assert any(np.array_equal(line.get_ydata(), d.v[expected]) for line in ax.lines)


def test_activity_figure_has_one_scale_for_all_stages():
    early, late = recording(seed=1), recording(seed=2)
    object.__setattr__(late, "v", {k: 100 * x for k, x in late.v.items()})
    figure = plotting.activity_figure([early, late])
    limits = {ax.get_ylim() for ax in figure.axes if any(len(line.get_xdata()) == 250 for line in ax.lines)}
    assert len(limits) == 2  # that of the PSPs and that of the modulatory signals


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_no_text_of_the_activity_figure_overlaps_another(n):
    figure = plotting.activity_figure([recording("60,000 images") for _ in range(n)])
    figure.draw_without_rendering()
    boxes = []
    for ax in figure.axes:
        texts = [ax.title]
        if ax.axison:
            texts += [ax.xaxis.label, ax.yaxis.label]
            for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
                ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
                texts += [text for tick in ticks for text in (tick.label1, tick.label2)]
        boxes += [(x.get_text(), x.get_window_extent()) for x in texts if x.get_visible() and x.get_text()]
    assert len(boxes) > 20
    page = figure.bbox
    for k, (text, box) in enumerate(boxes):
        assert page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1, text
        for other, there in boxes[k + 1 :]:
            across = min(box.x1, there.x1) - max(box.x0, there.x0)
            down = min(box.y1, there.y1) - max(box.y0, there.y0)
            assert min(across, down) < 1, (text, other)


@pytest.mark.parametrize("kind", [{"n_images": 1}, {"n_images": 12, "steps": 7}, {"shape": (8, 8)}, {"shape": (4, 9)}])
def test_other_recordings(kind):
    d = recording(**kind)
    assert rendered(plotting.activity_figure([d, d])) > 1000
    assert rendered(plotting.raster_figure(d)) > 1000
    assert rendered(plotting.psp_figure(d)) > 1000


def test_raster_figure_has_all_layers_and_psp_figure_all_neurons():
    d = recording()
    rasters = [ax for ax in plotting.raster_figure(d).axes if spikes_in(ax)]
    assert [len(spikes_in(ax)) for ax in rasters] == [int(s.sum()) for s in d.spikes.values()]
    assert sum("PSP" in ax.get_ylabel() for ax in plotting.psp_figure(d).axes) == 3


def test_a_network_without_hidden_layers():
    d = recording(hidden=0)
    assert rendered(plotting.activity_figure([d])) > 1000
    with pytest.raises(ArgumentError, match=r"psp_figure: .* have a hidden layer, got only 'output'"):
        plotting.psp_figure(d)


def test_stages_that_do_not_belong_together_are_named():
    with pytest.raises(ArgumentError, match="activity_figure: must be given at least one stage"):
        plotting.activity_figure([])
    with pytest.raises(ArgumentError, match="activity_figure: stages must have the same layers"):
        plotting.activity_figure([recording(), recording(hidden=2)])
    with pytest.raises(
        ValueError, match=r"activity_figure: layer must be a hidden layer, one of \['h1'.* got 'output'"
    ):
        plotting.activity_figure([recording()], layer="output")
    with pytest.raises(ArgumentError, match="activity_figure: must be given recordings"):
        plotting.activity_figure(recording())
    with pytest.raises(ArgumentError, match="raster_figure: must be given recordings"):
        plotting.raster_figure("run/recording.h5")


def test_a_users_style_is_neither_needed_nor_changed():
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        figure = plotting.activity_figure([recording()])
        assert matplotlib.rcParams["font.size"] == 30
    assert figure.axes[1].get_facecolor() == (1, 1, 1, 1)
    assert figure.axes[1].yaxis.label.get_size() == 7


def test_inputs_are_unchanged():
    weights = np.random.default_rng(0).normal(size=(12, 50))
    copies = weights.copy(), {k: v.copy() for k, v in METRICS.items()}
    plotting.plot_receptive_fields(weights, (4, 3))
    plotting.plot_learning(METRICS)
    plotting.plot_angles(METRICS)
    np.testing.assert_array_equal(weights, copies[0])
    for k, v in METRICS.items():
        np.testing.assert_array_equal(v, copies[1][k])


def test_headless_and_without_pyplot(tmp_path):
    script = (
        "import sys\n"
        "from spikefa import plotting\n"
        "had = 'matplotlib.pyplot' in sys.modules\n"
        "ax = plotting.plot_raster([0, 1], [1.0, 2.0])\n"
        "ax.figure.savefig(sys.argv[1])\n"
        "assert ('matplotlib.pyplot' in sys.modules) == had\n"
    )
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")}
    path = tmp_path / "raster.pdf"
    subprocess.run([sys.executable, "-c", script, str(path)], check=True, env=env, timeout=300)
    assert path.read_bytes().startswith(b"%PDF")


def test_a_raster_begins_where_its_recording_does():
    t = np.linspace(0, 50, 20)
    assert plotting.plot_raster(np.arange(20), t).get_xlim() == pytest.approx((-0.25, 50.25))
    assert plotting.plot_raster(np.arange(20), t + 30).get_xlim()[0] < 0  # of a recording from 0 on
    for shift in (600_000, -20):
        low, high = plotting.plot_raster(np.arange(20), t + shift).get_xlim()
        assert (low, high) == pytest.approx((shift - 0.25, shift + 50.25))
    assert plotting.plot_raster(np.arange(20), t + 6e5, duration=60).get_xlim() == (6e5, 6e5 + 60)
    assert plotting.plot_raster(np.arange(20), t + 6e5, start=6e5 - 10, duration=60).get_xlim() == (6e5 - 10, 6e5 + 50)
    assert plotting.plot_raster([1], [600.0]).get_xlim()[0] < 0  # a single spike does not tell


def test_a_confusion_matrix_has_the_per_cent_of_each_class():
    ax = plotting.plot_confusion([0, 0, 0, 0, 2], [0, 0, 0, 1, 2])
    assert ax.images[0].get_array().tolist() == [[75, 25, 0], [0, 0, 0], [0, 0, 100]]
    assert sorted(text.get_text() for text in ax.texts) == ["100", "25", "75"]


def test_tuning_orders_units_by_their_preferred_class():
    rates = np.array([[0.0, 0.9, 0.2, 0.5], [1.0, 0.1, 0.7, 0.5]])
    drawn = plotting.plot_tuning(rates, [4, 7]).images[0].get_array()
    assert drawn.tolist() == [[0.9, 0.1], [0.5, 0.5], [0.0, 1.0], [0.2, 0.7]]


def test_a_psth_leaves_out_classes_without_images():
    ax = plotting.plot_psth([[1.0, 2.0], [np.nan, np.nan], [3.0, 4.0]], dt=2.0)
    assert [line.get_label() for line in ax.lines] == ["0", "2"] and ax.lines[1].get_xdata().tolist() == [1, 3]


def test_distributions_are_shares_of_each_ones_values():
    ax = plotting.plot_distributions({"a": [0, 0, 0, 1], "b": [1, np.nan]}, bins=2)
    assert [patch.get_data().values.tolist() for patch in ax.patches] == [[75, 25], [0, 100]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plotting.plot_confusion([0, 1], [0]), "predictions must be as many as labels, 2, got 1"),
        (lambda: plotting.plot_confusion([-1], [0]), "labels must be a vector of classes from 0 to 999"),
        (lambda: plotting.plot_images(np.zeros((2, 5)), (2, 3)), r"images must be \(n, 6\) with n > 0, got \(2, 5\)"),
        (lambda: plotting.plot_images(np.zeros((2, 6)), (2, 3), ["a"]), "captions must be 2 texts, one an image, or"),
        (lambda: plotting.plot_tuning(np.zeros((3, 2)), [0, 1]), r"rates must be \(2, units\), as labels are, got"),
        (lambda: plotting.plot_psth([1.0, 2.0]), r"psth must be \(classes, steps\), got \(2,\)"),
        (lambda: plotting.plot_distributions({"a": [np.nan]}), "must hold at least one finite number, got none"),
        (lambda: plotting.plot_raster([1, 2], [0.0, 1.0], stream=0), "i must be a SpikeMonitor of a population"),
        (lambda: plotting.plot_learning(METRICS, chance=-0.1), "chance must be"),
    ],
)
def test_panels_refuse_what_they_cannot_draw(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


def test_a_raster_of_a_monitor_is_of_one_stream():
    net = fa.Network(streams=4, target="numpy")
    fa.Input(net, "image", 3, emit="s = x")
    fa.Layer(net, "h1", 3, "I : 1\ns : 1", emit="s = int(I > 0.5)")
    fa.Projection(net, "image", "h1", np.eye(3))
    fa.classification_task(net, steps_per_image=2, classes=3)
    spikes = SpikeMonitor(net["h1"])
    net.add(spikes)
    net.stimulus.show_images(np.eye(3)[[0, 1, 2, 2]])
    net.run_steps(2)
    for stream, unit in enumerate([0, 1, 2, 2]):
        ax = plotting.plot_raster(spikes, stream=stream)
        assert spikes_in(ax) == [(0, unit), (1, unit)] and ax.get_ylim() == (-0.5, 2.5)
    assert spikes_in(plotting.plot_raster(spikes)) == [(0, 0), (1, 0)]
    with pytest.raises(ArgumentError, match="stream must be a whole number, from 0 to 3, got 4"):
        plotting.plot_raster(spikes, stream=4)


def test_zeros_of_potential_and_signal_are_on_one_line():
    figure = plotting.psp_figure(recording(hidden=2), title="a title")
    assert figure.texts[0].get_text() == "a title"
    panels = [ax for ax in figure.axes if "PSP" in ax.get_ylabel()]
    signals = [ax for ax in figure.axes if "signal" in ax.get_ylabel()]
    for left, right in zip(panels, signals, strict=True):
        heights = [-low / (high - low) for low, high in (left.get_ylim(), right.get_ylim())]
        assert heights[0] == pytest.approx(heights[1]) and 0.2 < heights[0] < 0.8


def test_potentials_have_the_unit_that_they_were_recorded_in():
    d = dataclasses.replace(recording(hidden=2), units={"h2": "mV"})
    labels = [ax.get_ylabel() for ax in plotting.psp_figure(d).axes]
    assert "PSP (a.u.)\none unit of h1" in labels and "Potential (mV)\none unit of h2" in labels


def test_the_label_of_a_psp_says_of_which_unit_it_is_if_all_stages_agree():
    stages = [dataclasses.replace(recording(hidden=2), traced_units={"h1": 3, "h2": h2}) for h2 in (217, 217, 218)]

    def labels(stages, layer):
        return [s for ax in plotting.activity_figure(stages, layer=layer).axes if "PSP" in (s := ax.get_ylabel())]

    assert labels(stages[:2], "h2") == ["PSP (a.u.)\nof unit 217 of h2"]
    assert labels(stages, "h2") == ["PSP (a.u.)\none unit of h2"] and labels(stages, "h1")[0].endswith("unit 3 of h1")


def test_a_trace_in_volts_is_drawn_in_mv():
    ax, _ = plotting.plot_psp(np.arange(3) * ms, [-65, -60, -55] * mV, np.zeros(3))
    assert ax.get_ylabel() == "Potential (mV)"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [-65, -60, -55])
