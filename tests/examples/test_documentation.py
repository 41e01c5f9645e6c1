"""The documentation: short, in plain sentences, with numbers that are those of the results, and links that lead on."""

import importlib.util
import re
import shlex
import tomllib
from statistics import fmean

import documents
import pytest
import typer

import spikefa as fa
from spikefa.cli import app
from spikefa.experiments import model_source

ROOT = documents.ROOT
README = ROOT / "README.md"
PAGES = documents.by_hand()


def loaded(path):
    """A module of the checkout, which is no part of the package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = loaded(ROOT / "docs" / "generate_results.py")
sentence_length = loaded(ROOT / "docs" / "sentence_length.py")
RESULTS = {path.parent.name: generate.load_results(path) for path in (ROOT / "examples").glob("*/results.toml")}
#: ``<!-- results of PAPER: ID ID.goal ... -->``, above what states them.
SOURCE = re.compile(r"<!-- results of (\w+): ([\w.\s]+?) -->")
ELSEWHERE = "<!-- published elsewhere: "
#: What is measured: a percentage with decimals, or a mean with its deviation.
MEASURED = re.compile(r"(?<![\d.])\d+\.\d+(?: ± \d+\.\d+)?(?= %)|(?<![\d.])\d+(?:\.\d+)? ± \d+(?:\.\d+)?")


def page_name(page):
    return str(page.relative_to(ROOT))


def shown(result, what):
    """Numbers of a result as pages show them: the mean, the values, the goal, the paper's, or all that is there."""
    if what in ("goal", "paper"):
        other = getattr(result, what)
        return [generate.compared_with(result) if isinstance(other, str) else generate.number(other)]
    if what == "mean":
        return [f"{fmean(result.values):.{max(generate.decimals(generate.number(x)) for x in result.values)}f}"]
    if what == "values" or (result.over is not None and len(result.values) > 1):
        return generate.numbers(result.values)
    if result.text is not None:
        return [result.text]
    return [generate.mean_of(result)]


def numbers_named(block):
    """For each result that a block names: its paper, its name, and its numbers."""
    for paper, names in SOURCE.findall(block):
        for name in names.split():
            identity, _, what = name.partition(".")
            yield from ((paper, name, number) for number in shown(RESULTS[paper][identity], what))


def wrong_numbers(block):
    """Numbers that a block states differently from the results that it names, or states of none."""
    text, faults, known = re.sub(r"<!--.*?-->", "", block, flags=re.S), [], []
    for paper, name, number in numbers_named(block):
        known.append(number)
        if not re.search(rf"(?<![\d.]){re.escape(number)}(\.0)?(?!\d|\.\d)", text):
            faults.append(f"{paper}: {name} is {number}, which is not there")
    if ELSEWHERE not in block:
        stated = {number.group() for number in MEASURED.finditer(text)}
        numbers = {part for number in known for part in re.findall(r"[\d.]+(?: ± [\d.]+)?", number)}
        faults += [f"{number} is of no result that is named" for number in sorted(stated - numbers)]
    return faults


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_a_page_states_no_number_that_the_results_have_differently(page):
    faults = [fault for block in documents.blocks(page.read_text()) for fault in wrong_numbers(block)]
    assert not faults, f"{page_name(page)}: {faults}"


def test_a_wrong_or_unnamed_number_is_found():
    source = "<!-- results of lillicrap2016: dense -->\n"
    assert wrong_numbers(source + "It has 1.37 ± 0.02 %.") == []
    assert len(wrong_numbers(source + "It has 1.36 ± 0.02 %.")) == 2
    assert wrong_numbers("It has 1.37 ± 0.02 %.") == ["1.37 ± 0.02 is of no result that is named"]
    assert wrong_numbers(source + "It has 1.37 ± 0.02 %, and 1.21 % elsewhere.") == [
        "1.21 is of no result that is named"
    ]


def test_many_numbers_are_named():
    assert sum(len(list(numbers_named(page.read_text()))) for page in PAGES) > 120


def test_the_readme_is_one_page():
    text = README.read_text()
    assert len(text.splitlines()) <= 100
    assert len(documents.words(text)) <= 500
    assert len(re.search(r"```python\n(.*?)```", text, re.S)[1].splitlines()) <= 20


@pytest.mark.parametrize("page", sentence_length.pages(), ids=page_name)
def test_sentences_are_short(page):
    lengths = sentence_length.sentences(page.read_text())
    assert not lengths or fmean(lengths) < 20, f"{page_name(page)}: {fmean(lengths):.1f} words a sentence"


def anchors(page):
    """The anchors of a page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *documents.written(), ROOT / "CONTRIBUTING.md"], ids=page_name)
def test_anchors_of_links_are_there(page):
    for place, anchor in re.findall(r"\]\(([^)#]*\.md|)#([^)]*)\)", page.read_text()):
        target = page.parent / place if place else page
        if "generated" not in place:
            assert anchor in anchors(target), f"{page_name(page)}: {place}#{anchor}"


def test_the_reference_has_every_public_name():
    listed = set(re.findall(r"^   (\w+)$", (ROOT / "docs" / "reference" / "api.md").read_text(), re.M))
    assert set(fa.__all__) <= listed | {"datasets", "exchange", "experiments", "metrics", "pathways", "plotting"}
    for module in (fa.plotting, fa.metrics):
        assert set(module.__all__) - {"figures"} <= listed


def test_commands_of_the_pages_have_options_that_are_there():
    group = typer.main.get_command(app)
    found = 0
    for page in PAGES:
        for line in re.findall(r"^(?:\S+=\S+ )?spikefa (\w.*?)(?: *#.*)?(?: &)?$", page.read_text(), re.M):
            name, *given = shlex.split(line)
            if name not in group.commands:  # a sentence
                continue
            options = {option for parameter in group.commands[name].params for option in parameter.opts}
            options |= {option for parameter in group.commands[name].params for option in parameter.secondary_opts}
            unknown = {word for word in given if word.startswith("--")} - options
            assert not unknown, f"{page_name(page)}: {line}"
            found += 1
    assert found > 25


def test_versions_agree():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {version} (" in (ROOT / "CHANGELOG.md").read_text()


def test_figures_of_the_examples_are_small():
    assert sum(path.stat().st_size for path in (ROOT / "examples").glob("*/*.png")) < 3e6


def test_the_generated_reference_has_every_command_parameter_and_preset():
    reference = loaded(ROOT / "docs" / "generate_reference.py")
    page = reference.commands()
    for name, command in typer.main.get_command(app).commands.items():
        assert f"\n## {name}\n" in page
        assert all(option in page for parameter in command.params for option in parameter.opts if option != "--help")
    for name in model_source.names():
        described, page = model_source.find(name).describe(), reference.model(name)
        assert all(f"| `{parameter.name}` |" in page for parameter in described.parameters)
        assert all(f"| `{preset}` |" in page for preset in described.presets)
