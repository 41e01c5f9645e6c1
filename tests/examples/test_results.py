"""The examples' results: every file is of its form, names files that exist, and is what the pages show."""

import importlib.util
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import documents
import pytest

from spikefa.experiments import model_file

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "examples").glob("*/results.toml"))
PAGES = documents.written()
PAPERS = {"dargazany2019", "differential_stdp", "lansdell2020", "lillicrap2016", "millidge2020", "nokland2016"}


def loaded(path):
    """A module of the checkout, which is no part of the package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_results = loaded(ROOT / "examples" / "_results.py")
_generate = loaded(ROOT / "docs" / "generate_results.py")
ENTRY = {"id": "one", "group": "a", "claim": "learns", "unit": "%", "verdict": "reproduced"}


def results_of(*entries):
    return _results.Results(Path("results.toml"), "a paper", [ENTRY | entry for entry in entries])


def test_each_paper_has_results():
    assert {path.parent.name for path in FILES} >= PAPERS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_results_are_of_their_form_and_name_files_that_exist(path):
    results = _results.load_results(path)
    assert len(results) > 0
    for result in results:
        for name in (result.script, result.figure, result.metrics):
            assert name is None or (path.parent / name).is_file(), f"{result.id}: {name}"
        if result.script is not None and result.command is not None and result.command.startswith("python "):
            assert (ROOT / result.command.split()[1]).is_file(), result.command


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name)
def test_results_that_scripts_check_against_are_there(path):
    results = _results.load_results(path)
    for script in path.parent.glob("*.py"):
        for name in re.findall(r'RESULTS\.(?:check|value|values)\("(\w+)"', script.read_text()):
            assert results[name].margin is not None, f"{script.name}: {name}"


def commands():
    """Every ``spikefa train`` command of the results and of the pages, as lists of words."""
    said = [result.command for path in FILES for result in _results.load_results(path) if result.command]
    for page in [*PAGES, ROOT / "README.md"]:
        said += re.findall(r"`((?:spikefa )?train \w+ [^`]*--[^`]*)`", page.read_text())
        said += re.findall(r"^(spikefa train .*?)(?: *#.*)?$", page.read_text(), re.M)
    trained = (shlex.split(command) for command in dict.fromkeys(said) if "train " in command)
    return [words[words.index("train") :] for words in trained if words[words.index("train") + 1] != "./mine.py"]


def test_commands_name_presets_and_parameters_that_models_have():
    found = commands()
    assert len(found) > 80
    for words in found:
        if words[1].startswith("-"):  # train --config, --like
            continue
        model = model_file.load(words[1])
        given = list(pairwise(words))
        preset = next((value for option, value in given if option == "--preset"), None)
        if preset is not None and preset.isupper():  # NAME, P: any of them
            preset = None
        changes = [value for option, value in given if option == "--set" and not value.endswith("=A")]
        model.params(model.parse(changes), preset)  # refuses what is not there


def test_the_pages_are_what_the_generator_makes():
    command = [sys.executable, ROOT / "docs" / "generate_results.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.stem)
def test_links_of_the_pages_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if "generated/" in link:  # made with the site, whose build checks it
            continue
        assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"


def test_mean_and_deviation_follow_from_the_values_of_the_seeds():
    result = results_of({"seeds": [0, 1, 2], "values": [1.0, 2.0, 3.0]})["one"]
    assert (result.mean, result.sd, result.n) == (2.0, 1.0, 3)


def test_a_part_has_what_its_result_has():
    results = results_of(
        {"seeds": [0], "values": [1.0], "steps": 20, "paper": 3.0}, {"id": "two", "of": "one", "mean": 4.0, "steps": 5}
    )
    part = results["two"]
    assert (part.claim, part.unit, part.steps, part.paper) == ("learns", "%", 5, None)
    assert [result.id for result in results.parts(results["one"])] == ["two"]


@pytest.mark.parametrize(
    "entry, message",
    [
        ({}, "one of values, mean and text must be there"),
        ({"mean": 1.0, "verdict": "good"}, "verdict must be one of"),
        ({"mean": 1.0, "colour": "red"}, "no key 'colour'"),
        ({"mean": "1"}, "mean must be int"),
        ({"values": [1.0]}, "one a seed"),
        ({"values": [1.0, 2.0], "seeds": [0]}, "there must be one value a seed"),
        ({"values": [1.0], "seeds": [0], "mean": 1.0}, "mean must be left out"),
        ({"mean": 1.0, "of": "zero"}, "of must be an entry above"),
        ({"mean": 1.0, "id": "No spaces"}, "id must be made of"),
    ],
)
def test_an_entry_that_is_not_of_the_form_is_refused(entry, message):
    with pytest.raises(_results.ResultsError, match=message):
        results_of(entry)


def test_two_results_of_one_name_are_refused():
    with pytest.raises(_results.ResultsError, match="two results have the id 'one'"):
        results_of({"mean": 1.0}, {"mean": 2.0})


def test_numbers_within_the_margin_pass_and_others_do_not():
    results = results_of({"mean": 2.0, "n": 3, "margin": 0.5})
    results.check("one", [1.6, 2.2])
    for wrong in ([2.4, 2.8], 1.4, float("nan")):
        with pytest.raises(_results.ResultsError, match=r"must be 2 within 0.5"):
            results.check("one", wrong)


def test_one_of_the_values_can_be_checked():
    results = results_of({"values": [1.0, 5.0], "over": "layers", "margin": 0.5})
    results.check("one", 5.1, at=1)
    with pytest.raises(_results.ResultsError, match="must be 5 within"):
        results.check("one", 1.0, at=1)
    with pytest.raises(_results.ResultsError, match="have no mean"):
        results.check("one", 1.0)


def test_each_seed_is_held_to_its_own_number():
    results = results_of({"values": [1.0, 5.0], "seeds": [0, 2], "margin": 0.5})
    results.check_seeds("one", [1.1])
    results.check_seeds("one", [1.1, 9.0, 5.1, 9.0])  # it has no seeds 1 and 3
    for wrong in ([5.0], [1.0, 5.0, 1.0]):
        with pytest.raises(_results.ResultsError, match=r"within 0\.5"):
            results.check_seeds("one", wrong)


def test_a_table_may_have_columns_of_parts():
    part = {"id": "one_angles", "of": "one", "values": [61, 62], "over": "h1, h2", "unit": "degrees"}
    lines = _generate.table(results_of({"values": [3.5], "seeds": [0], "steps": 5}, part), "a", ["angles"]).split("\n")
    assert lines[0] == "| claim | here | seeds | angles |"
    assert lines[2].endswith("| **3.5 %** | 1 | 61, 62 |")
