"""The commands, as a user calls them."""

import ast
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

import spikefa
from spikefa._environment import check_environment
from spikefa.cli import app, main
from spikefa.cli.errors import HINTS, errors_as_sentences, warnings_as_sentences
from spikefa.errors import SpikefaError, SpikefaWarning
from spikefa.plotting.figures import figures

SMALL = [
    "--data",
    "digits",
    "--streams",
    "20",
    "--set",
    "pixels=64",
    "--set",
    "hidden=30,20",
    "--set",
    "outputs=20",
    "--epochs",
    "1",
    "--set",
    "weight_range=0.2",
]


def run_command(*arguments):
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "spikefa", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
    )


def call(*arguments, code=0):
    """Run a command that exits with the code; return what it printed."""
    done = run_command(*arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def call_here(monkeypatch, capsys):
    """A function as `call`, in this process: half of a short command's time goes into imports."""
    monkeypatch.setattr("spikefa.engine.compile_ahead.begin", lambda *given: None)

    def call_here(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["spikefa", *map(str, arguments)])
        for name in ("stdout", "stderr"):  # which `main` replaces
            monkeypatch.setattr(sys, name, getattr(sys, name))
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        assert (end.value.code or 0) == code, printed.out + printed.err
        return printed.out

    return call_here


@pytest.mark.parametrize(
    "command",
    [
        "train",
        "resume",
        "show",
        "sweep",
        "study",
        "evaluate",
        "plot",
        "models",
        "config",
        "demo",
        "bench",
        "view",
        "report",
    ],
)
def test_help_of_each_command(command):
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0 and len(result.output.splitlines()) > 4


def test_train_evaluate_and_plot(tmp_path):
    run = tmp_path / "run"
    printed = call("train", "lillicrap2016_spiking", *SMALL, "--run", run)
    assert re.search(
        r"epoch 1: test error [\d.]+%, training [\d.]+%, \d+ s\nTest error [\d.]+% after 1 epoch\.", printed
    )
    assert f"Wrote {run}/: run.json, model.py, metrics.csv, checkpoint.h5, recordings/" in printed
    said = re.search(r"Test error ([\d.]+%)", printed)[1]
    evaluated = call("evaluate", run)
    assert f"test error {said} of 360 images at 5 steps an image" in evaluated and "Wrote nothing." in evaluated
    longer = call("resume", run, "--epochs", 2)
    assert re.search(r"Test error [\d.]+% after 2 epochs", longer)
    assert "epochs must be at least 2, since " in call("resume", run, "--epochs", 1, code=2)
    for figure in (*figures, *figures.aliases):
        printed = CliRunner().invoke(app, ["plot", str(run), figure]).output
        assert f"Wrote {run / 'figures' / figure}.png" in printed
        assert (run / "figures" / f"{figure}.png").read_bytes()[:4] == b"\x89PNG"
    out = tmp_path / "elsewhere" / "figure.pdf"
    call("plot", run, "figure4", "--out", out)
    assert out.read_bytes()[:4] == b"%PDF"


def test_a_models_own_number_of_epochs(tmp_path, call_here):
    arguments = [*SMALL[:-4], *SMALL[-2:], "--no-record-activity"]
    assert "--epochs" not in arguments
    printed = call_here("train", "lillicrap2016_spiking", *arguments, "--set", "epochs=2", "--run", tmp_path / "run")
    assert re.search(r"Test error [\d.]+% after 2 epochs", printed)


def test_models_are_listed():
    assert "lillicrap2016_spiking" in call("models")


def test_a_models_parameters_and_presets_are_printed(model, call_here):
    printed = call_here("models", "lillicrap2016_spiking")
    for parameter in model.describe().parameters:
        assert re.search(rf"^  {parameter.name}=.* \({re.escape(parameter.type)}.*\)\n +\S", printed, re.M)
    assert "eta=0.001  (number, at least 0)\n      Learning rate" in printed
    assert re.search(r"^  digits\n +pixels=64, .*hidden=", printed, re.M)
    assert all(f"\n  {preset}\n" in printed for preset in model.presets)


BAD = [
    (["train", "nothing"], "Model 'nothing': no such model or file; there are"),
    (["models", "lillicrap2016_spikin"], r"did you mean 'lillicrap2016_spiking'\?"),
    (["train", "lillicrap2016_spiking", "--preset", "digts"], r"did you mean 'digits'\?"),
    (
        ["train", "lillicrap2016_spiking", "--data", "digits", "--set", "pixels=784"],
        r"images must be \(n, 784\) for input 'image'",
    ),
    (["train", "lillicrap2016_spiking", "--data", "./nothing.npz"], "nothing.npz: expected a file .npz, or a folder"),
    (["train", "lillicrap2016_spiking", "--data", "no_such:function"], "no module 'no_such'"),
    (["show", "/nowhere"], "is no run directory"),
    (
        ["train", "lillicrap2016_spiking", *SMALL, "--set", "outputs=25"],
        "must have equal groups of units for 10 classes",
    ),
    (["train", "lillicrap2016_spiking", *SMALL, "--set", "etta=1"], "no parameter 'etta'"),
    (
        ["train", "lillicrap2016_spiking", *SMALL, "--set", "rule=dW = eta * q_pre"],
        "'q_pre' needs a variable 'q'",
    ),
    (
        ["train", "lillicrap2016_spiking", *SMALL, "--validation", "5000"],
        "validation must be an integer from 0 to",
    ),
    (["train", "lillicrap2016_spiking", "--data-dir", "/nowhere"], "/nowhere: expected a directory"),
    (["resume", "/nowhere"], "is no run directory"),
    (["plot", "/nowhere", "raster"], "is no run directory"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_calls_end_with_one_sentence(arguments, message, tmp_path, call_here):
    more = ["--run", tmp_path / "run"] if arguments[0] == "train" else []
    printed = call_here(*arguments, *more, code=2)
    assert re.search(message, printed), printed
    assert "Traceback" not in printed and not (tmp_path / "run").exists()


def test_an_existing_run_is_not_overwritten(tmp_path, call_here):
    untrained = ["--epochs", "0", "--no-record-activity", "--run", tmp_path / "run"]
    call_here("train", "lillicrap2016_spiking", *SMALL, *untrained)
    before = (tmp_path / "run" / "checkpoint.h5").read_bytes()
    printed = call_here("train", "lillicrap2016_spiking", *SMALL, "--run", tmp_path / "run", code=2)
    assert (
        "holds a run already\nGo on with: spikefa resume DIRECTORY, or give another directory with --run.\n" in printed
    )
    assert (tmp_path / "run" / "checkpoint.h5").read_bytes() == before


def test_demo_quick(tmp_path):
    printed = call("demo", "--epochs", "2", "--run", tmp_path / "demo")
    assert printed.count("Wrote") == 12 and (tmp_path / "demo" / "figures" / "activity.png").exists()


def test_broken_pair_of_packages_gets_one_sentence():
    with pytest.raises(ImportError, match=r'Brian2 2.9.0 cannot be imported with numpy 2.4.1; run: .*"numpy<2.4"'):
        check_environment({"brian2": "2.9.0", "numpy": "2.4.1"}.get)
    check_environment({"brian2": "2.10.1", "numpy": "2.4.1"}.get)


def test_train_refuses_equations_that_cannot_run_before_anything_is_written(model, tmp_path, call_here):
    mine, run = tmp_path / "mine.py", tmp_path / "run"
    mine.write_text(model.source.replace("(I - v) / tau", "(I - v - b) / tau"))
    printed = call_here("train", mine, *SMALL, "--run", run, code=2)
    said = (
        "Layer 'h1': The identifier \"b\" could not be resolved; if it is a constant, give it by namespace={'b': ...}"
    )
    assert " ".join(printed.split()) == f"spikefa: {said}"
    assert not run.exists()


def test_the_traceback_of_a_mistake_in_a_models_python_ends_with_it(model, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(model.source.replace("fa.classification_task(", "fa.classification_tusk("))
    done = run_command("train", mine, *SMALL, "--run", tmp_path / "run")
    assert done.returncode == 1 and not (tmp_path / "run").exists()
    assert done.stderr.splitlines()[0] == "Traceback (most recent call last):"
    assert "attribute classification_tusk" in done.stderr.splitlines()[-1] and f'"{mine}"' in done.stderr


def test_an_internal_error_shows_its_traceback(model, tmp_path):
    mine = tmp_path / "mine.py"
    mine.write_text(
        model.source.replace("    fa.classification_task(", "    int('no number')\n    fa.classification_task(")
    )
    done = run_command("train", mine, *SMALL, "--run", tmp_path / "run")
    assert done.returncode == 1 and done.stderr.splitlines()[0] == "Traceback (most recent call last):"
    assert done.stderr.splitlines()[-1].startswith("ValueError: invalid literal")


def test_what_cannot_be_written_ends_with_one_sentence(tmp_path, call_here):
    run = tmp_path / "run"
    call_here("train", "lillicrap2016_spiking", *SMALL, "--epochs", "0", "--run", run)
    (run / "figures").write_text("a file where the directory should be")
    printed = call_here("plot", run, "learning", code=3)
    assert printed.startswith("spikefa: ") and "File exists" in printed


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (["--hepl"], "Did you mean --help?"),
        (["train", "mnist", "--epoch", "3"], "Did you mean --epochs?"),
        (["evaluate", "run", "--steps", "3"], "Did you mean --steps-per-image?"),
        (["plot", "run", "--wdth", "89mm"], "Did you mean --width?"),
        (["evaluate", "run", "--device", "cud"], "did you mean 'cuda'?"),
        (["plot", "run", "rastr"], "did you mean 'raster'?"),
        (["trian", "mnist"], "Did you mean 'train'?"),
    ],
)
def test_misspelt_words_get_a_suggestion(arguments, suggestion):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2 and suggestion in " ".join(result.output.split())


@pytest.mark.parametrize("arguments", [["export", "run", "--format", "nwb"], ["plot", "run", "--titel", "a"], ["-x"]])
def test_an_option_that_is_like_no_other_gets_none(arguments):
    result = CliRunner().invoke(app, arguments)
    said = " ".join(result.output.split())
    assert result.exit_code == 2 and "No such option" in said and "mean" not in said and "ossible" not in said


def test_a_misspelt_data_set_gets_a_suggestion(tmp_path, call_here):
    printed = call_here("train", "lillicrap2016_spiking", "--data", "fashion-minst", "--run", tmp_path / "run", code=2)
    assert "did you mean 'fashion-mnist'?" in " ".join(printed.split()) and not (tmp_path / "run").exists()


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["plot", "--help"], ["bench", "--help"]])
def test_help_is_fast_and_imports_no_simulator(arguments):
    """Under 0.5 s of the processor's time; the limit here leaves room for a slower one."""
    code = (
        "import resource, sys\nfrom spikefa.cli import app\ntry:\n    app(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'brian2', 'numba', 'matplotlib', 'h5py', 'sklearn'} & set(sys.modules)\n"
        "usage = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print('RESULT', sorted(heavy), usage.ru_utime + usage.ru_stime)"
    )
    seconds = []
    for _ in range(3):  # the least of a few: the first may write caches, and others use the machine
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
        heavy, _, time = done.stdout.rpartition("RESULT ")[2].rpartition(" ")
        assert heavy == "[]", heavy
        seconds.append(float(time))
    assert min(seconds) < 0.8


def test_every_hint_has_a_sentence():
    sources = [path.read_text() for path in Path(spikefa.__file__).parent.rglob("*.py")]
    assert {hint for source in sources for hint in re.findall(r'hint="([^"]+)"', source)} == set(HINTS)


def test_a_hint_of_other_code_is_printed_as_it_is(capsys):
    with pytest.raises(SystemExit) as stopped, errors_as_sentences():
        raise SpikefaError("it cannot work", hint="Turn it off and on.")
    assert stopped.value.code == 2 and capsys.readouterr().out == "spikefa: it cannot work\nTurn it off and on.\n"


def test_library_messages_name_no_option():
    package, found = Path(spikefa.__file__).parent, []
    for path in package.rglob("*.py"):
        if path.parent.name != "cli":
            raised = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Raise)]
            texts = [str(part.value) for node in raised for part in ast.walk(node) if isinstance(part, ast.Constant)]
            found += [f"{path.relative_to(package)}: {text}" for text in texts if re.search(r"(^|\W)--[a-z]", text)]
    assert not found


def test_a_warning_for_users_is_one_sentence(capsys):
    with warnings_as_sentences(), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("x: is not the published file", SpikefaWarning, stacklevel=1)
    assert capsys.readouterr().out == "spikefa: x: is not the published file\n"
