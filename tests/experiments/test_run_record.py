"""The record of a run: every value is checked, and a change of any is noticed."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from run_helpers import printed

from spikefa.errors import RunError, SpikefaError
from spikefa.experiments import run_record
from spikefa.experiments.run import open_run


def rewrite(run, **changes):
    """Write a record with other values, and with a digest that fits them."""
    path = run.directory / "run.json"
    path.write_text(run_record.sealed(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        *(("streams", value, "streams must be a positive whole number, got") for value in ("20", 0, [1], True, None)),
        ("streams", 10**12, "streams must be a whole number, from 1 to 1000000, got 1000000000000"),
        ("seed", 2**32, "seed must be a whole number from 0 to"),
        ("validation", -1, "validation must be a whole number, at least 0, got -1"),
        ("classes", 1, "classes must be a whole number, at least 2, got 1"),
        ("data", None, "data must be a text, got None"),
        ("data_dir", 3, "data_dir must be a text, got 3"),
        ("model_sha256", 3, "model_sha256 must be a text, got 3"),
        ("params", [], "params must map names to values, got"),
        ("config", {}, "epochs must be a whole number, at least 0, got None"),
        ("schedule", 1, "schedule must be a list of texts, got 1"),
        ("schedule", [1], r"schedule must be a list of texts, got \[1\]"),
        ("device", None, "device must be a text, got None"),
        ("config", {"epochs": 10**9}, "epochs must be at most 1,000,000, got 1000000000"),
        ("config", {"epochs": "3"}, "epochs must be a whole number, at least 0, got '3'"),
    ],
)
def test_values_that_cannot_be_are_named(trained, name, value, rule):
    rewrite(trained, **{name: value})
    with pytest.raises(RunError, match=f"run.json: .*{rule}"):
        open_run(trained.directory)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"hidden": []}, "hidden must name at least one hidden layer"),
        ({"eta": 1e308}, "eta must be within .*, got 1e.308"),
        ({"eta": "fast"}, "eta must be a number, got 'fast'"),
        ({"etta": 1}, "no parameter 'etta'"),
    ],
)
def test_so_are_parameters(trained, changes, rule):
    rewrite(trained, params=asdict(trained.params) | changes)
    with pytest.raises(SpikefaError, match=rule):
        open_run(trained.directory)


def test_a_changed_record_is_refused_wherever_a_run_is_opened(trained):
    path = trained.directory / "run.json"
    path.write_text(path.read_text().replace('"eta": 0.001', '"eta": 0.002'))
    for command in (["resume"], ["evaluate"], ["plot", "learning"]):
        with pytest.raises(RunError, match=r"run.json: was changed since the run wrote it; restore it from a copy"):
            printed(command[0], trained.directory, *command[1:])


def test_flipped_and_cut_bytes_are_refused_or_harmless(trained):
    path, rng = trained.directory / "run.json", np.random.default_rng(0)
    whole, good, refused = path.read_bytes(), run_record.read(trained.directory), 0
    for at in rng.integers(0, len(whole), 100):
        flipped = whole[:at] + bytes([whole[at] ^ 1 << rng.integers(8)]) + whole[at + 1 :]
        path.write_bytes(flipped if rng.random() < 0.8 else whole[:at])
        try:
            assert run_record.read(trained.directory) == good
        except RunError as error:
            assert "run.json" in str(error) and "\n" not in str(error)
            refused += 1
    assert refused > 70


def test_a_run_made_longer_has_a_digest_of_its_new_record(trained):
    trained.ending_after(3).write_epochs()
    assert open_run(trained.directory).config.epochs == 3


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": NaN}', "3", "\ufeff{}"])
def test_other_texts_are_no_records(trained, text):
    (trained.directory / "run.json").write_text(text)
    with pytest.raises(RunError, match=r"run.json: (cannot be read|must have format)"):
        open_run(trained.directory)


def test_a_record_of_gigabytes_is_not_read(trained):
    with open(trained.directory / "run.json", "r+b") as f:
        f.truncate(2**32)
    with pytest.raises(RunError, match=r"run.json: must have at most 16,777,216 bytes, got 4,294,967,296"):
        open_run(trained.directory)
