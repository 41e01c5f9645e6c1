"""Callbacks stop, save and schedule a training, change no number, and their faults are told."""

from dataclasses import dataclass

import numpy as np
import pytest

import spikefa as fa
from spikefa.datasets import Dataset
from spikefa.errors import ArgumentError, RunError
from spikefa.experiments.run import new_run, open_run

_RNG = np.random.default_rng(0)
DATA = Dataset("small", _RNG.random((50, 6)), np.arange(50) % 2, _RNG.random((4, 6)), np.arange(4) % 2, (2, 3), 2)
#: Of 40 training images, ten at a time.
SMALL = {"validation": 10, "epochs": 3}


def stated(directory, **more):
    """A run of a tiny network, for which nothing is compiled."""
    changes = {"hidden": (5,), "outputs": 10, "target": "numpy", "eta": 0.1}
    settings = {"data": DATA, "streams": 10, "epochs": 0, "record_activity": False} | more
    return new_run(directory, "lillicrap2016_spiking", changes, **settings)


@pytest.fixture
def tiny(tmp_path):
    return lambda directory="run", **more: stated(tmp_path / directory, **more)


def series(run):
    return run.metrics()["validation_error"].tolist()


def weights(run, **of):
    return b"".join(W.tobytes() for W in run.weights(**of).values())


class Spy(fa.Callback):
    def __init__(self):
        self.seen = []

    def on_begin(self, trainer):
        self.seen.append("begin")

    def on_metrics(self, trainer, row):
        self.seen.append(row["images_seen"])
        assert trainer.table[-1] == row and row["seconds"] >= 0
        fa.error(trainer.network, trainer.dataset.test_images[:5], trainer.dataset.test_labels[:5], 1)

    def on_presentation(self, trainer, progress):
        assert progress.images_seen == trainer.images_seen

    def on_end(self, trainer):
        self.seen.append("end")


class Failing(fa.Callback):
    def __init__(self, hook):
        self.hook = hook
        setattr(self, hook, self.fail)

    def fail(self, *given):
        raise ZeroDivisionError("of the callback")


class Meddling(fa.Callback):
    def on_metrics(self, trainer, row):
        trainer.network["h1_to_output"].W = trainer.network["h1_to_output"].W + 1


class StopsAt(fa.Callback):
    def __init__(self, images):
        self.images = images

    def on_presentation(self, trainer, progress):
        if progress.images_seen >= self.images:
            trainer.stop("it is enough")


@dataclass(frozen=True)
class Halves(fa.Callback):
    """Half the learning rate after each evaluation."""

    by: float = 0.5

    def lr_factor(self, rows):
        return self.by ** len(rows)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    made = stated(tmp_path_factory.mktemp("runs") / "plain", **SMALL)
    made.train()
    return made


def test_a_training_with_callbacks_has_the_numbers_of_one_without(tiny, plain):
    spy = Spy()
    made = tiny("watched", **SMALL)
    made.train(callbacks=[spy, fa.KeepBest(), fa.EarlyStopping(patience=99)])
    assert spy.seen == ["begin", 0, 40, 80, 120, "end"]
    assert weights(made) == weights(plain) and series(made) == series(plain)
    best = int(np.argmin(series(plain)))
    kept = open_run(made.directory, data=DATA).trained_network(checkpoint="best.h5")
    data = made.dataset()
    assert fa.error(kept, data.validation_images, data.validation_labels, 5) == series(plain)[best]


def test_early_stopping_stops_and_stays_stopped(tiny, plain):
    stopping = fa.EarlyStopping(patience=1, least=0.99)
    made = tiny("stopped", **SMALL)
    assert len(made.train(callbacks=[stopping])["epoch"]) == 2
    before = weights(made)
    made.train(callbacks=[stopping])
    assert weights(made) == before


def test_a_stop_between_evaluations_saves_and_goes_on_bit_for_bit(tiny, plain):
    made = tiny("stopped", **SMALL)
    assert len(made.train(callbacks=[StopsAt(20)])["epoch"]) == 1
    made.train()
    assert weights(made) == weights(plain)


def test_a_schedule_belongs_to_the_run_and_goes_on_bit_for_bit(tiny, plain):
    whole = tiny("whole", **SMALL)
    whole.train(callbacks=[Halves()])
    assert weights(whole) != weights(plain)
    made = tiny("in parts", **SMALL)
    made.train(callbacks=[Halves(), StopsAt(60)])
    with pytest.raises(RunError, match=r"holds a run with schedule \('Halves\(by=0.5\)',\), not \(\)"):
        made.train()
    with pytest.raises(RunError, match=r"must be set by Halves\(by=0.5\), as in the run, got no callback"):
        open_run(made.directory, data=DATA).trainer()
    made.train(callbacks=[Halves()])
    assert weights(made) == weights(whole)


@pytest.mark.parametrize("hook", ["on_begin", "on_metrics", "on_presentation", "on_end", "lr_factor"])
def test_a_callback_that_raises_is_told_and_the_run_is_saved(tiny, hook):
    made = tiny(epochs=1)
    said = f"Callback Failing: {hook} raised ZeroDivisionError: of the callback, after [0-9,]+ images"
    with pytest.raises(RunError, match=said):
        made.train(callbacks=[Failing(hook)])
    assert (made.directory / "checkpoint.h5").exists() == (hook != "on_begin")


def test_a_callback_that_changes_the_network_is_refused(tiny):
    with pytest.raises(RunError, match=r"on_metrics must leave the network as it is, changed h1_to_output\.W"):
        tiny().train(callbacks=[Meddling()])


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ([fa.EarlyStopping()], "EarlyStopping: column must be measured, got 'validation_error' of a training without"),
        ([print], "callbacks must be a list of Callback objects"),
        (fa.KeepBest(), "callbacks must be a list of Callback objects"),
    ],
)
def test_callbacks_that_do_not_fit_are_refused_before_anything_is_written(tiny, callbacks, message):
    made = tiny()
    with pytest.raises(ArgumentError, match=message):
        made.train(callbacks=callbacks)
    assert not made.directory.exists()


def test_a_factor_that_is_none_is_refused(tiny):
    with pytest.raises(RunError, match="Callback Halves: lr_factor raised ArgumentError: Halves: lr_factor must be"):
        tiny(epochs=1).train(callbacks=[Halves(by=-1.0)])


def test_a_plateau_reduces_the_learning_rate_again_and_again():
    rows = [{"test_error": error} for error in (0.5, None, 0.4, 0.4, 0.4, 0.4, 0.3)]
    callback = fa.ReduceOnPlateau(factor=0.5, patience=1, column="test_error")
    assert [callback.lr_factor(rows[:n]) for n in range(8)] == [1, 1, 1, 1, 0.5, 0.25, 0.125, 0.125]
    assert fa.ReduceOnPlateau(0.5, 1, "test_error", smallest=0.2).lr_factor(rows) == 0.2
