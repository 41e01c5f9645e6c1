"""The figure of learning: curves of errors and angles, whatever a run has of them."""

from types import SimpleNamespace

import numpy as np
import pytest

from spikefa import plotting
from spikefa.errors import ArgumentError
from spikefa.plotting.figures import figures
from spikefa.plotting.of_runs import save_figure
from spikefa.plotting.style import VERMILLION

SEEN = np.arange(6) * 5000.0
ANGLES = np.array([97.0, 31, 31, 31, 31, 31])


def metrics(**columns):
    """Metrics of a network without hidden layers, with columns changed or added."""
    errors = {"train_error": [np.nan, 0.5, 0.4, 0.3, 0.2, 0.2], "test_error": [0.9, 0.5, 0.4, 0.3, 0.2, 0.2]}
    return {"epoch": np.arange(6.0), "images_seen": SEEN, "validation_error": np.full(6, np.nan), **errors, **columns}


@pytest.fixture
def run(tmp_path):
    """A function that writes metrics as those of a run, and returns what a figure needs of it."""

    def write(columns, classes=10):
        rows = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
        (tmp_path / "metrics.csv").write_text("\n".join(rows) + "\n")
        model = SimpleNamespace(name="mine")
        return SimpleNamespace(directory=tmp_path, classes=classes, model=model, data="digits", seed=0)

    return write


def labels_seen(ax):
    """The labels of the ticks of the y axis that lie within it."""
    ax.figure.draw_without_rendering()
    low, high = ax.get_ylim()
    return [t.label1.get_text() for t in ax.yaxis.get_major_ticks() if low <= t.get_loc() <= high]


def test_a_layer_without_angles_is_left_out_and_the_others_keep_their_colours():
    ax = plotting.plot_angles(
        {"images_seen": SEEN, "weight_angle_deg_h1": np.full(6, np.nan), "weight_angle_deg_h2": ANGLES}
    )
    (line,) = [line for line in ax.lines if len(line.get_xdata()) == 6]
    assert (line.get_label(), line.get_color()) == ("h2", VERMILLION)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["h2"]
    with pytest.raises(ArgumentError, match=r"plot_angles: .* angles that were measured, got the columns \['images"):
        plotting.plot_angles({"images_seen": SEEN, "weight_angle_deg_h1": np.full(6, np.nan)})


@pytest.mark.parametrize(
    ("angles", "panels"),
    [
        ({}, 1),
        ({"weight_angle_deg_h1": np.full(6, np.nan)}, 1),
        ({"weight_angle_deg_h1": np.full(6, np.nan), "weight_angle_deg_h2": ANGLES}, 2),
        ({"weight_angle_deg_h1": ANGLES, "weight_angle_deg_h2": ANGLES}, 2),
    ],
)
def test_panels_fill_the_figure_whichever_angles_there_are(run, angles, panels):
    figure = figures["learning"](run(metrics(**angles)))
    figure.draw_without_rendering()
    assert len(figure.axes) == panels
    assert all(ax.get_position().width > 0.7 / panels for ax in figure.axes)


@pytest.mark.parametrize("lowest", [1e-10, 2e-31])
def test_errors_over_many_decades_have_labels(lowest):
    error = np.geomspace(1, lowest, 6)
    ax = plotting.plot_learning({"images_seen": SEEN, "test_error": error}, classes=False)
    labels = labels_seen(ax)
    assert len(labels) >= 4
    np.testing.assert_allclose(np.log10(np.array(labels, float)) % 1, 0)
    assert not len(ax.yaxis.get_minor_ticks())


def test_errors_within_three_decades_have_labels_between_them():
    ax = plotting.plot_learning({"images_seen": SEEN, "test_error": np.geomspace(0.9, 1e-3, 6)})
    assert labels_seen(ax) == ["0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50", "100"]


def test_a_zero_does_not_count_among_the_decades():
    ax = plotting.plot_learning({"images_seen": SEEN[:3], "test_error": [0.9, 0.0, 0.1]}, log=True)
    assert {"20", "50"} <= set(labels_seen(ax))


def test_legends_cover_no_curve(run):
    """Of a run whose curves leave little room."""
    error = 10.0 ** -np.array([0.0, 10, 17, 24, 30, 31])
    train = np.r_[np.nan, 0.04, error[1:-1]]
    figure = figures["learning"](run(metrics(test_error=error, train_error=train, weight_angle_deg_h1=ANGLES), None))
    figure.draw_without_rendering()
    for ax in figure.axes:
        legend = ax.get_legend().get_window_extent()
        curves = [line.get_path().transformed(line.get_transform()) for line in ax.lines]
        assert not any(curve.intersects_bbox(legend, filled=False) for curve in curves)


def test_the_topmost_error_has_room_on_a_linear_axis():
    ax = plotting.plot_learning({"images_seen": SEEN, "test_error": np.linspace(0.9, 0.8, 6)})
    assert ax.get_ylim() == pytest.approx((0, 94.5))


@pytest.mark.parametrize("suffix", ["pgf", "raw", "jpg", "ps", ""])
def test_other_formats_are_refused_before_the_run_is_looked_at(tmp_path, suffix):
    out = tmp_path / f"a.{suffix}".rstrip(".")
    with pytest.raises(ArgumentError, match=r"a(\.\w+)?' must be one of '.png', '.pdf', '.svg', got '(\.\w+)?'"):
        save_figure(SimpleNamespace(directory=tmp_path), "learning", out)
    assert not out.exists()


@pytest.mark.parametrize(("suffix", "start"), [("PDF", b"%PDF"), ("Svg", b"<?xml"), ("png", b"\x89PNG")])
def test_the_suffix_chooses_the_format_in_upper_case_too(run, suffix, start):
    made = run(metrics(weight_angle_deg_h1=ANGLES))
    out = save_figure(made, "learning", made.directory / f"a.{suffix}")
    assert out.read_bytes().startswith(start)


def test_text_stays_text_in_files_that_are_edited(run):
    made = run(metrics(weight_angle_deg_h1=ANGLES))
    svg = save_figure(made, "learning", made.directory / "a.svg").read_text()
    assert "</text>" in svg
    assert b"/Type3" not in save_figure(made, "learning", made.directory / "a.pdf").read_bytes()
