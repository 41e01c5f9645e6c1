"""`train` trains a network from parts: in place, kept in a directory, gone on with bit for bit."""

import re

import numpy as np
import pytest

import spikefa as fa
from spikefa.errors import ArgumentError, RunError

LABELS = np.array([0, 1] * 20)
DATA = fa.datasets.Dataset("two", np.eye(2)[LABELS], LABELS, np.eye(2)[:2], LABELS[:2], shape=(1, 2), classes=2)


def built(seed=0):
    net = fa.Network(streams=4, target="numpy", seed=seed)
    fa.Input(net, "image", 2)
    output = fa.Layer(net, "output", 2, "I : 1\ns : 1", emit="s = I", threshold=None)
    fa.ErrorPopulation(net, "error_output", output, "u = layer_s - target : 1\ntarget : 1\ndelta : 1", emit="delta = u")
    fa.Projection(net, "image", "output", fa.uniform(0.1), plasticity=fa.Plasticity("dW = -0.02 * delta_post * s_pre"))
    fa.classification_task(net, steps_per_image=2, classes=2)
    return net


def test_it_trains_in_place_and_keeps_nothing_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = built()
    table = fa.train(net, DATA, epochs=2, progress=False, evaluate_every=0.5)
    assert table["epoch"].tolist() == [0, 0.5, 1, 1.5, 2] and table["test_error"][-1] == 0
    assert not list(tmp_path.iterdir()) and net["image_to_output"].W[0, 0] > 0.3


def test_it_goes_on_bit_for_bit_from_its_directory(tmp_path):
    whole, parts = built(), built()
    fa.train(whole, DATA, epochs=3, progress=False)
    fa.train(built(), DATA, epochs=1, directory=tmp_path / "a", progress=False)
    fa.train(parts, DATA, epochs=3, directory=tmp_path / "a", progress=False)
    assert np.array_equal(parts["image_to_output"].W, whole["image_to_output"].W)


def test_a_directory_of_something_else_is_refused(tmp_path):
    fa.train(built(), DATA, epochs=1, directory=tmp_path / "a", progress=False)
    other = fa.datasets.Dataset(
        "two", DATA.train_images[:4], DATA.train_labels[:4], np.eye(2), LABELS[:2], shape=(1, 2), classes=2
    )
    with pytest.raises(RunError, match=r"a: began with data \w+, not data \w+; give another directory"):
        fa.train(built(), other, directory=tmp_path / "a")
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(RunError, match="holds a run of a model; give another directory"):
        fa.train(built(), DATA, directory=tmp_path)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"epoch": 3}, "train: a setting must be one of .*, got 'epoch'"),
        ({"progress": 1}, "progress must be true or false"),
        ({"epochs": -1}, "epochs must be a whole number"),
        ({"callbacks": [3]}, "train: callbacks must be a list of Callback objects"),
    ],
)
def test_what_cannot_be_is_refused(more, message):
    with pytest.raises(ArgumentError, match=message):
        fa.train(built(), DATA, **more)


def test_progress_prints_rows_where_it_is_asked_for(capsys):
    fa.train(built(), DATA, epochs=1, progress=True)
    said = capsys.readouterr().out
    rows = r"epoch 0: test error [\d.]+%, \d+ s\nepoch 1: test error 0.00%, training [\d.]+%, \d+ s\n"
    assert re.fullmatch(rows, said)
    fa.train(built(), DATA, epochs=1)  # no terminal
    assert capsys.readouterr().out == ""
