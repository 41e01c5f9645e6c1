"""study.json: written whole, checked when it is read, and only added to."""

import json

import pytest

from spikefa.errors import RunError
from spikefa.study import record

STUDY = {
    "model": "m",
    "model_file": "/m.py",
    "model_sha256": "0",
    "changes": {},
    "vary": {"eta": [1, 2]},
    "points": [{"eta": 1}, {"eta": 2}],
    "seeds": [0],
    "settings": {},
    "resolved": {"streams": 1},
    "search": None,
}


def test_it_is_written_read_and_added_to(tmp_path):
    record.write(tmp_path, STUDY, "source")
    before = (tmp_path / "study.json").read_bytes()
    record.write(tmp_path, STUDY | {"created": "later"}, "source")
    assert (tmp_path / "study.json").read_bytes() == before and (tmp_path / "model.py").read_text() == "source"
    more = STUDY | {"seeds": [0, 1], "vary": {"eta": [1, 2, 3]}, "points": [{"eta": i} for i in (1, 2, 3)]}
    record.write(tmp_path, more, "source")
    found = record.read(tmp_path)
    assert found["seeds"] == [0, 1] and found["earlier"][0]["seeds"] == [0]


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": [1]},
        {"seeds": []},
        {"vary": {"eta": [2, 1]}},
        {"vary": {"eta": [1, 2], "tau": [1]}},
        {"points": [{"eta": 1}]},
        {"changes": {"tau": 1}},
        {"resolved": {"streams": 2}},
        {"model_sha256": "1"},
        {"search": {"trials": 3}},
    ],
)
def test_another_study_is_refused(tmp_path, change):
    record.write(tmp_path, STUDY, "source")
    before = (tmp_path / "study.json").read_bytes()
    with pytest.raises(RunError, match=f"holds a study with {next(iter(change))} .*, not .*; only values and seeds"):
        record.write(tmp_path, STUDY | change, "source")
    assert (tmp_path / "study.json").read_bytes() == before


def test_more_trials_may_be_asked_for(tmp_path):
    search = {"trials": 3, "objective": "train_error"}
    record.write(tmp_path, STUDY | {"points": None, "search": search}, "source")
    record.write(tmp_path, STUDY | {"points": None, "search": search | {"trials": 4}}, "source")
    with pytest.raises(RunError, match="holds a study with search"):
        record.write(tmp_path, STUDY | {"points": None, "search": search | {"objective": "x"}}, "source")


def test_what_was_changed_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"is no study, it has no study\.json"):
        record.read(tmp_path)
    record.write(tmp_path, STUDY, "source")
    path = tmp_path / "study.json"
    whole = path.read_text()
    path.write_text(whole.replace('"seeds": [\n    0', '"seeds": [\n    7'))
    with pytest.raises(RunError, match="was changed since the study wrote it"):
        record.read(tmp_path)
    path.write_text(whole[:100])
    with pytest.raises(RunError, match="cannot be read"):
        record.read(tmp_path)
    path.write_text(json.dumps({"format": 2}))
    with pytest.raises(RunError, match="must have format 1, got 2"):
        record.read(tmp_path)


def test_a_directory_with_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(RunError, match="must be empty or hold this study"):
        record.write(tmp_path, STUDY, "source")
