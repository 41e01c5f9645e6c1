"""Weights out and in again: equal, or refused with their names."""

import numpy as np
import pytest

import spikefa as fa
from spikefa.errors import ArgumentError, DataError
from spikefa.exchange import load_weights, save_weights

UNIFORM = fa.uniform(1)


def network(seed=0, W=UNIFORM, **options):
    net = fa.Network(target="numpy", seed=seed, dtype="float64")
    fa.Input(net, "image", 4)
    for name, units in (("h1", 3), ("output", 2)):
        fa.Layer(net, name, units, "I : 1\ns : 1", emit="s = I", threshold=None)
    fa.Projection(net, "image", "h1", W, **options)
    up = fa.Projection(net, "h1", "output", fa.uniform(1), bias=np.random.default_rng(seed).random(2))
    fa.TiedProjection(net, "output", "h1", up, transpose=True)
    return net


@pytest.fixture(params=["npz", "safetensors"])
def path(request, tmp_path):
    if request.param == "safetensors":
        pytest.importorskip("safetensors", reason="needs safetensors")
    return tmp_path / f"weights.{request.param}"


def held(net):
    return {name: array.copy() for name, array in net.parameters().items()}


def test_what_was_written_is_read(path):
    one, other = network(0), network(1)
    save_weights(one, path)
    load_weights(other, path)
    assert all(np.array_equal(array, other.parameters()[name]) for name, array in held(one).items())
    assert any(not np.array_equal(array, one.parameters()[name]) for name, array in held(network(1)).items())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"h1_to_output.W": None}, "must have 'h1_to_output.W', got"),
        ({"h1_to_outputs.W": np.ones(2)}, r"must have no other names than .*, got 'h1_to_outputs.W'; did you mean"),
        ({"h1_to_output.W": np.ones((2, 3))}, r"h1_to_output.W must be floats \(3, 2\), got float64 \(2, 3\)"),
        ({"h1_to_output.W": np.ones((3, 2), int)}, r"h1_to_output.W must be floats \(3, 2\), got int64 \(3, 2\)"),
        ({"h1_to_output.b": np.array([0, np.nan])}, "h1_to_output.b must be finite, got 1 that are not"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(path, changes, message):
    net = network()
    save_weights(net, path)
    arrays = {f"{p.name}.{of}": getattr(p, of) for p in net.projections[:2] for of in "Wb"} | changes
    save_weights({name: array for name, array in arrays.items() if array is not None}, path)
    other = network(1)
    before = held(other)
    with pytest.raises(DataError, match=message):
        load_weights(other, path)
    assert all(np.array_equal(array, other.parameters()[name]) for name, array in before.items())


def test_weights_that_a_projection_cannot_have_change_nothing(path):
    save_weights(network(), path)
    for options, message in (
        ({"mask": np.eye(4, 3, dtype=bool)}, "weights must be 0 where the mask is False"),
        ({"bounds": (0, 0.5)}, "weights must be at least 0 and at most 0.5"),
    ):
        other = network(1, np.eye(4, 3) / 4, **options)
        before = held(other)
        with pytest.raises(ArgumentError, match=f"Projection 'image->h1': {message}"):
            load_weights(other, path)
        assert all(np.array_equal(array, other.parameters()[name]) for name, array in before.items())


def test_a_damaged_file_is_refused(path):
    save_weights(network(), path)
    whole = path.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"x" + whole[1:]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="not a whole file of weights"):
            load_weights(network(), path)
    path.unlink()
    with pytest.raises(DataError, match="expected a file of weights, found none"):
        load_weights(network(), path)
    with pytest.raises(ArgumentError, match=r"load_weights: the suffix of '.*' must be one of '.npz', '.safetensors'"):
        load_weights(network(), path.with_suffix(".pt"))


def test_what_are_no_weights_are_not_written(tmp_path):
    for given, message in (({1: np.eye(2)}, "each name must be a text, got 1"), ({"a": "b"}, "'a' must hold real")):
        with pytest.raises(ArgumentError, match=f"^save_weights: {message}"):
            save_weights(given, tmp_path / "new" / "weights.npz")
    assert not [*tmp_path.iterdir()]


def test_objects_in_npz_are_not_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", **{"image_to_h1.W": np.array([print], object)})
    with pytest.raises(DataError, match="not a whole file of weights"):
        load_weights(network(), tmp_path / "a.npz")
