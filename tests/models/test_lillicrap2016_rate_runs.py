"""Runs of the rate networks' model: small presets on their data, layers in turn, everything from the command line."""

from itertools import pairwise

import numpy as np
import pytest
from typer.testing import CliRunner

from spikefa.cli import app
from spikefa.experiments import checkpoint, model_file
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import new_run


@pytest.fixture(scope="module")
def rate():
    return model_file.load("lillicrap2016_rate")


def forward(net):
    return [p for p in net.projections if p.post in net.layers]


@pytest.mark.parametrize(
    ("preset", "data"),
    [
        ("fig2", "linear"),
        ("fig5", "quadratic"),
        ("s6_4", "teacher"),
        ("xor", "xor"),
        pytest.param("fig3d_3", "teacher", marks=pytest.mark.slow),
        pytest.param("fig3d_4", "teacher", marks=pytest.mark.slow),
        pytest.param("fig5_phases", "quadratic", marks=pytest.mark.slow),
        pytest.param("s6_3", "teacher", marks=pytest.mark.slow),
        pytest.param("s8", "teacher", marks=pytest.mark.slow),
    ],
)
def test_small_presets_learn_their_data_as_they_are(preset, data, tmp_path):
    """As the README has them, with the streams that they state: better than the best constant."""
    epochs = None if preset in ("xor", "fig5_phases") else 1
    made = new_run(
        tmp_path / "run", "lillicrap2016_rate", preset=preset, data=data, epochs=epochs, record_activity=False
    )
    assert made.train()["test_error"][-1] < (0.05 if preset == "xor" else 0.8)


def test_hidden_layers_and_the_output_learn_in_turn(rate, tmp_path):
    changes = {"sizes": (30, 9, 8, 10), "turns": (1, 2), "momentum": 0.9}
    made = new_run(tmp_path / "run", "lillicrap2016_rate", changes, preset="s6_4", data="teacher", epochs=3)
    made.create()
    trainer, weights = made.trainer(), []
    trainer.on_row = lambda row: weights.append([p.W.copy() for p in forward(trainer.network)])
    trainer.run()
    moved = [[not np.array_equal(*pair) for pair in zip(*two, strict=True)] for two in pairwise(weights)]
    assert moved == [[True, True, False], [False, False, True], [True, True, False]]
    frozen = rate.params(changes | {"frozen": (2,)})
    assert rate.lr_factor(frozen, 1) == {"image_to_h1": 0.0, "h2_to_output": 1.0}


def test_a_run_with_everything_learns_and_goes_on_from_its_checkpoint(rate, tmp_path):
    """Dropout, local maps, distortions, momentum and standardised images, from the command line."""
    changes = {
        "sizes": (64, 54, 10),
        "dropout": 0.2,
        "momentum": 0.9,
        "eta": 0.1,
        "distort_alpha": 8.0,
        "target": "numpy",
    }
    arguments = ["train", "lillicrap2016_rate", "--data", "digits", "--preset", "note5_distortions", "--streams", "20"]
    for name, value in changes.items():
        arguments += ["--set", f"{name}={str(value).strip('()')}"]
    done = CliRunner().invoke(app, [*arguments, "--epochs", "2", "--validation", "200", "--run", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    errors = np.asarray(read_metrics(tmp_path / "run" / "metrics.csv")["validation_error"], float)
    assert errors[0] > 0.6 and errors[-1] < 0.3
    nets = []
    for _ in range(2):
        net = rate.build(rate.params(changes, "note5_distortions"), streams=20)
        checkpoint.load(tmp_path / "run" / "checkpoint.h5", net, rate.digest)
        assert net["h1"].variables["drop"].get_value() == pytest.approx(0.2)
        net.run_steps(3)
        nets.append(net)
    for one, other in zip(*(forward(net) for net in nets), strict=True):
        assert np.array_equal(one.W, other.W)
