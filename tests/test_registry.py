"""Registries: kinds are found in the files of a package and in entry points, by name."""

import itertools
import subprocess
import sys

import pytest

from spikefa._registry import Registry
from spikefa.errors import ArgumentError, DataError, SpikefaError

numbers = itertools.count()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A function that makes a package of a new name with a registry, and modules of given sources; returns the name."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(options="", **modules):
        name = f"kinds_{next(numbers)}"
        (tmp_path / name).mkdir()
        source = f"from spikefa._registry import Registry\nkinds = Registry('kind', {name!r}{options})\n"
        (tmp_path / name / "__init__.py").write_text(source)
        for module, text in modules.items():
            (tmp_path / name / f"{module}.py").write_text(f"from {name} import kinds\n{text}\n")
        return name

    yield make
    for name in [name for name in sys.modules if name.startswith("kinds_")]:
        del sys.modules[name]


def kinds_of(name):
    return __import__(name).kinds


def distribution(tmp_path, group, **entries):
    """Install a distribution with entry points of a group in a directory that is on the path."""
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in entries.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]) + "\n")


REGISTERS = "@kinds.register({!r})\ndef make():\n    return {!r}"


def test_a_new_file_is_a_new_kind(package):
    kinds = kinds_of(package(b=REGISTERS.format("two", 2), a=REGISTERS.format("one", 1), _private="1 / 0"))
    assert list(kinds) == ["one", "two"] and len(kinds) == 2
    assert kinds["two"]() == 2 and "one" in kinds and "three" not in kinds and None not in kinds
    assert {name: make() for name, make in kinds.items()} == {"one": 1, "two": 2}


def test_a_file_may_register_several(package):
    kinds = kinds_of(package(a="kinds.register('x')(1); kinds.register('y')(2)"))
    assert dict(kinds) == {"x": 1, "y": 2}


@pytest.mark.parametrize("name", ["fouor", "", None, 3, ["one"]])
def test_an_unknown_kind_is_answered_with_those_there_are(package, name):
    kinds = kinds_of(package(a="kinds.register('one')(1); kinds.register('four')(4)"))
    with pytest.raises(ArgumentError) as caught:
        kinds[name]
    hint = "; did you mean 'four'?" if name == "fouor" else ""
    assert str(caught.value) == f"no kind {name!r}; there are four, one{hint}"


def test_the_class_of_the_error_can_be_chosen(package):
    name = package()
    with pytest.raises(DataError, match="no data set 'x'"):
        Registry("data set", name, error=DataError)["x"]


def test_a_name_is_registered_once(package):
    kinds = kinds_of(package(a="kinds.register('one')(1)"))
    with pytest.raises(ArgumentError, match="Registry: the kind 'one' is registered already"):
        kinds_of(package(a="kinds.register('one')(1)", b="kinds.register('one')(2)"))["one"]
    assert kinds["one"] == 1


def test_the_same_definition_may_come_again(package):
    """As when its module is loaded anew."""
    kinds = kinds_of(package())
    source = REGISTERS.format("one", 1)
    for _ in range(2):
        exec(source, {"kinds": kinds, "__name__": "mine"})
    assert kinds["one"]() == 1


def test_other_code_registers_at_any_time(package):
    kinds = kinds_of(package(a="kinds.register('one')(1)"))
    assert list(kinds) == ["one"]
    assert kinds.register("mine")(7) == 7
    assert list(kinds) == ["mine", "one"] and kinds["mine"] == 7


def test_a_file_that_fails_says_so_every_time(package):
    name = package(a="kinds.register('one')(1)", b="import spikefa.nowhere")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="nowhere"):
            list(kinds_of(name))


# One kind a file


@pytest.mark.parametrize(("separator", "expected"), [("-", "second-kind"), ("_", "second_kind")])
def test_names_of_files_are_known_without_importing_them(package, separator, expected):
    name = package(f", separator={separator!r}", second_kind=f"kinds.register({expected!r})(2)", broken="1 / 0")
    kinds = kinds_of(name)
    assert list(kinds) == ["broken", expected] and expected in kinds
    assert f"{name}.second_kind" not in sys.modules
    assert kinds[expected] == 2  # whatever the others do
    with pytest.raises(ZeroDivisionError):
        kinds["broken"]


def test_a_file_must_register_the_kind_it_is_named_after(package):
    kinds = kinds_of(package(", separator='_'", a="kinds.register('b')(1)"))
    with pytest.raises(SpikefaError, match=r"\.a: must register the kind 'a', which its file is named after"):
        kinds["a"]


def test_an_alias_is_found_and_not_listed(package):
    kinds = kinds_of(package(", separator='_', aliases={'old': 'new'}", new="kinds.register('new')(1)"))
    assert kinds["old"] == 1 and "old" in kinds and list(kinds) == ["new"] and kinds.aliases == {"old": "new"}
    with pytest.raises(ArgumentError, match="'old' is registered already"):
        kinds.register("old")(2)


# Entry points


def test_installed_distributions_add_kinds(package, tmp_path):
    name = package(a="kinds.register('one')(1)")
    (tmp_path / f"{name}_elsewhere.py").write_text("thing = 5\n")
    distribution(tmp_path, name, far=f"{name}_elsewhere:thing", one="nowhere:thing")
    kinds = kinds_of(name)
    assert list(kinds) == ["far", "one"] and "far" in kinds
    assert f"{name}_elsewhere" not in sys.modules
    assert kinds["far"] == 5 and kinds["one"] == 1  # the package goes first


def test_what_an_entry_point_loads_may_register_itself(package, tmp_path):
    name = package()
    (tmp_path / f"{name}_elsewhere.py").write_text(f"from {name} import kinds\nthing = kinds.register('far')('it')\n")
    distribution(tmp_path, name, far=f"{name}_elsewhere:thing")
    assert kinds_of(name)["far"] == "it"


def test_the_group_of_entry_points_can_have_another_name(package, tmp_path):
    name = package(", group='others.kinds'")
    distribution(tmp_path, "others.kinds", far="math:pi")
    assert kinds_of(name)["far"] == pytest.approx(3.14159, abs=1e-5)


def test_the_registries_of_the_command_line_import_nothing_heavy():
    script = (
        "import sys\n"
        "from spikefa.bench.sections import sections\n"
        "from spikefa.datasets import datasets\n"
        "from spikefa.plotting.figures import figures\n"
        "assert len(sections) >= 10 and len(datasets) >= 10 and len(figures) >= 5\n"
        "heavy = {'brian2', 'matplotlib', 'numba', 'scipy', 'sklearn', 'pooch', 'PIL', 'h5py'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
