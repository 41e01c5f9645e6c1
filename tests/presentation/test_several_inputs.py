"""Several inputs: images by the input's name, each of its own shape, limits and rate."""

import numpy as np
import pytest
from brian2 import Hz, ms

import spikefa as fa
from spikefa.errors import ArgumentError

RNG = np.random.default_rng(1)
IMAGES = {"image": RNG.random((4, 6)), "sound": RNG.integers(0, 255, (4, 3), dtype=np.uint8)}


@pytest.fixture
def net():
    net = fa.Network(streams=2, target="numpy", dtype="float64", seed=1)
    fa.Input(net, "image", 6, emit="s = x", threshold=None)
    fa.Input(net, "sound", 3, emit="s = x", threshold=None, limits=(-1, 1))
    fa.Layer(net, "out", 4, "I : 1\ns : 1", emit="s = I", threshold=None)
    fa.Projection(net, "image", "out", fa.uniform(1))
    fa.Projection(net, "sound", "out", fa.uniform(1))
    fa.classification_task(net, classes=2, duration=2 * ms, gap=1 * ms)
    return net


def expected(net, images):
    return images["image"] @ net["image_to_out"].W + images["sound"] / 255 @ net["sound_to_out"].W


def test_each_input_is_shown_its_own(net):
    net.stimulus.show_images(IMAGES, np.array([0, 1, 1, 0]))
    net.run_steps(4)
    assert np.array_equal(net["image"].view("x").T, IMAGES["image"][2:])
    np.testing.assert_allclose(net["sound"].view("x").T, IMAGES["sound"][2:] / 255, rtol=1e-15)
    np.testing.assert_allclose(net["out"].view("s").T, expected(net, IMAGES)[2:], rtol=1e-12)
    net.run_steps(2)  # into the gap
    assert not net["image"].view("x").any() and not net["sound"].view("x").any()
    assert net.readout.shown == 4 and net.inputs == [net["image"], net["sound"]]


def test_evaluations_of_any_number_of_images(net):
    three = {name: images[:3] for name, images in IMAGES.items()}
    classes = expected(net, three).reshape(3, 2, 2).sum(2)
    np.testing.assert_allclose(fa.summed_outputs(net, three, 5), 5 * classes, rtol=1e-12)
    assert fa.error(net, three, classes.argmax(1), 5) == 0


def test_a_source_function_gives_them_too(net):
    net.stimulus.show(lambda: ({name: images[:2] for name, images in IMAGES.items()}, None))
    net.run_steps(1)
    assert np.array_equal(net["image"].view("x").T, IMAGES["image"][:2])


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES["image"], r"images must be a dict of arrays for the inputs 'image', 'sound', got an array \(4, 6\)"),
        ({"image": IMAGES["image"]}, r"images must be for the inputs 'image', 'sound', got \['image'\]"),
        (IMAGES | {"touch": 3}, r"images must be for the inputs 'image', 'sound', got \['image', 'sound', 'touch'\]"),
        (
            IMAGES | {"sound": IMAGES["sound"][:2]},
            "images must be as many for each input, got {'image': 4, 'sound': 2}",
        ),
        (IMAGES | {"sound": np.zeros((4, 2))}, r"images must be \(n, 3\) for input 'sound', got \(4, 2\)"),
        (IMAGES | {"sound": np.full((4, 3), -2.0)}, r"pixels must be in \[-1, 1\], got -2.0 at image 0, pixel 0"),
    ],
)
def test_what_does_not_fit_is_refused(net, images, message):
    with pytest.raises(ArgumentError, match=f"Stimulus: {message}"):
        net.stimulus.show_images(images)


def test_inputs_come_before_the_task_and_copies_know_all(net):
    with pytest.raises(ArgumentError, match="Network: inputs must be added before the task, got 'late' after it"):
        fa.Input(net, "late", 3)
    other = fa.Network(target="numpy")
    for name in ("image", "sound"):
        fa.Input(other, name, 3)
    fa.Layer(other, "out", 2, "v = I : 1\nI : 1\npsi = 1 - v : 1\ns : 1", emit="s = v", threshold=None)
    for name in ("image", "sound"):
        fa.Projection(other, name, "out", fa.uniform(1))
    fa.node_perturbation(other, loss="(layer_s - target)**2", noise=0.1)
    fa.classification_task(other, 2, 2)
    with pytest.raises(
        ArgumentError, match=r"projections to 'out' must have a TiedProjection to its copy, got .*sound"
    ):
        other.run_steps(1)


@pytest.mark.parametrize("dt", [1 * ms, 0.1 * ms])
def test_rates_in_hertz_at_any_dt(dt):
    """Within four standard deviations of the probability of an event or more in a step."""
    net = fa.Network(streams=100, target="numpy", dt=dt, seed=2)
    fa.Input(net, "image", 50, max_rate=200 * Hz)
    net["image"].x = 0.5
    spikes, steps = 0, 20
    for _ in range(steps):
        net.run_steps(1)
        spikes += net["image"].view("s").sum()
    chance = 1 - np.exp(-100 * Hz * dt)
    count = 50 * 100 * steps
    assert abs(spikes - count * chance) < 4 * np.sqrt(count * chance)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_rate": 60}, r"max_rate must be a rate above 0, such as 60\*Hz, got 60"),
        ({"max_rate": -60 * Hz}, "max_rate must be a rate above 0"),
        ({"max_rate": 1500 * Hz}, "max_rate must be at most 1000 Hz, one spike a step, got 1.5 kHz"),
        ({"max_rate": 60 * Hz, "limits": None}, "limits must be at least 0 with max_rate, got None"),
        ({"max_rate": 60 * Hz, "limits": (-1, 1)}, "limits must be at least 0 with max_rate"),
        ({"max_rate": 600 * Hz, "limits": (0, 2)}, "max_rate must be at most 500 Hz, one spike a step, got 0.6 kHz"),
        ({"max_rate": 60 * Hz, "emit": "s = x"}, "takes emit or max_rate, got both"),
    ],
)
def test_rates_that_cannot_be_are_refused(options, message):
    with pytest.raises(ArgumentError, match=f"Input 'image': {message}"):
        fa.Input(fa.Network(target="numpy"), "image", 3, **options)
