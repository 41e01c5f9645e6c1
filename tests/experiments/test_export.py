"""A run on spike trains, from the command that trains it to what other software reads of it."""

import dataclasses
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import spikefa as fa
from spikefa.cli import app
from spikefa.diagnostics.record_activity import record_activity
from spikefa.errors import ArgumentError, RunError
from spikefa.experiments.export import export_formats, export_run

SIZES = {
    "pixels": 60,
    "hidden": (20,),
    "outputs": 8,
    "classes": 4,
    "steps_per_image": 10,
    "test_steps": 10,
    "weight_range": 0.6,
    "eta": 1e-2,
    "target": "numpy",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One run of two epochs, and one that was resumed after the first."""
    folder = tmp_path_factory.mktemp("runs")
    setting = dict(data="spike-latencies", streams=400, recording_steps=5)
    whole, broken = (
        fa.new_run(folder / name, "lillicrap2016_spiking", SIZES, **setting, epochs=epochs)
        for name, epochs in (("whole", 2), ("broken", 1))
    )
    whole.train()
    broken.train()
    dataclasses.replace(fa.open_run(folder / "broken").ending_after(2)).train()
    return fa.open_run(folder / "whole"), fa.open_run(folder / "broken")


def test_a_run_on_spike_trains_is_resumed_bit_for_bit(runs):
    whole, broken = runs
    assert whole.data_digest == whole.found_digest == broken.data_digest
    assert all(np.array_equal(W, broken.weights()[name]) for name, W in whole.weights().items())
    assert whole.metrics()["test_error"].tolist() == broken.metrics()["test_error"].tolist()
    data = whole.dataset()
    error = fa.error(whole.trained_network(), data.test_images, data.test_labels, 10)
    assert error == whole.metrics()["test_error"].iloc[-1]


def test_recordings_show_the_samples_to_their_end(runs):
    recording = runs[0].recordings()[0]
    assert recording.steps_per_image == 10 and recording.images.shape == (4, 1, 60)
    short = fa.datasets.spike_latencies(duration=0.06, train=4, test=4)
    assert record_activity(runs[0].network(2), short, 0, steps=5).steps_per_image == 60


@pytest.mark.parametrize("form", ["csv", "sonata"])
def test_every_recording_is_exported(runs, form):
    done = CliRunner().invoke(app, ["export", str(runs[0].directory), "--to", form])
    assert done.exit_code == 0, done.output
    written = sorted((runs[0].directory / "exports" / form).iterdir())
    assert [path.name for path in written] == [f"activity-{r.images_seen:09d}" for r in runs[0].recordings()]
    assert all(str(path) in done.output.replace("\n", "") for path in written)


def test_weights_are_exported_with_their_biases(runs, tmp_path):
    (path,) = export_run(runs[0], "npz", tmp_path / "out")
    assert path == tmp_path / "out" / "weights.npz"
    net = runs[0].network()
    fa.exchange.load_weights(net, path)
    trained = runs[0].trained_network()
    for name, array in trained.parameters().items():
        assert np.array_equal(array, net.parameters()[name]), name


def test_what_cannot_be_exported_is_refused(runs, tmp_path, monkeypatch):
    assert set(export_formats()) == {"csv", "neo", "nwb", "sonata", "npz", "safetensors"}
    with pytest.raises(ArgumentError, match=r"export_run: format must be one of .*, got 'nvb'; did you mean 'nwb'"):
        export_run(runs[0], "nvb")
    with pytest.raises(RunError, match="has no recordings of activity"):
        export_run(dataclasses.replace(runs[0], directory=tmp_path), "csv")
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ArgumentError, match=r"install spikefa\[safetensors\]"):
        export_run(runs[0], "safetensors", tmp_path / "out")
    assert not [*tmp_path.iterdir()]
