"""Receptive fields of pixels that vary together: the masks, and a model that is wired by its training images."""

import dataclasses

import numpy as np
import pytest
from masked_networks import network
from rule_networks import SIDE

import spikefa as fa
from spikefa.errors import ArgumentError, ModelError
from spikefa.experiments.run import Run, open_run
from spikefa.experiments.training_config import TrainingConfig
from spikefa.projections.connectivity import local_receptive_fields, random_connectivity


@pytest.fixture
def images(rng):
    """Six causes of three pixels each, unequal noise, and two pixels that never vary."""
    causes = rng.integers(0, 200, (500, 6))
    noise = rng.integers(0, 10, (500, 18)) * rng.integers(1, 5, 18)
    return np.hstack([np.repeat(causes, 3, axis=1) + noise, np.full((500, 2), 7)]).astype(np.uint8)


def drawn(images, pixels, units=400, seed=1):
    return fa.correlated_receptive_fields(images, pixels)(np.random.default_rng(seed), (images.shape[1], units))


def fields(mask):
    return {tuple(np.flatnonzero(column)) for column in mask.T}


def test_units_receive_the_pixels_of_one_cause(images):
    mask = drawn(images, 3)
    assert mask.shape == (20, 400) and mask.dtype == bool
    assert fields(mask) == {tuple(range(start, start + 3)) for start in range(0, 18, 3)}


@pytest.mark.parametrize("pixels", [1, 2, 5, 18])
def test_a_field_has_the_most_correlated_pixels_of_one(images, pixels):
    """Against numpy's correlations, pixel by pixel; a field of the covariances or of the least correlated fails."""
    correlations = np.corrcoef(images[:, :18].T)
    expected = {tuple(sorted(sorted(range(18), key=lambda p: -row[p])[:pixels])) for row in correlations}
    assert fields(drawn(images, pixels)) == expected


def test_fields_are_of_pixels_whatever_their_order_and_of_images_in_any(images, rng):
    order = rng.permutation(20)
    found = fields(drawn(images[:, order], 4))
    assert {tuple(sorted(order[list(field)])) for field in found} == fields(drawn(images, 4))
    assert np.array_equal(drawn(images[rng.permutation(500)], 4), drawn(images, 4))
    assert np.array_equal(drawn(images / 256, 4), drawn(images, 4))  # floats that are exact


@pytest.mark.parametrize("constant", [0.1, 0.3, 0.7])
def test_pixels_of_equal_floats_reach_no_unit(images, constant):
    rounded = np.hstack([images[:, :18] / 255, np.full((500, 2), constant)])
    assert not drawn(rounded, 18)[18:].any()
    with pytest.raises(ArgumentError, match="pixels must be from 1 to 18, the pixels that vary, got 19"):
        fa.correlated_receptive_fields(rounded, 19)


def test_pixels_are_drawn_by_their_variance(rng):
    """Pixels with 1 and 9 parts of the variance: of 4000 units 400 +- 19 receive the first; 5 sd, 1 in 2 million."""
    images = np.zeros((100, 3), np.uint8)
    images[::2, 0], images[1::2, 1] = 30, 90
    receiving = drawn(images, 1, units=4000).sum(1)
    assert abs(receiving[0] - 400) < 95 and receiving[:2].sum() == 4000


@pytest.mark.parametrize(
    ("changed", "pixels", "message"),
    [
        (lambda x: x[0], 3, r"correlated_receptive_fields: images must be \(n, pixels\), got \(20,\)"),
        (lambda x: x, 19, "correlated_receptive_fields: pixels must be from 1 to 18, the pixels that vary, got 19"),
        (lambda x: x, 0, "correlated_receptive_fields: pixels must be from 1 to 18, the pixels that vary, got 0"),
        (lambda x: x, 2.0, "correlated_receptive_fields: pixels must be from 1 to 18, the pixels that vary, got 2.0"),
        (lambda x: x, True, "correlated_receptive_fields: pixels must be from 1 to 18, the pixels that vary, got True"),
        (lambda x: x[:1], 1, "correlated_receptive_fields: pixels must be from 1 to 0, the pixels that vary, got 1"),
    ],
)
def test_bad_fields_are_refused(images, changed, pixels, message):
    with pytest.raises(ArgumentError, match=message):
        fa.correlated_receptive_fields(changed(images), pixels)


def test_images_of_another_size_than_the_population_are_refused(images, rng):
    with pytest.raises(ArgumentError, match="the images must have 30 pixels, one a unit, got 20"):
        fa.correlated_receptive_fields(images, 3)(rng, (30, 5))


@pytest.fixture
def run(model, tmp_path):
    params = model.params(
        {
            "pixels": 64,
            "hidden": (120, 60),
            "outputs": 60,
            "receptive_field_pixels": 9,
            "weight_range_first": 0.9,
            "weight_range": 0.3,
            "feedback_range": 0.3,
            "eta": 3e-2,
        }
    )
    config = TrainingConfig(epochs=4, record_activity=False)
    return Run(tmp_path / "run", model, params, 10, 0, config, "digits", None, validation=300)


def test_a_run_is_wired_by_its_training_images_and_learns(run):
    run.create()
    trainer = run.trainer()
    first = trainer.network["image_to_h1"]
    held_in = fa.correlated_receptive_fields(run.dataset().train_images, 9)
    start = first.W.copy()
    assert np.array_equal((start != 0).sum(0), np.full(120, 9))
    assert fields(start != 0) <= fields(held_in(np.random.default_rng(0), (64, 5000)))
    assert 0.85 < np.abs(start).max() <= 0.9 and np.abs(trainer.network["h1_to_h2"].W).max() <= 0.3
    trainer.run()
    assert float(trainer.rows[-1]["validation_error"]) < 0.5
    assert np.array_equal(first.W != 0, start != 0) and not np.array_equal(first.W, start)
    opened = open_run(run.directory)
    assert np.array_equal(opened.trained_network()["image_to_h1"].W, first.W)
    alone = opened.trained_network(streams=1)
    assert alone.streams == 1 and np.array_equal(alone["image_to_h1"].W, first.W)
    again = opened.trainer()
    again.resume()
    assert np.array_equal(again.network["image_to_h1"].W, first.W)


def test_the_preset_is_dense_with_receptive_fields(model, digits):
    best, fields_ = (dataclasses.asdict(model.params(preset=name)) for name in ("dense", "receptive_fields"))
    changed = {name for name in best if best[name] != fields_[name]}
    assert changed == {
        "hidden",
        "receptive_field_pixels",
        "weight_range_first",
        "eta_factor_first",
        "release_probability",
    }
    small = model.params(
        {"pixels": 64, "hidden": (40, 20), "outputs": 20, "receptive_field_pixels": 7}, "receptive_fields"
    )
    net = model.build(small, 20, 0, lambda: digits.train_images)
    before = {p.name: p.W.copy() for p in net.projections}
    net.stimulus.show_images(digits.train_images[:100], digits.train_labels[:100])
    net.run_steps(25)
    moved = {p.name for p in net.projections if not np.array_equal(p.W, before[p.name])}
    assert moved == {"image_to_h1", "h1_to_h2", "h2_to_output"}
    assert ((net["image_to_h1"].W != 0).sum(0) == 7).all()


def test_without_images_a_field_is_refused(model):
    with pytest.raises(ModelError, match="receptive_field_pixels must be None without the training images, got 9"):
        model.build(model.params({"receptive_field_pixels": 9}))


def test_random_connectivity_follows_the_seed_and_not_the_weights():
    nets = [network(random_connectivity(0.5), 1, seed=seed)[1] for seed in (1, 1, 2)]
    assert np.array_equal(nets[0].mask, nets[1].mask) and not np.array_equal(nets[0].mask, nets[2].mask)
    net = fa.Network(streams=1)
    fa.Layer(net, "a", 300, SIDE, emit="s = s")
    fa.Layer(net, "b", 300, SIDE, emit="s = s")
    projection = fa.Projection(net, "a", "b", fa.uniform(1.0), mask=random_connectivity(0.5))
    n = projection.mask.sum()
    assert abs(n / 90000 - 0.5) < 5 * 0.5 / 300  # 5 standard deviations
    assert abs(projection.weights.values[projection.weights.values != 0].mean()) < 5 / (3 * n) ** 0.5


@pytest.mark.parametrize(
    ("height", "width", "side", "stride", "maps"), [(8, 8, 6, 1, 6), (5, 7, 3, 2, 2), (4, 4, 4, 3, 1)]
)
def test_local_receptive_fields_are_squares(height, width, side, stride, maps):
    mask = local_receptive_fields(height, width, side, stride, maps)
    rows, columns = (height - side) // stride + 1, (width - side) // stride + 1
    assert mask.shape == (height * width, maps * rows * columns) and mask.dtype == bool
    for m in range(maps):
        for r in range(rows):
            for c in range(columns):
                received = {(r * stride + y) * width + c * stride + x for y in range(side) for x in range(side)}
                assert set(np.flatnonzero(mask[:, (m * rows + r) * columns + c])) == received


@pytest.mark.parametrize("bad", [0, -1, 1.5, True])
@pytest.mark.parametrize("name", ["height", "width", "side", "stride", "maps"])
def test_bad_patches_are_refused(name, bad):
    good = {"height": 8, "width": 8, "side": 3, "stride": 1, "maps": 2}
    with pytest.raises(
        ArgumentError, match=f"local_receptive_fields: {name} must be a positive whole number, got {bad}"
    ):
        local_receptive_fields(**good | {name: bad})


def test_fields_larger_than_the_image_are_refused():
    with pytest.raises(ArgumentError, match="local_receptive_fields: side must fit the 8 x 5 image, got 6"):
        local_receptive_fields(8, 5, 6, 1, 1)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_bad_fractions_are_refused(fraction):
    with pytest.raises(ArgumentError, match=f"random_connectivity: fraction must be from 0 to 1, got {fraction}"):
        random_connectivity(fraction)


def test_a_random_mask_has_its_density():
    """Five standard deviations of 60,000 synapses."""
    mask = fa.random_connectivity(0.1)(np.random.default_rng(0), (200, 300))
    assert abs(mask.mean() - 0.1) < 5 * np.sqrt(0.09 / mask.size)
