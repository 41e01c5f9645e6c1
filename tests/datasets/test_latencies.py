"""Spike latencies: classes differ in time alone."""

import numpy as np
import pytest

from spikefa.datasets import spike_latencies
from spikefa.errors import DataError


def test_each_unit_spikes_once_at_its_class_s_time():
    data = spike_latencies(units=9, classes=3, jitter=1e-4, train=60, test=30)
    assert (data.train_images.counts() == 1).all() and (data.test_images.counts() == 1).all()
    time = np.empty(data.train_images.shape)
    time[data.train_images.sample, data.train_images.unit] = data.train_images.time
    means = np.array([time[data.train_labels == label].mean(axis=0) for label in range(3)])
    assert np.abs(time - means[data.train_labels]).max() < 5e-4 and np.ptp(means, axis=0).mean() > 1e-3


def test_it_follows_from_its_seed():
    one, same, other = (spike_latencies(train=8, test=8, seed=seed).train_images.time for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


@pytest.mark.parametrize("name, bad", [("units", 0), ("classes", 1), ("duration", 0), ("jitter", -1), ("seed", -1)])
def test_what_cannot_be_is_refused(name, bad):
    with pytest.raises(DataError, match=f"spike_latencies: {name} must be .*, got {bad}"):
        spike_latencies(**{name: bad})
