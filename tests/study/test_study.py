"""Studies in this process: trained, gone on with, added to, and what they have found."""

import csv
import json
import math
import shutil
import signal
import statistics
import sys

import numpy as np
import pytest
from run_helpers import printed
from study_runs import assert_same, study_of

import spikefa as fa
from spikefa.cli import sweep
from spikefa.cli.errors import in_words
from spikefa.errors import ArgumentError, ModelError, RunError
from spikefa.experiments.run import new_run
from spikefa.study import results
from spikefa.study.progress import Silent

#: The last one does not fit 10 classes.
SIZES = {"sizes": [(64, 5, 10), (64, 6, 10), (64, 5, 11)]}


@pytest.fixture(scope="module")
def once(rate, tmp_path_factory):
    made = study_of(tmp_path_factory.mktemp("once") / "study", rate, SIZES, 2)
    made.run(workers=0, progress=False)
    return made


@pytest.fixture
def trained(once, tmp_path):
    """A study of six runs, of which two have failed."""
    return fa.open_study(shutil.copytree(once.directory, tmp_path / "study"))


def test_a_study_is_trained_opened_added_to_and_tells_what_failed(trained, study, rate, tmp_path):
    rows = trained.rows()
    assert [row["status"] for row in rows] == ["done"] * 4 + ["failed"] * 2
    assert "equal groups of units for 10 classes" in rows[4]["message"]
    alone = new_run(
        tmp_path / "alone", rate, trained.changes | {"sizes": (64, 6, 10)}, seed=1, **trained.settings
    ).train()
    (row,) = [row for row in rows if row["run"] == "sizes=64,6,10_seed=1"]
    assert (row["validation_error"], row["test_error"]) == (alone["validation_error"][-1], alone["test_error"][-1])

    table = trained.table()
    own = [row["test_error"] for row in rows[:2]]
    assert (table[0]["test_error_mean"], table[0]["test_error_sd"]) == (statistics.fmean(own), statistics.stdev(own))
    assert table[2]["failed"] == 2 and math.isnan(table[2]["test_error_mean"])
    validation = [row["validation_error_mean"] for row in table[:2]]
    assert trained.best() == {"sizes": SIZES["sizes"][int(np.argmin(validation))]}

    opened = fa.open_study(trained.directory)
    assert json.dumps(opened.rows()) == json.dumps(rows)
    before = {path: path.read_bytes() for path in trained.directory.rglob("*.h5")}
    opened.run(workers=0, progress=False)
    assert {path: path.read_bytes() for path in trained.directory.rglob("*.h5")} == before
    more = study(seeds=3, vary=SIZES)
    assert [row["status"] for row in more.run(workers=0, progress=False)].count("done") == 6
    assert all(path.read_bytes() == held for path, held in before.items())


def test_the_best_point_is_not_chosen_by_the_test_error(trained):
    rows = trained.rows()[:4]
    for row, validation, test in zip(rows, (0.2, 0.2, 0.3, 0.3), (0.9, 0.9, 0.1, 0.1), strict=True):
        row |= {"validation_error": validation, "test_error": test}
    assert results.best(trained, rows) == {"sizes": (64, 5, 10)}
    rows[0]["status"] = "begun"
    assert results.best(trained, rows) == {"sizes": (64, 6, 10)}
    for row in rows:
        row["validation_error"] = math.nan
    with pytest.raises(RunError, match="has no best point yet"):
        results.best(trained, rows)


def test_tables_and_commands(trained):
    said = printed("study", trained.directory)
    for text in ("2/2", "±", "failed: sizes=64,5,11_seed=0: ", "Best by validation error: sizes=64,"):
        assert text in said
    with open(trained.directory / "results.csv", newline="") as file:
        found = list(csv.DictReader(file))
    assert [float(row["test_error"]) for row in found[:4]] == [row["test_error"] for row in trained.rows()[:4]]
    with open(trained.directory / "evaluations.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == 4 * 2  # of each run that began, before and after its epoch
    assert (trained.directory / "figures" / "learning.png").read_bytes()[:4] == b"\x89PNG"
    parquet = pytest.importorskip("pyarrow.parquet")
    read = parquet.read_table(trained.directory / "results.parquet").to_pylist()
    assert [row["run"] for row in read] == list(trained.runs) and read[0]["sizes"] == "64,5,10"
    pandas = pytest.importorskip("pandas")
    assert isinstance(trained.results(), pandas.DataFrame) and len(trained.results()) == 6


def test_a_figure_has_errors_in_per_cent(trained):
    ax = fa.plotting.plot_study(trained, "test_error")
    assert ax.get_ylabel() == "Test error (%), mean ± sd over seeds"
    ends = sorted(line.get_ydata()[-1] for line in ax.lines)
    errors = [row["test_error_mean"] for row in trained.table() if row["done"]]
    np.testing.assert_allclose(ends, sorted(100 * error for error in errors))


def test_the_command_states_what_python_does(study, tmp_path, rate):
    arguments = ["sweep", rate.path, "--data", "digits", "--streams", 100, "--validation", 237, "--epochs", 0]
    arguments += [
        "--set",
        "eta=1e-3,2e-3",
        "--set",
        "sizes=64,5,10",
        "--set",
        "classes=10",
        "--set",
        "weight_range=0.3",
    ]
    said = printed(*arguments, "--seeds", "0:2", "--workers", 0, "--study", tmp_path / "study")
    assert "rate_model: 2 points of eta, seeds 0, 1: 4 runs in" in said and "4 of 4 runs are done" in said
    assert all(row["status"] == "done" for row in study(seeds=2, epochs=0).run(workers=0, progress=False))
    assert "4 of 4 runs are done" in printed("sweep", "--study", tmp_path / "study", "--workers", 0)


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ("2", "seed 2: 2 runs in"),
        ("0:1", "seed 0: 2 runs in"),
        ("3,1", "seeds 3, 1: 4 runs in"),
        ("0:50", "seeds 0 to 49: 100 runs in"),
        ("1,2,3,4,5,6,7,8,9,11,12", "seeds 1, 2, 3, 4, 5, 6, 7, 8, 9, and 2 more: 22 runs in"),
    ],
)
def test_a_study_says_which_seeds_it_trains(study, seeds, said):
    assert f": 2 points of eta, {said} " in study(seeds=sweep._seeds(seeds)).in_words()


def test_an_interval_without_a_draw_names_the_options(rate, tmp_path):
    arguments = ["sweep", rate.path, "--data", "digits", "--set", "eta=log:1e-4..1e-2", "--study", tmp_path / "study"]
    with pytest.raises(ArgumentError, match=r"values of eta must be a list without random or search, got ") as caught:
        printed(*arguments)
    assert in_words(caught.value)["hint"].endswith("--random N, or let Optuna choose them with --search N.")
    assert not (tmp_path / "study").exists()


def test_an_interrupt_stops_it_and_it_goes_on_bit_for_bit(study):
    made, seen = study(epochs=3), []

    class Interrupting(Silent):
        def handle(self, event):
            seen.append(event)
            if event.kind == "row" and event.data["epoch"] >= 1:
                signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt):
        made.run(workers=0, progress=Interrupting())
    assert [row["status"] for row in made.rows()] == ["begun", "missing"]
    made.run(workers=0, progress=False)
    other = study("at once", epochs=3)
    other.run(workers=0, progress=False)
    assert_same(made.runs, other.runs)


def test_a_run_killed_while_it_was_made_is_made_again(study):
    made = study(epochs=0)
    made.create()
    broken = made.directory / "runs" / "eta=0.001_seed=0"
    broken.mkdir(parents=True)
    (broken / "run.json").write_text('{"model": "ra')
    assert [row["status"] for row in made.run(workers=0, progress=False)] == ["done", "done"]


def test_failed_runs_are_tried_again_when_asked_to(study):
    made = study(epochs=0)
    made.create()
    results.write_end(made, "eta=0.001_seed=0", "failed", "the disk was full")
    assert [row["status"] for row in made.run(workers=0, progress=False)] == ["failed", "done"]
    assert [row["status"] for row in made.run(workers=0, retry=True, progress=False)] == ["done", "done"]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"seeds": []}, ArgumentError, "seeds must be different, and at least one"),
        ({"seeds": [0, 0]}, ArgumentError, "seeds must be different"),
        ({"seeds": -1}, ArgumentError, "seeds must be a positive whole number, got -1"),
        ({"seed": 1}, ArgumentError, "seed must be given as seeds"),
        ({"changes": {"eta": 1.0}}, ArgumentError, "changes must leave eta to the values that vary"),
        ({"epoch": 1}, ArgumentError, "did you mean 'epochs'"),
        ({"random": 3}, ArgumentError, "random must be at most 2"),
        ({"random": 1, "search": 1}, ArgumentError, "only one of points, random and search"),
        ({"points": [{"eta": 5.0}]}, ArgumentError, "eta of a point must be one of its values"),
        ({"search": 3, "validation": 0}, ArgumentError, "validation must be above 0 for a search"),
        ({"search": 3, "objective": "test_error"}, ArgumentError, "objective must be one of"),
        ({"vary": {"sizes": [(64, 5), (64, 0)]}}, ModelError, "sizes must hold"),
    ],
)
def test_what_a_study_cannot_be_is_refused(study, change, error, message, tmp_path):
    with pytest.raises(error, match=message):
        study(**change)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"retry": 1}, "retry must be true or false, got 1"),
        ({"progress": "bar"}, "progress must be true or false, or a Watcher, got 'bar'"),
        ({"scheduler": "here"}, "scheduler must be \"local\", an address such as .*, got 'here'"),
    ],
)
def test_a_training_that_cannot_be_is_refused_before_anything_is_written(study, how, message, tmp_path):
    if "scheduler" in how:
        pytest.importorskip("distributed")
    with pytest.raises(ArgumentError, match=f"^Study.run: {message}"):
        study().run(workers=0, **how)
    assert not [*tmp_path.iterdir()]


def test_a_search_without_optuna_is_refused_before_anything_is_written(study, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "spikefa.study.search", raising=False)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(RunError, match="a search needs Optuna"):
        study(search=3, validation=237).run(workers=0)
    assert not [*tmp_path.iterdir()]


def test_a_network_that_does_not_fit_is_refused_before_anything_is_written(study, tmp_path):
    with pytest.raises(ArgumentError, match="images must be"):
        study(changes={"sizes": (63, 5, 10)}).run(workers=0, progress=False)
    assert not [*tmp_path.iterdir()]


def test_quantities_vary_and_come_back(tmp_path):
    changes = {"pixels": 64, "hidden": (5,), "outputs": 10, "method": "euler", "rho_threshold": "90 Hz"}
    vary = {"tau_m": ["10 ms", "0.02 second"]}
    stated = fa.Study(tmp_path / "study", "escape_lif", vary, changes=changes, data="digits", epochs=0)
    stated.create()
    opened = fa.open_study(tmp_path / "study")
    assert opened.vary == {"tau_m": ["10 ms", "20 ms"]} and opened.changes["rho_threshold"] == "90 Hz"
    assert [float(run.params.tau_m) for _, run in opened.runs.values()] == [0.01, 0.02]


def test_data_that_no_other_process_can_load_are_refused(tmp_path, digits):
    with pytest.raises(
        ArgumentError, match=r"Study: data must be the name of a data set, a file or a folder, .*, got <D"
    ):
        fa.Study(tmp_path / "study", "lillicrap2016_spiking", {"eta": [1e-2]}, data=digits)
    assert not (tmp_path / "study").exists()
