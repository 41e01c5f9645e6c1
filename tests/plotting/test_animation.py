"""Animations of learning: a frame a recording, and files that are whole."""

import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from spikefa import plotting
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.errors import ArgumentError, RunError, SpikefaError
from spikefa.experiments.run.files import RunFiles
from spikefa.plotting import animation


def recording(seen):
    rng = np.random.default_rng(seen)
    return ActivityRecording(
        label=f"{seen} images",
        images_seen=seen,
        images=rng.random((2, 4, 4)),
        labels=np.array([0, 1]),
        steps_per_image=3,
        dt=1.0,
        spikes={"h1": rng.random((6, 4)) < 0.5, "output": rng.random((6, 4)) < 0.5},
        output_classes=np.array([0, 0, 1, 1]),
        v={"h1": (1 + seen) * rng.normal(size=6)},
        delta={"h1": rng.normal(size=6)},
    )


class Recorded(RunFiles):
    """What an animation needs of a run: its files, and what its title says."""

    def __init__(self, directory, seen):
        self.directory, self.classes, self.data, self.seed = directory, 2, "digits", 0
        self.model = SimpleNamespace(name="mine")
        (directory / "recordings").mkdir()
        for number in seen:
            recording(number).save(directory / "recordings" / f"activity-{number:09d}.h5")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(animation, "Run", Recorded)
    (tmp_path / "run").mkdir()
    made = Recorded(tmp_path / "run", (0, 10, 20))
    text = "epoch,images_seen,train_error,validation_error,test_error\n0,0,,,0.9\n1,10,0.5,,0.5\n2,20,0.2,,0.3\n"
    (made.directory / "metrics.csv").write_text(text)
    return made


def test_a_gif_has_a_frame_a_recording_of_one_size_and_at_its_rate(run, tmp_path):
    path = plotting.save_animation(run, tmp_path / "out" / "learning.gif", fps=4, dpi=40)
    with Image.open(path) as image:
        frames = []
        for number in range(image.n_frames):
            image.seek(number)
            assert image.info["duration"] == 250
            frames.append(np.asarray(image.convert("RGB")))
    assert len(frames) == 3 and not np.array_equal(frames[0], frames[1])
    assert [file.name for file in path.parent.iterdir()] == ["learning.gif"]


def test_frames_share_their_scales_and_the_line_goes_along_the_learning_curve(run):
    frames = animation.Frames(run, "h1", "a title")
    limits, places = set(), []
    for number in range(3):
        frames.draw(number)
        (psp,) = [ax for ax in frames.figure.axes if "PSP" in ax.get_ylabel()]
        limits.add(psp.get_ylim())
        assert [ax.get_title() for ax in frames.figure.axes if ax.get_title()] == [f"{10 * number} images"]
        (line,) = frames.figure.artists
        places.append(line.get_xdata()[0])
    assert len(limits) == 1 and places == [0, 10, 20]


def test_recordings_alone_are_animated_without_a_curve():
    made = plotting.animate([recording(0), recording(5)])
    assert made._repr_html_().count("data:image/png;base64") == 2
    figure = animation.Frames([recording(0), recording(5)]).figure
    assert not figure.artists and "Images seen" not in [ax.get_xlabel() for ax in figure.axes]


def test_what_cannot_be_animated_is_refused_and_nothing_is_written(run, tmp_path, monkeypatch):
    out = tmp_path / "x.gif"
    with pytest.raises(ArgumentError, match=r"the suffix of '.*x\.avi' must be one of '\.gif', '\.mp4', got '\.avi'"):
        plotting.save_animation(run, tmp_path / "x.avi")
    with pytest.raises(ArgumentError, match="fps must be a finite number, above 0 and at most 100, got 0"):
        plotting.save_animation(run, out, fps=0)
    with pytest.raises(ArgumentError, match="dpi must be a whole number, from 1 to 600, got 0"):
        plotting.save_animation(run, out, dpi=0)
    with pytest.raises(ArgumentError, match=r"animate: layer must be a hidden layer, one of \['h1'\], got 'output'"):
        plotting.save_animation(run, out, layer="output")
    monkeypatch.setattr(shutil, "which", lambda program: None)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(SpikefaError, match=r"needs ffmpeg for \.mp4, .* pip install \"spikefa\[animation\]\", or"):
        plotting.save_animation(run, tmp_path / "x.mp4")
    for file in run._recordings()[1:]:
        file.unlink()
    with pytest.raises(RunError, match="must have two recordings of activity to be animated, has one"):
        plotting.save_animation(run, out)
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


def test_an_mp4_can_be_read(run, tmp_path):
    reader = pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg is not installed")
    path = plotting.save_animation(run, tmp_path / "learning.mp4", fps=2, dpi=40)
    frames = reader.read_frames(str(path))
    assert next(frames)["fps"] == 2 and len(list(frames)) == 3
