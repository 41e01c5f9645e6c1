"""Sections by name, and what is written of them."""

import json
import sys

import pytest

from spikefa import cli
from spikefa.bench import chosen, goals, harness, measure, report
from spikefa.bench.sections import sections
from spikefa.errors import ArgumentError


def test_record_names_machine_versions_threads_and_blas(setting):
    record = measure(setting, "images")
    assert record["quick"] is True and record["model"] == setting.model.name
    assert record["params"]["pixels"] == harness.QUICK_SIZES["pixels"]
    assert record["threads"] >= 1 and record["machine"]["cores"] >= 1
    assert {"spikefa", "python", "brian2", "numpy", "numba", "scipy"} <= set(record["versions"])
    assert any("openblas" in b["internal_api"] or "mkl" in b["internal_api"] for b in record["blas"])
    assert record["numba_threading_layer"] != "not started"
    words = report.in_words(record)
    assert record["machine"]["processor"] in words and record["versions"]["numpy"] in words
    assert [g["row"] for g in record["goals"]] == [goal.row for goal in goals.GOALS]
    assert all(g["met"] is None for g in record["goals"])  # quick: no judgement


def test_sections_are_chosen_by_name():
    assert chosen(None) == list(sections)
    assert chosen("one-stream, step,one-stream") == ["one-stream", "step"]
    for none in ("", ","):
        with pytest.raises(ArgumentError, match=r"^benchmark: sections must be at least one of brian2, convolution, .*, got "):
            chosen(none)
    with pytest.raises(ArgumentError, match=r"^no benchmark section 'stp'; there are .*; did you mean 'step'"):
        chosen("step,stp")


def test_a_file_that_cannot_be_written_is_refused_at_once(setting, tmp_path):
    with pytest.raises(OSError, match="cannot write the measurements"):
        measure(setting, "step", tmp_path / "nowhere" / "bench.json", lambda *done: pytest.fail("measured first"))


def test_rows_measured_before_an_interruption_are_kept(setting, tmp_path):
    def interrupted(setting, section):
        """Begin."""
        section.add("step", "a step", "ms", [0.5])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(setting, None, tmp_path / "bench.json", known={"step": interrupted})
    written = json.loads((tmp_path / "bench.json").read_text())["sections"]["step"]
    assert written["title"] == "Begin" and written["rows"]["step"]["median"] == 500


def run_command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["spikefa", "bench", "--quick", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return stopped.value.code


def test_command(tmp_path, monkeypatch, capsys):
    file = tmp_path / "b.json"
    assert run_command(monkeypatch, "--only", "images", "--out", file) == 0
    out = capsys.readouterr().out
    assert "Goals" in out and "the numbers mean nothing" in out and str(file.name) in out.replace("\n", "")
    assert set(json.loads(file.read_text())["sections"]) == {"images"}


def test_command_refuses_unknown_sections(monkeypatch, capsys):
    assert run_command(monkeypatch, "--only", "step,stp") == 2
    assert "no benchmark section 'stp'; there are" in capsys.readouterr().out
