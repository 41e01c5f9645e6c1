"""Checkpoints: whole or not there, whatever the disk and the way in which weights are stored."""

import h5py
import numpy as np
import pytest
from brian2 import ms
from masked_networks import STORAGE, masked
from run_helpers import largest_file, printed

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
