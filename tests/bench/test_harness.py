"""What sections share: taking turns, medians, the time of a step, and images to show."""

import dataclasses

import numpy as np
import pytest
from brian2 import network_operation

from spikefa.bench import Section, Setting, harness
from spikefa.bench.harness import Spread, StepTimer, mean_seconds, synthetic_images, take_turns


def test_a_model_wired_by_its_images_is_measured_with_synthetic_ones(model):
    network = dataclasses.replace(Setting.quickly(model), streams=5).network(receptive_field_pixels=12)
    assert ((network["image_to_h1"].W != 0).sum(0) == 12).all()


def test_turns_are_interleaved(setting):
    order = []

    def job(name):
        return lambda: order.append(name) or len(order)

    values = take_turns({name: job(name) for name in "ABC"}, dataclasses.replace(setting, turns=3))
    assert "".join(order) == "ABCABCABC"
    assert {name: list(v) for name, v in values.items()} == {"A": [1, 4, 7], "B": [2, 5, 8], "C": [3, 6, 9]}


def test_median_and_quartiles_of_known_values():
    assert Spread.of([7.0, 1.0, 3.0, 5.0, 9.0]) == Spread(5.0, 3.0, 7.0, 5)
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0, 1)
    section = Section()
    section.add("x", "x", "ms", [0.001, 0.003])
    section.add("y", "y", "GB/s", 2e9)
    assert section.rows["x"].spread == Spread(2.0, 1.5, 2.5, 2)
    assert section.rows["y"].spread.median == 2.0


def test_mean_seconds_leaves_out_the_first_call(monkeypatch):
    calls = []
    now = iter([10.0, 16.0])
    monkeypatch.setattr(harness.time, "perf_counter", lambda: next(now))
    assert mean_seconds(lambda: calls.append(0), 3) == 2.0
    assert len(calls) == 4


def test_timer_measures_the_steps_after_the_first_and_counts_activity(setting):
    net = setting.network(1)
    timer = StepTimer(net, [net.input.array("s"), net.layers[0].array("I")])
    step = net.step
    assert timer.mean_of(7) > 0
    assert len(timer.spans) == 7 and net.step == step + 8
    assert 0 < timer.cores_busy < 1000
    spikes, currents = timer.mean_active
    assert 0 < spikes < net.input.units
    assert currents == net.layers[0].units
    assert timer.mean_again[0] < spikes and timer.mean_again[1] == currents


def test_timer_counts_what_is_active_in_two_steps_running(setting):
    net = setting.network(1)
    flags = np.zeros(4)
    timer = StepTimer(net, [flags])
    patterns = iter([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 1], [0, 0, 1, 1]])

    @network_operation(clock=net.clock, when="end", order=0)
    def change():
        flags[:] = next(patterns)

    net.add(change)
    timer.mean_of(3)
    assert timer.active_counts == [2 + 3 + 2] and timer.again_counts == [1 + 2 + 2]


def test_images_have_the_statistics_of_mnist():
    images = synthetic_images(500, 784)
    assert images.shape == (500, 784) and images.dtype == np.uint8
    assert np.mean(images > 0) == pytest.approx(0.191, abs=0.005)
    assert images.mean() / 255 == pytest.approx(0.1306, abs=0.005)
    assert np.array_equal(images, synthetic_images(500, 784))
