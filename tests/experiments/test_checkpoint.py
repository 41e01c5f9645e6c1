"""Checkpoints: whole or not there, whatever the disk and the way in which weights are stored."""

import h5py
import numpy as np
import pytest
from brian2 import ms
from masked_networks import STORAGE, masked
from run_helpers import TINY, largest_file, printed

import spikefa as fa
from spikefa.errors import CheckpointError
from spikefa.experiments import checkpoint


@pytest.fixture(params=STORAGE)
def storage(request):
    return request.param


@pytest.mark.parametrize("streams", [1, 6])
def test_resuming_is_bit_identical(storage, model, digits, tmp_path, streams):
    options = {"storage": storage, "streams": streams, "momentum": 0.5, "gamma": 1e-3}
    whole, _ = masked(model, digits, **options)
    whole.run(40 * ms)
    half, _ = masked(model, digits, **options)
    half.run(20 * ms)
    checkpoint.save(tmp_path / "c.h5", half, {"epoch": 0}, "model")
    again, _ = masked(model, digits, **options)
    checkpoint.load(tmp_path / "c.h5", again, "model")
    rest = slice(20 // again.stimulus.steps_per_image * streams, 40 * streams)
    again.stimulus.show_images(digits.train_images[rest], digits.train_labels[rest])
    again.run(20 * ms)
    for name, array in whole.parameters().items():
        assert np.array_equal(array, again.parameters()[name]), name
    assert not np.array_equal(whole.parameters()["h1_to_h2.W"], half.parameters()["h1_to_h2.W"])


@pytest.mark.parametrize("streams", [1, 6])
def test_weights_are_read_whatever_the_storage(storage, model, digits, tmp_path, streams):
    saved, _ = masked(model, digits, storage, streams=streams)
    saved.run(10 * ms)
    checkpoint.save(tmp_path / "c.h5", saved, {"epoch": 0}, "model")
    for read_by in STORAGE:
        for others in (1, 3):
            net, _ = masked(model, digits, read_by, streams=others)
            checkpoint.load_weights(tmp_path / "c.h5", net)
            for a, b in zip(saved.projections, net.projections, strict=True):
                assert np.array_equal(a.W, b.W) and np.array_equal(a.b, b.b)


@pytest.mark.parametrize("streams", [1, 4])
def test_checkpoint_with_other_synapses_is_refused(model, digits, tmp_path, streams):
    nets = [masked(model, digits, streams=streams, fraction=0.05)[0] for _ in range(2)]
    index = nets[1]["image_to_h1"].weights.matrix.index
    checkpoint.save(tmp_path / "c.h5", nets[0], {"epoch": 0}, "model")
    index[np.flatnonzero(np.diff(index) > 0)[0] + 1] -= 1  # another presynaptic unit
    with pytest.raises(checkpoint.CheckpointError, match="image_to_h1 has other synapses"):
        checkpoint.load(tmp_path / "c.h5", nets[1], "model")


def test_full_disk_keeps_the_old_checkpoint_and_no_buffer(trained):
    """Garbage collection of a checkpoint in memory that is still exported ends the interpreter."""
    trainer = trained.trainer()
    before = {path: path.read_bytes() for path in trained.directory.iterdir()}
    full = pytest.raises(OSError, match=r"cannot write the checkpoint \(File too large\).*checkpoint.h5")
    with largest_file(5_000), full as caught:
        trainer.save()
    assert {path: path.read_bytes() for path in trained.directory.iterdir()} == before
    held = [entry.frame.f_locals["held"] for entry in caught.traceback if "held" in entry.frame.f_locals]
    assert len(held) == 1
    held[0].close()  # a BufferError where it is exported


def test_a_flipped_bit_in_a_number_is_noticed(trained):
    trainer = trained.trainer()
    trainer.resume()
    trainer.images_seen, trainer.network.step = 0x5A5A5A, 0x6B6B6B
    trainer.save()
    whole = trainer.checkpoint.read_bytes()
    for number in (0x5A5A5A, 0x6B6B6B):
        at = whole.index(number.to_bytes(8, "little"))
        trainer.checkpoint.write_bytes(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
        with pytest.raises(CheckpointError, match=r"checkpoint.h5: is .*damaged .*(checksum|filter)"):
            checkpoint.load(trainer.checkpoint, trainer.network)
    trainer.checkpoint.write_bytes(whole)
    assert checkpoint.load(trainer.checkpoint, trainer.network)["images_seen"] == 0x5A5A5A


def test_incomplete_checkpoints_are_named(trained):
    trainer = trained.trainer()
    with h5py.File(trainer.checkpoint, "a") as f:
        del f["progress/rows"]
    with pytest.raises(CheckpointError, match=r"checkpoint.h5: is damaged, its progress must have \['rows'\], got"):
        trainer.resume()


def test_what_has_no_checkpoint_says_so(trained):
    (trained.directory / "checkpoint.h5").unlink()
    with pytest.raises(CheckpointError, match=r"checkpoint.h5: no checkpoint there$"):
        printed("evaluate", trained.directory)


def spoil(path, name, value):
    """Write one number of a checkpoint anew, as an attribute of the file or the first one of an array."""
    with h5py.File(path, "a") as f:
        if name in f.attrs:
            f.attrs[name] = value
        else:
            f[name][(0,) * f[name].ndim] = value


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("parameters/h1_to_output.W", np.nan, r"h1_to_output.W must be finite, got nan at \(0, 0\)"),
        ("parameters/h1_to_output.b", np.inf, r"h1_to_output.b must be finite, got inf at \(0,\)"),
        ("parameters/h1_to_output.W", -1e30, r"h1_to_output.W must be within 10000, .*, got -1e\+30 at \(0, 0\)"),
        ("parameters/error_output_to_feedback_h1.W", np.nan, r"error_output_to_feedback_h1.W must be finite, got nan"),
        ("activity/h1.v", np.nan, r"h1.v must be finite, got nan at \(0,\)"),
        ("stimulus/labels", 99, r"is damaged \(ClassReadout: labels must be 0 to 9, got 99"),
        ("step", -5, r"step must be a whole number, from 0 to 2\*\*53, got -5"),
        ("step", 2**62, r"step must be a whole number, from 0 to 2\*\*53, got 4611686018427387904"),
        ("step", 0.5, r"is damaged or no checkpoint \(its step must be of int, got float64"),
        ("progress/images_seen", -20, "images_seen must be at least 0, got -20"),
        ("progress/images_seen", 150, "images_seen must be a multiple of the 100 streams, got 150"),
        ("parameters/h1_to_output.pending", -1e9, "h1_to_output.pending must be within 10000, .*, got -1"),
        ("step", 40, "step must be 0 after 0 images, got 40"),
        ("progress/rows", 99, "rows must be 1, those of the metrics, got 99"),
        ("progress/rows", -1, "rows must be at least 0, got -1"),
        ("progress/seconds", np.inf, "seconds must be finite, got inf"),
        ("progress/wrong", -1, "wrong must be at least 0, got -1"),
    ],
)
def test_values_that_no_training_makes_are_named_and_change_nothing(trained, name, value, message):
    trainer = trained.trainer()
    spoil(trainer.checkpoint, name, value)
    before = {own: array.copy() for own, array in trainer.network.parameters().items()}
    with pytest.raises(CheckpointError, match=f"checkpoint.h5: {message}"):
        trainer.resume()
    assert all(np.array_equal(array, before[own]) for own, array in trainer.network.parameters().items())
    assert trainer.network.step == trainer.images_seen == 0 and trainer.rows == []


def test_a_damaged_file_is_said_to_be_damaged_whoever_reads_it(trained):
    path = trained.directory / "checkpoint.h5"
    with h5py.File(path) as f:
        at = f["parameters/h1_to_output.W"].id.get_chunk_info(0).byte_offset
    whole = path.read_bytes()
    for damaged in (whole[:at] + b"junk" + whole[at + 4 :], whole[: len(whole) // 2], bytes(len(whole))):
        path.write_bytes(damaged)
        for read in (trained.trained_network, trained.weights, trained.trainer().resume):
            with pytest.raises(CheckpointError, match=r"checkpoint.h5: is damaged or no checkpoint \("):
                read()


def test_weights_of_another_network_are_named(trained, tiny):
    other = tiny("other", changes=TINY | {"hidden": (6,)}).network()
    message = r"is a checkpoint of another model: \w+.W must be \(\d+, \d+\), got \(\d+, \d+\)$"
    with pytest.raises(CheckpointError, match=message):
        checkpoint.load_weights(trained.directory / "checkpoint.h5", other)


def test_weights_that_are_not_finite_are_not_evaluated_either(trained):
    spoil(trained.directory / "checkpoint.h5", "parameters/h1_to_output.W", np.nan)
    for read in (trained.trained_network, trained.weights):
        with pytest.raises(CheckpointError, match=r"checkpoint.h5: h1_to_output.W must be finite, got nan"):
            read()


def link(f):
    del f["parameters/h1_to_output.W"]
    f["parameters/h1_to_output.W"] = h5py.ExternalLink("other.h5", "/W")


def larger(f):
    W = f["parameters/h1_to_output.W"]
    shape, dtype = W.shape, W.dtype
    del f["parameters/h1_to_output.W"]
    f.create_dataset("parameters/h1_to_output.W", (2**20, 2**19), dtype, chunks=(1, 2**10)).attrs["was"] = shape


def two_gigabytes_more(f):
    f.create_dataset("parameters/more", (2**29,), "f4", chunks=(2**20,))


def a_group_more(f):
    f.create_dataset("more/more", (2**29,), "f4", chunks=(2**20,))


def progress_more(f):
    f.create_dataset("progress/more", data=np.zeros(9)).attrs["scalar"] = False


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (link, r"is damaged or no checkpoint \(parameters/h1_to_output.W must lie in the file itself, got a link"),
        (larger, r"h1_to_output.W must (be float32 \(5, 10\), got|lie in the file)"),
        (two_gigabytes_more, r"it also has \['more'\] in parameters"),
        (a_group_more, r"it also has \['more'\]"),
        (progress_more, r"it also has \['more'\] in progress"),
    ],
)
def test_of_a_file_from_others_only_what_the_network_has_is_read(trained, make, message):
    with h5py.File(trained.directory / "checkpoint.h5", "a") as f:
        make(f)
    with pytest.raises(CheckpointError, match=message):
        trained.trainer().resume()


@pytest.mark.parametrize("streams", [1, 6])
def test_weights_are_read_without_the_network(storage, model, digits, tmp_path, streams):
    saved, _ = masked(model, digits, storage, streams=streams)
    saved.run(10 * ms)
    checkpoint.save(tmp_path / "c.h5", saved, {"epoch": 0}, "model")
    found = checkpoint.read_weights(tmp_path / "c.h5")
    assert set(found) == {p.name for p in saved.projections}
    for p in saved.projections:
        assert np.array_equal(found[p.name][0], p.W) and np.array_equal(found[p.name][1], p.b)


def test_checkpoints_of_earlier_versions_are_named(trained):
    with h5py.File(trained.directory / "checkpoint.h5", "a") as f:
        f.attrs["version"] = 2
    with pytest.raises(CheckpointError, match=r"has format version 2 of an earlier spikefa; commit \w+ of its"):
        trained.weights()


@pytest.mark.parametrize("fraction", [0.05, 0.8])
@pytest.mark.parametrize("streams", [1, 40])
def test_weights_are_compared_with_mask_and_bounds(tmp_path, fraction, streams):
    """Bounds count for the synapses that exist; 0 stands where there is none."""

    def build(low):
        net = fa.Network(streams=streams, target="numpy")
        fa.Input(net, "image", 40)
        fa.Layer(net, "out", 20, "I : 1\ns : 1", emit="s = I")
        options = {"mask": fa.random_connectivity(fraction), "bounds": (low, 1.0)}
        fa.Projection(net, "image", "out", fa.uniform(0.3, 1.0), **options)
        fa.classification_task(net, 2, 2)
        return net

    path, net = tmp_path / "checkpoint.h5", build(0.3)
    checkpoint.save(path, net, {})
    again = build(0.3)
    again["image_to_out"].W = again["image_to_out"].mask * 0.5
    checkpoint.load_weights(path, again)
    assert np.array_equal(again["image_to_out"].W, net["image_to_out"].W)
    checkpoint.load(path, again)
    outside = build(0.3)
    outside["image_to_out"].bounds = (0.6, 1.0)
    for read in (checkpoint.load, checkpoint.load_weights):
        with pytest.raises(CheckpointError, match=r"image_to_out.W must be within the bounds \(0.6, 1.0\), got 0.3"):
            read(path, outside)


def test_a_spike_after_the_checkpoint_is_refused(tmp_path):
    net = fa.Network(streams=2, target="numpy")
    fa.Input(net, "image", 2)
    fa.Layer(net, "h", 3, "dv/dt = (I - v) / (5*ms) : 1\nI : 1\ns : 1", threshold="v > 1", refractory=3 * ms)
    fa.classification_task(net, 4, 3)
    checkpoint.save(tmp_path / "c.h5", net, {})
    spoil(tmp_path / "c.h5", "activity/h.lastspike", 1e9)
    with pytest.raises(CheckpointError, match=r"h.lastspike must be at most 0 s, that of the checkpoint, got 1e"):
        checkpoint.load(tmp_path / "c.h5", net)
