"""A search with Optuna: seeded, pruned, and gone on with."""

import pytest
from run_helpers import printed

import spikefa as fa
from spikefa.errors import ArgumentError
from spikefa.experiments.run import new_run
from spikefa.study.progress import Silent

optuna = pytest.importorskip("optuna")

from spikefa.study import search  # noqa: E402

VARY = {"eta": fa.Interval(1e-4, 2e-3, log=True), "sizes": [(64, 5, 10), (64, 8, 10)]}


@pytest.fixture
def searching(study):
    def state(directory="study", trials=3, **more):
        return study(directory, VARY, **{"search": trials, "objective": "train_error"} | more)

    return state


def trials(study):
    return optuna.load_study(study_name="spikefa", storage=f"sqlite:///{study.directory / search.STORAGE}").trials


def test_a_search_trains_what_it_proposes_and_goes_on(searching, rate, tmp_path):
    made = searching(validation=237)
    rows = made.run(workers=0, progress=False)
    assert [row["status"] for row in rows] == ["done"] * 3
    for trial, row, point in zip(trials(made), rows, made.points, strict=True):
        assert trial.value == row["train_error"] and trial.params["eta"] == pytest.approx(point["eta"], rel=1e-3)
        assert trial.params["sizes"] == ",".join(map(str, point["sizes"]))
    settings = made.settings | {"seed": 0}
    alone = new_run(tmp_path / "alone", rate, made.changes | made.points[0], **settings).train()
    assert alone["validation_error"][-1] == rows[0]["validation_error"]
    lowest = min(made.table(), key=lambda row: row["validation_error_mean"])
    assert made.best() == {name: lowest[name] for name in VARY}
    more = searching(trials=4).run(workers=0, progress=False)
    assert more[:3] == rows and len(more) == 4
    assert printed("study", made.directory).count("1/1") == 4


def test_worse_points_are_pruned(searching, monkeypatch):
    pruner = optuna.pruners.ThresholdPruner(upper=0.0)  # everything is worse
    monkeypatch.setattr(optuna.pruners, "MedianPruner", lambda **options: pruner)
    made = searching(trials=2, epochs=3)
    rows = made.run(workers=0, progress=False)
    assert [row["status"] for row in rows] == ["pruned"] * 2
    assert all(row["epoch"] == 1 and "worse than the median" in row["message"] for row in rows)
    assert [trial.state.name for trial in trials(made)] == ["PRUNED"] * 2
    assert made.run(workers=0, progress=False) == rows


def test_a_search_that_was_killed_proposes_its_open_points_again(searching):
    class Killed(Exception):
        pass

    class Kills(Silent):
        def handle(self, event):
            if event.kind == "row" and event.data["epoch"] == 1 and event.name not in ended:
                raise Killed
            if event.kind == "done":
                ended.append(event.name)

    made, ended = searching(trials=2, epochs=2), []
    with pytest.raises(Killed):
        made.run(workers=0, progress=Kills())
    assert [trial.state.name for trial in trials(made)] == ["RUNNING"] and len(made.rows()) == 1
    rows = made.run(workers=0, progress=False)
    assert [row["status"] for row in rows] == ["done"] * 2
    assert [trial.state.name for trial in trials(made)] == ["FAIL", "COMPLETE", "COMPLETE"]


def test_a_search_needs_something_to_search(study):
    with pytest.raises(ArgumentError, match="vary must have a parameter to search"):
        study(vary={}, search=3)
