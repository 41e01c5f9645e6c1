"""The network's answer to a drawing."""

import shutil

import h5py
import numpy as np

from spikefa.diagnostics import evaluation
from spikefa.experiments.run import open_run
from spikefa.view.answer import Answerer
from spikefa.view.ink import Frame, drawn


def test_the_answer_is_the_evaluations_and_leaves_no_trace(spiking_run):
    answerer, image = Answerer(spiking_run), spiking_run.dataset().test_images[3]
    stock = spiking_run.trained_network(streams=1)
    found = answerer.answer(image, 20)
    np.testing.assert_array_equal(found.outputs, evaluation.summed_outputs(stock, image[None], 20)[0])
    np.testing.assert_array_equal(found.activity["output"].sum(axis=0).reshape(10, -1).sum(axis=1), found.outputs)
    assert found.prediction == found.outputs.argmax() and found.potential["h1"].shape == (20, 12)
    again = answerer.answer(image, 20)
    np.testing.assert_array_equal(again.potential["h1"], found.potential["h1"])


def test_the_answer_takes_the_weights_of_a_new_checkpoint(spiking_run, tmp_path):
    run = open_run(shutil.copytree(spiking_run.directory, tmp_path / "run"))
    answerer, image = Answerer(run), run.dataset().test_images[0]
    before = answerer.answer(image, 5)
    written = tmp_path / "new.h5"
    shutil.copy(run.directory / "checkpoint.h5", written)
    with h5py.File(written, "r+") as file:
        names = []
        file.visit(lambda name: names.append(name) if "image_to_h1" in name and name.endswith("W") else None)
        for name in names:
            file[name][...] = 0
    written.replace(run.directory / "checkpoint.h5")
    after = answerer.answer(image, 5)
    assert names and not np.array_equal(before.potential["h1"], after.potential["h1"])


def test_strokes_lie_where_the_data_have_their_ink(digits):
    frame = Frame.of(digits.test_images, digits.shape)
    assert 6 <= frame.size <= 8 and np.allclose(frame.centre, 4, atol=0.5)
    big = Frame((28, 28), 20.0, (14.0, 14.0))
    image = drawn([((0.1, 0.1), (0.2, 0.8))], big)  # a vertical line at the left
    rows, columns = np.nonzero(image > 0.1)
    assert image.shape == (28, 28) and image.min() == 0 and image.max() <= 1
    assert abs(np.ptp(rows) + 1 - 20) <= 1 and abs(columns.mean() - 13.5) < 1
    hook = drawn([((0.2, 0.2, 0.6), (0.8, 0.2, 0.2))], big)  # an L: its foot is at the bottom right
    assert hook[14:, 16:].sum() > 5 * hook[:10, 16:].sum()


def test_nothing_drawn_is_an_empty_image():
    frame = Frame((8, 8), 7.0, (4.0, 4.0))
    assert not drawn([], frame).any() and not drawn([((), ())], frame).any()
    assert drawn([((0.5,), (0.5,))], frame).max() > 0.5  # a dot
    assert Frame.of(np.zeros((3, 64)), (8, 8)).shape == (8, 8)
