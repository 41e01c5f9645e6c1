"""Recordings of activity are those of one stream with the network's weights and parameters."""

import numpy as np
import pytest

from spikefa.diagnostics.record_activity import record_activity
from spikefa.experiments.display import Display
from spikefa.experiments.run import new_run

SMALL = {"hidden": (20, 20), "outputs": 20, "target": "numpy", "eta": 1e-2}


@pytest.fixture
def run(tmp_path):
    return new_run(tmp_path / "run", "lillicrap2016_spiking", SMALL, data="digits", streams=50, seed=4, epochs=1)


def recorded(network, run):
    return record_activity(network, run.dataset(), 0, steps=5, count=2)


def test_a_recording_is_that_of_a_network_of_one_stream(run):
    many, one = run.network(), run.network(1)
    for network in (many, one):
        for projection in network.projections:
            projection.W = projection.W * 1.5
            projection.b = projection.b + 0.01
    shown = Display(lambda: run.network(1)).of(many)
    assert shown.streams == 1
    left, right = recorded(shown, run), recorded(one, run)
    assert all(np.array_equal(left.spikes[name], right.spikes[name]) for name in right.spikes)
    assert all(np.array_equal(left.v[name], right.v[name]) for name in right.v)
    assert any(spikes.any() for spikes in left.spikes.values())


def test_what_is_set_on_the_network_shows_and_counts_again(run):
    many, display = run.network(), Display(lambda: run.network(1))
    before = recorded(display.of(many), run)
    for projection in many.projections:
        projection.W = 0 * projection.W
    many["h1"].view("v")[...] = 0.3
    shown = display.of(many)
    after = recorded(shown, run)
    assert np.ptp(before.v["h1"]) > 0.01
    assert after.v["h1"] == pytest.approx(
        0.3 * 0.1 ** np.arange(1, 11), rel=1e-4
    )  # nothing but the decay of what is set
    assert shown is display.of(many)


def test_without_a_way_to_build_it_the_network_itself_is_recorded(run):
    many = run.network()
    assert Display(None).of(many) is many
    one = run.network(1)
    assert Display(lambda: run.network(1)).of(one) is one


def test_a_trained_run_has_recordings_of_its_last_weights(run):
    run.train()
    last = run.recordings()[-1]
    again = record_activity(run.trained_network(streams=1), run.dataset(), 0)
    assert all(np.array_equal(last.v[name], again.v[name]) for name in again.v)
