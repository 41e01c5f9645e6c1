"""Networks of several runs that answer together."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

import spikefa as fa
from spikefa import cli, metrics
from spikefa.diagnostics import evaluation
from spikefa.errors import RunError
from spikefa.experiments.ensemble import Ensemble
from spikefa.experiments.run import new_run

SMALL = {"pixels": 64, "hidden": (30,), "outputs": 20, "weight_range": 0.2, "feedback_range": 0.3, "eta": 4e-3}


@pytest.fixture(scope="module")
def train(tmp_path_factory):
    """A function that trains a small network on the digits; keywords change it."""
    directory = tmp_path_factory.mktemp("ensemble")

    def train(name, model="lillicrap2016_spiking", changes=SMALL, **more):
        settings = {"data": "digits", "streams": 20, "epochs": 1, "record_activity": False} | more
        run = new_run(directory / name, model, changes, **settings)
        run.train()
        return run

    return train


@pytest.fixture(scope="module")
def three(train):
    return [train(f"seed{seed}", seed=seed, epochs=4, validation=100) for seed in range(3)]


def printed(*arguments):
    result = CliRunner().invoke(cli.app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0
    return re.sub(r"\s+", " ", result.output)


def test_outputs_are_summed_over_steps_and_a_class():
    net = fa.Network(streams=2, dtype="float64")
    fa.Input(net, "x", 1, emit="s = x", threshold=None, limits=None)
    fa.Layer(net, "y", 4, "I : 1\ns : 1", emit="s = s + I", threshold=None)
    fa.Projection(net, "x", "y", np.array([[1.0, 2.0, -1.0, 3.0]]))
    fa.classification_task(net, 4, classes=2)
    images = np.array([[1.0], [-2.0], [3.0]])
    # Weight w gives w x, 2 w x, 3 w x and goes on from there: the third image follows the first without a pause.
    said = evaluation.summed_outputs(net, images, 3)
    np.testing.assert_allclose(said, [[18, 12], [-36, -24], [27 + 54, 18 + 36]])
    assert evaluation.predict(net, images, 3).tolist() == [0, 1, 0]


def test_several_networks_are_counted_together(three):
    """Against the sums of their spikes, taken from each network by itself."""
    ensemble = Ensemble(three)
    data = three[0].dataset()
    found = list(ensemble.measure([2, 7]))
    assert [(m.part, m.steps, m.images) for m in found] == [
        ("test", 2, 360),
        ("validation", 2, 100),
        ("test", 7, 360),
        ("validation", 7, 100),
    ]
    for measured in found:
        images, labels = (getattr(data, f"{measured.part}_{what}") for what in ("images", "labels"))
        counts = 0
        for run, own in zip(three, measured.members, strict=True):
            network = run.trained_network()
            counts = counts + evaluation.summed_outputs(network, images, measured.steps)
            assert own == f"{evaluation.error(network, images, labels, measured.steps):.2%}"
        assert measured.together == f"{np.mean(counts.argmax(axis=1) != labels):.2%}"
    together, *each = (float(text.rstrip("%")) for text in (found[2].together, *found[2].members))
    assert together < np.mean(each)  # noise of three networks that do not share any


def test_from_the_command_line(three):
    first, second, third = (run.directory for run in three)
    alone = [printed("evaluate", place, "--steps-per-image", 7) for place in (first, second, third)]
    errors = [re.search(r"^test error ([\d.]+%) of 360 images at 7 steps an image val", text)[1] for text in alone]
    together = printed("evaluate", first, second, third, "--steps-per-image", 7)
    assert f"of 360 images at 7 steps an image, together; each: {', '.join(errors)} val" in together
    assert "at 1 step an image" in printed("evaluate", first, first, "--steps-per-image", 1)


def test_outputs_that_are_no_classes_are_averaged(train):
    runs = [
        train(f"linear{seed}", "lillicrap2016_rate", {}, preset="fig2", data="linear", streams=10, seed=seed)
        for seed in range(2)
    ]
    (measured,) = Ensemble(runs).measure([1])
    data = runs[0].dataset()
    mean = sum(evaluation.summed_outputs(run.trained_network(), data.test_images, 1) for run in runs) / 2
    assert (
        measured.together
        == f"{metrics.normalized_squared_error(mean - data.test_targets, data.test_targets):.4g} (NSE)"
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"validation": 10}, "number of validation images of .*seed0, 100, got 10"),
        ({"data": "teacher", "model": "lillicrap2016_rate", "changes": {}, "preset": "fig3d_3"}, "data of .*, got"),
    ],
)
def test_runs_that_answer_other_questions_are_refused(three, train, changed, message):
    other = train("-".join(changed), **{"validation": 100, "epochs": 0} | changed)
    with pytest.raises(RunError, match=rf"{other.directory}: must have the {message}"):
        Ensemble([three[0], other])
