"""Model files: found, checked, set from text, copied and changed."""

import ast
import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from spikefa.errors import ModelError
from spikefa.experiments import model_file, model_source
from spikefa.experiments.run import new_run
from spikefa.pathways import pathways


def test_every_bundled_model_states_its_paper_and_the_meaning_of_every_parameter():
    assert "lillicrap2016_spiking" in model_file.names()
    for name in model_file.names():
        model = model_file.load(name)
        assert "https://doi.org/" in model.module.__doc__
        description = model.describe()
        assert [row.name for row in description.parameters] == [f.name for f in dataclasses.fields(model.params())]
        for row in description.parameters:
            assert row.meaning.endswith(".") and row.type != "any value", (name, row)


def test_every_preset_and_all_defaults_fit_their_ranges():
    for name in model_file.names():
        model = model_file.load(name)
        for preset in (None, *model.presets):
            params = model.params(preset=preset)
            assert model.params(json.loads(json.dumps(model.recorded(params)))) == params  # as run.json does


def test_one_model_names_a_preset_for_the_demo(model):
    assert [name for name in model_file.names() if model_source.find(name).demo_preset is not None] == [model.name]
    assert model_file.demo().name == model.name and model_file.demo().demo_preset in model.presets


def test_unknown_presets_and_models_are_refused(model, tmp_path):
    with pytest.raises(ModelError, match=r"no preset 'dence'; there are digits, dense, .*; did you mean 'dense'.$"):
        model.params(preset="dence")
    with pytest.raises(
        ModelError, match=r"Model 'lillicrap': no such model or file; there are .*lillicrap2016_spiking.*or give"
    ):
        model_file.load("lillicrap")
    with pytest.raises(ModelError, match=r"; did you mean 'lansdell2020_np'.$"):
        model_file.load("lansdell2020")
    for text, message in [
        ("x = 1", "has no 'Params'"),
        ("class Params: pass\ndef build(): pass", "Params must be a dataclass"),
        ("1 / 0", "does not run: ZeroDivisionError"),
    ]:
        (tmp_path / "mine.py").write_text(text)
        with pytest.raises(ModelError, match=message):
            model_file.load(tmp_path / "mine.py")
    (tmp_path / "mine.py").write_bytes(b"# \xff")
    with pytest.raises(ModelError, match=r"^Model 'mine': .*mine.py must be UTF-8 text, got .*0xff"):
        model_file.load(tmp_path / "mine.py")
    (tmp_path / "notes.txt").write_text("Params, build")
    with pytest.raises(ModelError, match=r"notes.txt': a model's file must end in .py, got 'notes.txt'$"):
        model_file.load(tmp_path / "notes.txt")


FIRST = "    pixels: Annotated[int, fa.Range(1)] = 784\n"


MISTAKES = [
    ("    return net\n", "    return None\n", "build must return a Network, got None"),
    ("streams: int = 1, seed: int = 0, images", "seed: int = 0, images", "build.params, seed, images.: got an unexpec"),
    (
        "def lr_factor(params: Params, epoch: int) -> float:",
        "def lr_factor(params, epoch):\n    pass\n\n\ndef other(params: Params, epoch: int) -> float:",
        "lr_factor must return a number, or a dict of numbers by projection, got None for epoch 0$",
    ),
    ("def lr_factor(params: Params, epoch: int)", "def lr_factor(params)", "lr_factor.params.: too many"),
    ("\nRULE = ", "\ndef augment(images, rng):\n    pass\n\n\nRULE = ", "augment.images, rng.: too many positional"),
    (
        FIRST,
        f"    tau_m: object = field(default_factory=lambda: 20 * ms)\n{FIRST}",
        "tau_m must be a finite number, text, .* which a run's record can hold, got 20. ms$",
    ),
    (
        FIRST,
        f"    start: object = field(default_factory=lambda: np.zeros((2, 2)))\n{FIRST}",
        r"start must be .*, got an array \(2, 2\) of float64$",
    ),
    (FIRST, f"    limit: float = float('inf')\n{FIRST}", "limit must be finite, got inf$"),
]


@pytest.mark.parametrize(("text", "replacement", "message"), MISTAKES)
def test_mistakes_in_a_model_are_refused_before_anything_is_written(text, replacement, message, model, tmp_path):
    source = model.source.replace("from dataclasses import dataclass", "from dataclasses import dataclass, field")
    assert source.count(text) == 1
    (tmp_path / "mine.py").write_text(source.replace(text, replacement))
    with pytest.raises(ModelError, match=rf"^Model 'mine': {message}") as caught:
        new_run(
            tmp_path / "run",
            tmp_path / "mine.py",
            {"pixels": 64, "hidden": (5,), "outputs": 10},
            data="digits",
            epochs=1,
            record_activity=False,
        ).train()
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()


def test_a_study_is_a_copy_with_an_equation_changed(model, tmp_path, digits):
    """Copy the file, change the derivative in the rule, run it."""
    copy = tmp_path / "mine.py"
    changed = model.source.replace("delta_post * psi_post * s_pre", "delta_post * s_pre")
    assert changed != model.source
    copy.write_text(changed)
    mine = model_file.load(str(copy))
    sizes = {"pixels": 64, "hidden": (20,), "outputs": 10}
    nets = [m.build(m.params(sizes), streams=5, seed=0) for m in (model, mine)]
    for net in nets:
        net.stimulus.show_images(digits.train_images[:20], digits.train_labels[:20])
        net.run_steps(20)
    assert abs(nets[0]["h1_to_output"].W - nets[1]["h1_to_output"].W).max() > 1e-3


def code_of(path):
    """A file's program, without comments and without docstrings, whose examples may name a model."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        described = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if described and ast.get_docstring(node, clean=False) is not None:
            node.body[0] = ast.Pass()
    return ast.unparse(tree)


def test_the_package_names_no_model():
    root, names = Path(model_file.__file__).parents[1], model_file.names()
    for path in root.rglob("*.py"):
        if "_models" not in path.parts:
            code = code_of(path)
            assert not any(name in code for name in names), path


def test_a_description_says_types_defaults_ranges_meanings_and_what_presets_change(model):
    description = model.describe()
    rows = {row.name: (row.type, row.default, row.range) for row in description.parameters}
    assert rows["pixels"] == ("positive whole number", 784, "")
    assert rows["hidden"] == ("positive whole numbers", (1500, 1500, 1500), "")
    assert rows["eta"] == ("number", 1e-3, "at least 0")
    assert rows["gamma"] == ("number", 1e-8, "at least 0 and below 1")
    assert rows["momentum"] == ("number, or none", None, "above 0 and below 1")
    assert rows["softmax"] == ("true or false", False, "")
    assert rows["loss"] == ("one of squared_error, cross_entropy", "squared_error", "")
    assert rows["rule"] == ("text", model.module.RULE, "")
    meanings = {row.name: row.meaning for row in description.parameters}
    assert meanings["dt_over_tau"] == "dt/tau of potentials and feedback."
    assert "  " not in meanings["pathway"] and "\n" not in meanings["pathway"]
    assert (description.name, description.summary) == (model.name, model.summary)
    assert description.presets == model.presets and list(description.presets) == list(model.presets)


def test_models_are_listed_and_described_without_brian2():
    program = (
        "import sys; from spikefa.experiments import model_source\n"
        "for name in model_source.names():\n"
        "    source = model_source.find(name)\n"
        "    if 'Quantity' in source.text: continue  # its parameters have units, which are Brian2's\n"
        "    assert list(source.describe().presets) == source.preset_names and source.summary\n"
        "model_source.demo()\n"
        "print('brian2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


PLAIN = """
import math
from dataclasses import dataclass
from typing import Annotated, Literal
import spikefa as fa

SIZES = {"small": 3}
SIZES["large"] = math.factorial(4)

@dataclass
class Params:
    units: Annotated[int, fa.Range(1, 100)] = SIZES["large"]
    start: Literal["zero", 2] = "zero"

PRESETS = {}
for name, size in SIZES.items():
    PRESETS[name] = {"units": size}

print("the whole file runs")

def build(params, streams=1, seed=0):
    net = fa.Network(streams=streams, seed=seed)
    fa.Input(net, "image", params.units)
    return net
"""


def test_a_plain_dataclass_is_checked_and_described_too(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(PLAIN)
    source = model_source.find(tmp_path / "mine.py")
    assert source.preset_names == ["small", "large"]
    row = source.describe().parameters[0]
    assert (row.default, row.range, row.meaning) == (24, "at least 1 and at most 100", "")
    assert capsys.readouterr().out == ""
    mine = model_file.load(tmp_path / "mine.py")
    assert mine.params(mine.parse(["start=2"])).start == 2
    with pytest.raises(ModelError, match=r"^Model 'mine': units must be at least 1 and at most 100, got 101$"):
        mine.params({"units": 101})
    with pytest.raises(ModelError, match=r"^Model 'mine': units must be at least 1 and at most 100, got 0$"):
        mine.build(mine.module.Params(units=0))


def test_a_models_summary_and_presets_need_no_execution(tmp_path):
    (tmp_path / "mine.py").write_text('"""What it is.\n\nMore."""\n1 / 0\nPRESETS = {"one": {}, "two": 1 / 0}\n')
    source = model_source.find(tmp_path / "mine.py")
    assert (source.summary, source.preset_names, source.demo_preset) == ("What it is.", ["one", "two"], None)


@pytest.fixture
def distribution(tmp_path, monkeypatch):
    """A distribution on the path with three entry points; two have a file."""
    information = tmp_path / "others-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(
        "[spikefa.models]\ntheirs2020 = others.theirs\nlost = others.nothing\nnowhere = nothing_of_others.lost\n"
    )
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "__init__.py").write_text("")
    (tmp_path / "others" / "theirs.py").write_text(f'"""A model of others."""\n{PLAIN}')
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("others", None)


def test_models_of_other_distributions_are_found_by_their_entry_points(distribution):
    assert {"theirs2020", "lillicrap2016_spiking"} <= set(model_file.names())
    assert model_source.find("theirs2020").summary == "A model of others."
    theirs = model_file.load("theirs2020")
    assert theirs.name == "theirs2020" and theirs.path == distribution / "others" / "theirs.py"
    assert theirs.build(theirs.params(preset="small"))["image"].units == 3
    with pytest.raises(ModelError, match=r"^Model 'theirs2020': units must be at least 1 and at most 100, got 0$"):
        theirs.params({"units": 0})


@pytest.mark.parametrize("name", ["lost", "nowhere"])
def test_an_entry_point_without_a_module_is_refused(distribution, name):
    with pytest.raises(ModelError, match=f"^Model {name!r}: the entry point '.*' has no module"):
        model_file.load(name)


CHOOSES = """
from dataclasses import dataclass
from typing import Annotated, Literal
import spikefa as fa

@dataclass(frozen=True)
class Params(fa.Params):
    pathway: Annotated[Literal["alignment", "backprop"], fa.OrRegistered("spikefa.pathways")] = "alignment"
    other: Annotated[Literal["alignment"], fa.OrRegistered("spikefa.pathways")] | None = None

def build(params, streams=1, seed=0):
    return fa.Network(streams=streams, seed=seed)
"""


@pytest.fixture
def choosing(tmp_path):
    (tmp_path / "mine.py").write_text(CHOOSES)
    return model_file.load(tmp_path / "mine.py")


def test_a_choice_may_be_one_that_was_registered_elsewhere(choosing):
    def sideways(network):
        return []

    pathways.register("sideways_of_a_test")(sideways)
    params = choosing.params(choosing.parse(["pathway=sideways_of_a_test", "other=none"]))
    assert params.pathway == "sideways_of_a_test" and params.other is None
    assert choosing.params({"other": "sideways_of_a_test"}).other == "sideways_of_a_test"
    words = "one of alignment, backprop, or a name added to spikefa.pathways"
    assert choosing.describe().parameters[0].type == words


@pytest.mark.parametrize(
    ("value", "got"),
    [("direct", "'direct'$"), ("aligment", "'aligment'; did you mean 'alignment'.$"), (1, "1$"), (None, "None$")],
)
def test_of_spikefas_own_pathways_only_those_of_the_choice_are_taken(choosing, value, got):
    rule = "be one of alignment, backprop, or a name added to spikefa.pathways"
    with pytest.raises(ModelError, match=f"^Model 'mine': pathway must {rule}, got {got}"):
        choosing.params({"pathway": value})


@pytest.mark.parametrize("name", model_file.names())
def test_presets_fit_the_data_that_they_name(name):
    """Those that this machine has; no preset is that of other data by oversight."""
    model = model_file.load(name)
    for preset in (None, *model.presets):
        data, params = model.data_of(preset), model.params({}, preset)
        if hasattr(params, "sizes"):
            pixels = params.sizes[0]
        else:
            pixels = params.pixels if hasattr(params, "pixels") else math.prod(params.grid)
        fitting = {"cifar10-jpeg": 3072, "digits": 64, "mnist": 784}.get(data, pixels)
        assert pixels == fitting, f"{name}, {preset}: {pixels} units for {data}"
