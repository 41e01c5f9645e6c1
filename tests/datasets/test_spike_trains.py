"""Spike trains: events in time, which a step each is in, and which are refused."""

import numpy as np
import pytest
from brian2 import Network, SpikeGeneratorGroup, SpikeMonitor, defaultclock, ms, mV, second, start_scope

from spikefa.datasets import Dataset, SpikeTrains, autoencoder, standardised
from spikefa.errors import ArgumentError, DataError
from spikefa.experiments.provenance import data_digest


@pytest.fixture
def trains(rng):
    """200 events of 7 samples (the last has none) of 5 units in 10 ms."""
    unit, sample = rng.integers(0, 5, 200), rng.integers(0, 6, 200)
    return SpikeTrains(unit, rng.uniform(0, 0.01, 200), sample, units=5, samples=7, duration=0.01)


def test_an_event_is_in_the_step_that_began_before_it():
    """Decimal fractions are no exact floats: 7 ms is in step 7 of 1 ms, and 69 * 0.1 ms in step 69 of 0.1 ms."""
    time = [0, 0.9e-3, 0.007, 0.0099999, 69 * 1e-4]
    trains = SpikeTrains([0, 1, 2, 3, 4], time, [0] * 5, units=5, samples=1, duration=0.01)
    assert np.argwhere(trains.dense(1e-3)[0]).tolist() == [[0, 0], [0, 1], [6, 4], [7, 2], [9, 3]]
    assert np.argwhere(trains.dense(0.1 * ms)[0])[:, 0].tolist() == [0, 9, 69, 70, 99]


def test_steps_are_those_of_brian2(trains):
    start_scope()
    defaultclock.dt = 0.3 * ms
    chosen = trains[2:3]
    step, _, unit, _ = chosen.events_by_step(3e-4)
    unique = np.unique(np.stack([(chosen.time / 3e-4).astype(int), chosen.unit]), axis=1, return_index=True)[1]
    group = SpikeGeneratorGroup(5, chosen.unit[unique], chosen.time[unique] * second)
    monitor = SpikeMonitor(group)
    Network(group, monitor).run(12 * ms)
    theirs = np.stack([np.rint(monitor.t_ / 3e-4).astype(int), monitor.i])
    assert len(step) > 10
    assert sorted(zip(*theirs.tolist(), strict=True)) == sorted(zip(step.tolist(), unit.tolist(), strict=True))
    defaultclock.dt = 0.1 * ms


def test_several_events_in_a_step_count_once_or_as_their_number():
    events = [0, 0, 1], [1e-4, 2e-4, 15e-4], [0, 0, 0]
    once, count = (
        SpikeTrains(*events, units=2, samples=1, duration=2 * ms, several=several) for several in ("once", "count")
    )
    assert once.dense(1e-3).tolist() == [[[1, 0], [0, 1]]]
    assert count.dense(1e-3).tolist() == [[[2, 0], [0, 1]]]
    assert once.counts().tolist() == count.counts().tolist() == [[2, 1]]


def test_samples_are_chosen_as_rows_are(trains):
    dense = trains.dense(1e-3)
    assert dense.shape == (7, 10, 5) and not dense[6].any() and len(trains) == 7
    order = np.array([3, 0, 6, 3])
    for samples in (slice(2, 5), slice(None, -2), order, order % 2 == 0, -order):
        if isinstance(samples, np.ndarray) and samples.dtype == bool:
            samples = np.append(samples, [True, False, True])
        assert np.array_equal(trains[samples].dense(1e-3), dense[samples])
    for bad in (3, [0.5], [[1]], "a"):
        with pytest.raises(ArgumentError, match="SpikeTrains: samples must be"):
            trains[bad]
    with pytest.raises(ArgumentError, match="SpikeTrains: samples must be 0 to 6"):
        trains[[7]]


def test_dense_numbers_become_events_and_again_numbers(rng):
    numbers = rng.poisson(0.5, (3, 20, 4))
    trains = SpikeTrains.from_dense(numbers, 0.1 * ms, several="count")
    assert np.array_equal(trains.dense(0.1 * ms), numbers)
    assert np.array_equal(SpikeTrains.from_dense(numbers > 0, 1e-4).dense(1e-4), numbers > 0)
    for bad, message in (
        (numbers[0], r"spikes must be \(n, steps, units\), got \(20, 4\)"),
        (-numbers, "spikes must be whole numbers from 0"),
        (numbers + 0.5, "spikes must be whole numbers from 0"),
    ):
        with pytest.raises(ArgumentError, match=f"SpikeTrains.from_dense: {message}"):
            SpikeTrains.from_dense(bad, 1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": [0, 5]}, "unit must be 0 to 4, got 5 at event 1"),
        ({"unit": [-1, 0]}, "unit must be 0 to 4, got -1 at event 0"),
        ({"unit": [0.0, 1.0]}, r"unit must be whole numbers \(events,\), got an array \(2,\) of float64"),
        ({"sample": [0, 2]}, "sample must be 0 to 1, got 2 at event 1"),
        ({"sample": [0]}, r"sample must be \(2,\), as unit, got \(1,\)"),
        ({"time": [0.1, 1.0]}, "time must be at least 0 and less than the duration of 1 s, got 1 s at event 1"),
        ({"time": [np.nan, 0]}, "time must be at least 0 and less than the duration of 1 s, got nan s at event 0"),
        ({"time": [1, 2] * mV}, "time must be seconds or a quantity of time, got"),
        ({"duration": 0}, "duration must be a finite number, above 0 and at most 1e.09, got 0"),
        ({"several": "twice"}, "several must be one of 'once', 'count', got 'twice'"),
        ({"units": 0}, "units must be a positive whole number, got 0"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    good = {"unit": [0, 1], "time": [0.1, 0.2], "sample": [0, 1], "units": 5, "samples": 2, "duration": 1}
    SpikeTrains(**good)
    with pytest.raises(ArgumentError, match=f"SpikeTrains: {message}"):
        SpikeTrains(**good | changes)


def test_they_are_no_array(trains):
    with pytest.raises(ArgumentError, match=r"SpikeTrains: is no array; dense\(dt\) makes one"):
        np.asarray(trains)


def test_a_data_set_holds_them(trains):
    labels = np.arange(7) % 2
    data = Dataset("mine", trains, labels, trains, labels, (1, 5), 2)
    assert repr(data) == "<Dataset mine: 7 training, 7 test spike trains of 1 x 5, 2 classes>"
    held_out = data.split(2)
    assert len(held_out.train_images) == 5 and len(held_out.validation_images) == 2
    with pytest.raises(DataError, match=r"train_images must be one or more spike trains of 4 units, as shape says"):
        Dataset("mine", trains, labels, trains, labels, (2, 2), 2)
    with pytest.raises(DataError, match="train_images and train_labels must be equally many, got 7 and 6"):
        Dataset("mine", trains, labels[:6], trains, labels, (1, 5), 2)
    for transform in (standardised, autoencoder):
        with pytest.raises(DataError, match="data set 'mine' must have images, which do not change in time"):
            transform(data)


def test_the_digest_knows_each_event(trains):
    def changed(**changes):
        events = {"unit": trains.unit, "time": trains.time, "sample": trains.sample, "several": trains.several}
        return SpikeTrains(**events | changes, units=5, samples=7, duration=0.01)

    def digests(made):
        labels = np.zeros(7, int)
        return data_digest(Dataset("mine", made, labels, made, labels, (1, 5), 2))

    time, unit = trains.time.copy(), trains.unit.copy()
    time[0] += 1e-5
    unit[3] = (unit[3] + 1) % 5
    made = [changed(), changed(time=time), changed(unit=unit), changed(several="count")]
    assert len({digests(one) for one in made}) == 4 and digests(changed()) == digests(trains)
    assert digests(changed(time=trains.time + 1e-17)) == digests(trains)  # another machine's last bits
