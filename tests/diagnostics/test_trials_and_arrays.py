"""Trials, labelled arrays and responses: what was shown and recorded, by unit, stream and time."""

import numpy as np
import pytest
from brian2 import NeuronGroup, SpikeMonitor, StateMonitor

import spikefa as fa
from spikefa.diagnostics.record_activity import record_activity
from spikefa.errors import ArgumentError


@pytest.fixture
def net():
    """Two inputs copied to two outputs, three streams; a unit spikes where its pixel is 1."""
    net = fa.Network(streams=3, target="numpy")
    fa.Input(net, "image", 2, emit="s = x")
    equations = "v = 1*mV*I : volt\nI : 1\ns : 1"
    fa.Layer(net, "output", 2, equations, emit="s = int(I > 0.5)")
    fa.Projection(net, "image", "output", np.eye(2))
    fa.classification_task(net, steps_per_image=4, classes=2)
    return net


IMAGES, LABELS = np.eye(2)[[0, 1, 1, 1, 0, 1]], np.array([0, 1, 1, 1, 0, 1])


def test_trials_say_what_each_stream_saw_and_when(net):
    trials = fa.TrialMonitor(net)
    net.stimulus.show_images(IMAGES, LABELS)
    net.run_steps(8)
    fa.error(net, IMAGES, LABELS, steps=2)  # no trial of its own
    table = trials.table()
    assert table["label"].tolist() == LABELS.tolist() and table["image"].tolist() == list(range(6))
    assert table["stream"].tolist() == [0, 1, 2, 0, 1, 2]
    assert table["start"].tolist() == [0, 0, 0, 4, 4, 4] and table["stop"].tolist() == [4, 4, 4, 8, 8, 8]
    with pytest.raises(ArgumentError, match="TrialMonitor: the network has no stimulus"):
        fa.TrialMonitor(fa.Network(target="numpy"))


def test_monitors_become_arrays_by_unit_stream_and_time(net):
    output = net["output"]
    states, spikes = StateMonitor(output, ["v", "I"], record=output.index([0, 1], [0, 2])), SpikeMonitor(output)
    net.add(states, spikes)
    net.stimulus.show_images(IMAGES, LABELS)
    net.run_steps(8)
    array = fa.to_xarray(states)
    assert dict(array.sizes) == {"unit": 2, "stream": 2, "time": 8} and array.stream.values.tolist() == [0, 2]
    assert array.v.attrs["units"] == "V" and array.I.attrs["units"] == "1" and array.time.attrs["units"] == "ms"
    for unit in (0, 1):
        for stream in (0, 2):
            own = states[int(output.index(unit, stream)[0])]
            assert np.array_equal(array.v.sel(unit=unit, stream=stream), np.asarray(own.v))
    table = fa.to_xarray(spikes)
    shown = IMAGES.reshape(2, 3, 2)  # (presentation, stream, unit)
    assert shown[(table.time.values // 4).astype(int), table.stream.values, table.unit.values].all()
    assert len(table.spike) == shown.sum() * 4


def test_arrays_know_which_image_was_shown_and_when_none_was(net):
    net.stimulus.gap = 1
    output = net["output"]
    before, after = (StateMonitor(output, "v", record=True, when=when) for when in ("start", "end"))
    spikes, trials = SpikeMonitor(output), fa.TrialMonitor(net)
    net.add(before, after, spikes)
    net.stimulus.show_images(IMAGES, LABELS)
    net.run_steps(10)
    for states, first in ((before, 1), (after, 0)):  # at its start, a step still has what the one before has left
        array = fa.to_xarray(states, trials)
        for name, shown in (("image", np.arange(6)), ("label", LABELS)):
            expected = np.full((10 + first, 3), -1)
            expected[first : first + 4], expected[first + 5 : first + 9] = shown[:3], shown[3:]
            assert np.array_equal(array[name], expected[:10])
        of_unit_1 = array.v.sel(unit=1).transpose("time", "stream").values > 0
        assert np.array_equal(of_unit_1, array.label == 1)
    table = fa.to_xarray(spikes, trials)
    assert np.array_equal(table.label, table.unit) and np.array_equal(table.image % 3, table.stream)
    other = fa.Network(target="numpy")
    with pytest.raises(ArgumentError, match="to_xarray: trials must be a TrialMonitor of the monitor's network, got"):
        fa.to_xarray(states, other)


def test_a_recording_knows_its_trials(net):
    data = fa.datasets.Dataset("two", IMAGES, LABELS, IMAGES[[0, 0, 1]], LABELS[[0, 0, 1]], (1, 2), 2)
    net.stimulus.gap = 1
    recording = record_activity(net, data, 0, steps=2)
    assert recording.trials()["image"].tolist() == [0, 2] and recording.trials()["stop"].tolist() == [2, 5]
    array = fa.to_xarray(recording)
    found = {name: array[name].values.tolist() for name in ("trial", "image", "label")}
    assert found == {
        "trial": [0, 0, -1, 1, 1, -1],
        "image": [0, 0, -1, 2, 2, -1],
        "label": [0, 0, -1, 1, 1, -1],
    }
    with pytest.raises(ArgumentError, match="trials must be None with an ActivityRecording, which has them"):
        fa.to_xarray(recording, fa.TrialMonitor(net))


@pytest.mark.parametrize("make", [lambda: 3, lambda: StateMonitor(NeuronGroup(2, "v : 1"), "v", record=True)])
def test_other_things_are_no_recordings(make):
    with pytest.raises(ArgumentError, match="to_xarray: recording must be an ActivityRecording, or a Brian2 monitor"):
        fa.to_xarray(make())


def test_responses_are_the_mean_outputs_of_every_image_and_leave_no_trace(net):
    before = {name: array.copy() for name, array in net.state().items()}
    found = fa.responses(net, IMAGES[:5], LABELS[:5], steps=3)
    assert np.array_equal(found.rates["output"], IMAGES[:5]) and np.array_equal(found.predictions, LABELS[:5])
    assert np.array_equal(found.psth["output"], np.full((2, 3), 0.5)) and found.dt == pytest.approx(1)
    assert all(np.array_equal(array, before[name]) for name, array in net.state().items())
    only = fa.responses(net, IMAGES[:1], LABELS[:1], steps=3)
    assert np.isnan(only.psth["output"][1]).all()
    with pytest.raises(ArgumentError, match="responses: images must be at least one"):
        fa.responses(net, IMAGES[:0], LABELS[:0], 3)
