"""Every example, and the README's program, runs headless in its quick mode and ends by checking its number."""

import ast
import inspect
import re
from pathlib import Path

import documents
import pytest
import scripts

import spikefa as fa
from spikefa import datasets, plotting
from spikefa.diagnostics import evaluation

ROOT = Path(__file__).resolve().parents[2]
#: Pages that name parts of the package, and the modules that they name.
PAGES = [ROOT / "README.md", *documents.written()]
MODULES = {"fa": fa, "evaluation": evaluation, "plotting": plotting, "datasets": datasets}
#: A script is what is run from the command line; the other modules serve scripts.
EXAMPLES = [path for path in sorted((ROOT / "examples").glob("*/[!_]*.py")) if path.name != "learning_flow.py"]
#: Studies of small networks.
STUDIES = [path for path in EXAMPLES if "from _study import" in path.read_text()]


def check(output):
    assert re.search(r"\berror [\d.e+-]+", output), output


def test_examples(tmp_path):
    for output, _ in scripts.run_together([path for path in EXAMPLES if path not in STUDIES], tmp_path):
        check(output)


#: The longest, even in their quick mode; their folders have others.
LONG = {"differential_stdp/rules.py", "millidge2020/activation_relaxation.py", "millidge2020/convergence.py"}
#: One of each folder; the slow test runs the others.
SHORT = [path for path in STUDIES if f"{path.parent.name}/{path.name}" not in LONG]
FIRST_STUDIES = sorted({path.parent: path for path in reversed(SHORT)}.values())
OTHER_STUDIES = [path for path in STUDIES if path not in FIRST_STUDIES]


@pytest.mark.parametrize(
    "studies", [FIRST_STUDIES, pytest.param(OTHER_STUDIES, marks=pytest.mark.slow)], ids=["first", "others"]
)
def test_studies(studies, tmp_path):
    assert len(studies) >= 8
    for path, (output, folder) in zip(studies, scripts.run_together(studies, tmp_path), strict=True):
        check(output)
        assert (folder / f"{path.stem}.png").stat().st_size > 20_000


@pytest.mark.parametrize("name", ["new_pathway", "new_rule", "new_dataset", "new_optimizer"])
def test_adding_a_kind_takes_fewer_than_60_lines(name):
    assert len((ROOT / "examples" / "guide" / f"{name}.py").read_text().splitlines()) < 60


def said(page):
    """What a page writes of the package: each ``fa.NAME`` with what is in its brackets, if any, as an expression."""
    text = page.read_text()
    for found in re.finditer(r"(?<![\w./])(?:fa|evaluation|plotting|datasets)\.[a-zA-Z]\w*(?!\w|\.\w|/)", text):
        end = found.end()
        if text[end : end + 1] == "(":
            depth = 1
            while depth:
                end += 1
                depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield text[found.start() : end]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_names_and_arguments_that_a_page_writes_are_there(page):
    for text in said(page):
        expression = ast.parse(text.strip(), mode="eval").body
        call = isinstance(expression, ast.Call)
        name = expression.func if call else expression
        thing = getattr(MODULES[name.value.id], name.attr, None)
        assert thing is not None, f"{page.name}: there is no {text}"
        if call:
            left_out = [isinstance(a, ast.Constant) and a.value is ... for a in expression.args]
            positional = [] if any(left_out) else expression.args
            inspect.signature(thing).bind_partial(*positional, **{k.arg: k.value for k in expression.keywords if k.arg})


def test_pages_write_something_of_the_package():
    written = [text for page in PAGES for text in said(page)]
    assert "fa.local_receptive_fields(28, 28, side=6, stride=2, maps=6)" in written and len(written) > 50


def test_readme_program(tmp_path):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
    (tmp_path / "readme.py").write_text(code)
    check(scripts.run([tmp_path / "readme.py"], tmp_path))
