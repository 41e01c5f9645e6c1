"""Runs as texts: TOML, another run's settings, presets with their data, sizes that follow from the data, own data."""

import json
import re

import numpy as np
import pytest
from run_helpers import printed
from typer.testing import CliRunner

from spikefa import cli, datasets
from spikefa.errors import ArgumentError, DataError, ModelError, RunError
from spikefa.experiments import model_file
from spikefa.experiments.run import new_run, open_run
from spikefa.experiments.run_overview import overview
from spikefa.experiments.run_settings import config_text, read_settings, settings_of

MODEL = "lillicrap2016_spiking"
RNG = np.random.default_rng(0)
SMALL = datasets.Dataset(
    "small", RNG.random((40, 6)), np.arange(40) % 2, RNG.random((10, 6)), np.arange(10) % 2, (2, 3), 2
)
FEW = {"hidden": (5,), "outputs": 10, "target": "numpy"}


def test_the_text_of_a_model_states_the_run_that_its_preset_does(tmp_path):
    (tmp_path / "run.toml").write_text(config_text(MODEL, "dense"))
    stated, direct = new_run(tmp_path, **read_settings(tmp_path / "run.toml")), new_run(tmp_path, MODEL, preset="dense")
    assert (vars(stated.params), stated.config) == (vars(direct.params), direct.config)
    assert (stated.data, stated.streams, stated.seed) == (direct.data, direct.streams, direct.seed)
    text = config_text(MODEL)
    assert all(f"\n{name} = " in text for name in vars(direct.params)) and "# Learning rate" in text


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("model = ", RunError, "is no TOML"),
        ('model = "lillicrap2016_spiking"\nepoch = 3', RunError, "a setting must be .*, got 'epoch'; did you mean 'ep"),
        ("seed = 3", RunError, 'must have model = "NAME"'),
        ('model = "lillicrap2016_spiking"\n[parameters]\netta = "1"', ModelError, "no parameter 'etta'"),
        (
            'model = "lillicrap2016_spiking"\ndata = "os:getcwd"',
            RunError,
            "data must be no code, which only",
        ),
    ],
)
def test_a_text_that_is_no_run_is_refused(tmp_path, text, error, message):
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(error, match=message):
        read_settings(tmp_path / "run.toml")


def test_none_lists_and_numbers_of_a_text(tmp_path):
    (tmp_path / "a.toml").write_text(
        f'model = "{MODEL}"\nseed = 0\n[parameters]\nhidden = [30, 20]\nmomentum = "none"\neta = 1\n'
    )
    params = new_run(tmp_path, **read_settings(tmp_path / "a.toml")).params
    assert (params.hidden, params.momentum, params.eta) == ((30, 20), None, 1.0)


def test_presets_carry_their_data_and_other_data_their_sizes(tmp_path):
    assert new_run(tmp_path, MODEL, preset="digits").data == "digits" and new_run(tmp_path, MODEL).data == "mnist"
    assert new_run(tmp_path, "lillicrap2016_rate", preset="fig2").data == "linear"
    digits = new_run(tmp_path, MODEL, data="digits").params
    assert (digits.pixels, digits.classes, digits.outputs) == (64, 10, 1000)
    assert new_run(tmp_path, MODEL, {"pixels": 9}, data="digits").params.pixels == 9
    small = new_run(tmp_path, MODEL, data=SMALL).params
    assert (small.pixels, small.classes, small.outputs) == (6, 2, 200)
    for name, sizes in (
        ("lillicrap2016_rate", (6, 1000, 2)),
        ("millidge2020_ar", (6, 300, 300, 100, 2)),
        ("lansdell2020_np", (6, 50, 20, 2)),
        ("dargazany2019_itd", (6, 32, 32, 32, 2)),
    ):
        assert new_run(tmp_path, name, data=SMALL).params.sizes == sizes
    assert new_run(tmp_path, "lillicrap2016_rate", data="teacher", preset="fig2").params.sizes == (30, 20, 10)
    assert new_run(tmp_path, "nokland2016_dfa", data=SMALL).params.pixels == 6
    assert new_run(tmp_path, "differential_stdp", data=SMALL).params.outputs == 200


def test_a_run_of_data_themselves_is_opened_with_them(tmp_path):
    run = new_run(tmp_path / "run", MODEL, FEW, data=SMALL, streams=10, epochs=0, record_activity=False)
    run.train()
    again = open_run(run.directory, data=SMALL)
    assert again.dataset().train_images.shape == (40, 6)
    with pytest.raises(DataError, match="no data set 'small'"):
        open_run(run.directory).dataset()
    other = datasets.Dataset(
        "small", SMALL.test_images, SMALL.test_labels, *[SMALL.test_images] * 1, SMALL.test_labels, (2, 3), 2
    )
    with pytest.raises(RunError, match="began with data set 'small' of digest"):
        open_run(run.directory, data=other).dataset()
    with pytest.raises(ArgumentError, match="open_run: data must be a Dataset, or None"):
        open_run(run.directory, data=3)


def test_a_function_of_a_run_is_not_called_again_without_trust(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings_data.py").write_text(
        "import os\nimport numpy as np\nfrom spikefa.datasets import Dataset\n"
        "def make():\n    os.makedirs('called')\n"
        "    x, y = np.eye(6), np.arange(6) % 2\n    return Dataset('own', x, y, x, y, (2, 3), 2)\n"
    )
    run = new_run("run", MODEL, FEW, data="settings_data:make", streams=2, epochs=0, record_activity=False)
    run.train()
    (tmp_path / "called").rmdir()  # or a second call in the training would have failed
    with pytest.raises(DataError, match="'settings_data:make': is code, which was not run"):
        open_run("run").dataset()
    with pytest.raises(RunError, match="'settings_data:make' are made by code, which was not run"):
        settings_of(open_run("run"))
    assert open_run("run", trust=True).dataset().name == "own"
    assert settings_of(open_run("run", trust=True))["data"] == "settings_data:make"


@pytest.fixture
def begun(tmp_path):
    np.savez(
        tmp_path / "own.npz",
        **{
            f"{part}_{kind}": getattr(SMALL, f"{part}_{kind}")
            for part in ("train", "test")
            for kind in ("images", "labels")
        },
    )
    options = ["--streams", 10, "--epochs", 1, "--no-record-activity", "--set", "target=numpy", "--set", "hidden=5"]
    run = tmp_path / "run"
    printed("train", MODEL, "--data", tmp_path / "own.npz", "--set", "outputs=10", *options, "--run", run, "--quiet")
    return run


def test_a_run_like_another_has_its_settings(begun, tmp_path):
    said = printed("train", "--like", begun, "--set", "eta=0.5", "--seed", 3, "--run", tmp_path / "b", "--json")
    first, second = open_run(begun), open_run(tmp_path / "b")
    assert (second.params.eta, second.seed, second.data) == (0.5, 3, str(tmp_path / "own.npz"))
    assert first.model.name == second.model.name == MODEL and first.config == second.config
    assert json.loads(said)["metrics"]["images_seen"] == 40


def test_a_run_like_another_has_what_follows_from_its_own_parameters(begun, tmp_path):
    """Of another dt, for example, other numbers of steps."""
    printed("train", "--like", begun, "--set", "test_steps=3", "--set", "epochs=2", "--run", tmp_path / "b", "--quiet")
    assert (open_run(begun).config.epochs, open_run(tmp_path / "b").config.epochs) == (1, 2)
    assert open_run(tmp_path / "b").config.test_steps == 3
    stated = settings_of(new_run(tmp_path / "c", "escape_lif", {"dt": "1 ms"}, preset="digits"))
    stated["changes"]["dt"] = "0.25 ms"
    run = new_run(tmp_path / "d", **stated)
    assert run.config.test_steps == run.config.recording_steps == run.params.test_steps == 400
    longer = settings_of(new_run(tmp_path / "e", "escape_lif", test_steps=7, epochs=9, recording_steps=8))
    assert (longer["test_steps"], longer["epochs"], longer["recording_steps"]) == (7, 9, 8)


def test_show_says_what_a_run_is_and_runs_no_code(begun, monkeypatch):
    (begun / "model.py").write_text("raise SystemExit('it was run')")
    said = " ".join(printed("show", begun).split())
    assert "(finished, begun " in said and "hidden=5" in said and "epoch 1, train error" in said
    assert f"{begun}/metrics.csv" in "".join(printed("show", begun, "--json").split())
    found = json.loads(printed("show", begun, "--json"))
    assert found["status"] == "finished" and found["rows"] == 2 and found["params"]["hidden"] == [5]
    assert found == json.loads(json.dumps(overview(begun)))


def test_quiet_prints_errors_alone_and_json_errors_as_json(begun):
    assert printed("plot", begun, "learning", "--quiet") == ""
    for arguments, status in ((["evaluate", str(begun / "none"), "--json"], 2), (["show", str(begun)], 0)):
        assert CliRunner().invoke(cli.app, arguments).exit_code == status
    said = json.loads(CliRunner().invoke(cli.app, ["evaluate", str(begun / "none"), "--json"]).output)
    assert said == {"error": f"{begun / 'none'}: is no run directory, it has no run.json"}
    found = json.loads(printed("evaluate", begun, "--json"))
    assert found["measured"][0]["images"] == 10 and 0 <= found["measured"][0]["error"] <= 1
    assert set(json.loads(printed("models", "--json"))) >= {MODEL}


@pytest.mark.parametrize("command", cli.app.registered_commands, ids=lambda command: command.callback.__name__)
def test_each_command_has_quiet_and_json(command):
    said = CliRunner().invoke(cli.app, [command.callback.__name__, "-h"]).output
    assert "--quiet" in said and "--json" in said


def test_version_and_completion():
    assert re.fullmatch(r"spikefa \d+\.\d+\.\d+\n", printed("--version"))
    assert "--install-completion" in printed("-h")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "give a MODEL, or --config FILE.toml, or --like RUN"),
        (["train", MODEL, "--config", "a.toml"], "give a MODEL, or --config FILE.toml, or --like RUN"),
        (["train", "--like", "x", "--preset", "dense"], "--like takes all parameters of the other run"),
        (["plot", "x", "learning", "--width", "89"], "must be a length such as 89mm, got '89'"),
        (["plot", "x", "al"], "did you mean 'all'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, message):
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 2 and message in " ".join(re.sub("[│╭╮╰╯─]", " ", result.output).split())


@pytest.mark.parametrize("name", model_file.names())
def test_every_models_settings_are_read_again(tmp_path, name):
    """Quantities, too, which a text of TOML has as ``"20 ms"``."""
    (tmp_path / "run.toml").write_text(config_text(name))
    settings, model = read_settings(tmp_path / "run.toml"), model_file.load(name)
    assert model.recorded(model.params(settings["changes"])) == model.recorded(model.params())
    assert new_run(tmp_path, **settings).config == new_run(tmp_path, name).config
