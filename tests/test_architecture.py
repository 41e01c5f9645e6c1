"""Every module can be the first that is imported, and no name with an underscore is used outside its module."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "spikefa"
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if "_models" not in path.parts
)

#: Imports the modules named on the command line, each in a process of its own that has imported no other of them. What
#: they need of other packages is imported before, once.
SCRIPT = """
import contextlib, importlib, json, os, sys
with contextlib.suppress(ImportError):
    import bokeh.plotting, bokeh.server.server
import brian2, h5py, matplotlib.figure, numba, numpy, rich, scipy.sparse, sympy, typer
failed = {}
for module in sys.argv[1:]:
    read, write = os.pipe()
    child = os.fork()
    if not child:
        sys.argv = ["python"]
        try:
            importlib.import_module(module)
            said = ""
        except ModuleNotFoundError as error:
            said = "" if error.name in ("bokeh", "torch", "mkl") else repr(error)
        except BaseException as error:
            said = repr(error)
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    with open(read) as pipe:
        if said := pipe.read():
            failed[module] = said
    os.waitpid(child, 0)
print(json.dumps(failed))
"""


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_every_module_can_be_imported_first(every):
    """An import takes a second; that there are no circles, the linter of imports says of all."""
    names = [name for name in MODULES if not name.endswith("__main__")]
    command = [sys.executable, "-c", SCRIPT, *names[::every]]
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == {}
    assert len(MODULES) > 100


def names_imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spikefa"):
            yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_uses_another_ones_private_names(path):
    """Files of one package that begin with an underscore are that package's own; so are attributes of ``self``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for module, name in names_imported(tree):
        if name.startswith("_"):
            assert (PACKAGE.parent / Path(*module.split("."), f"{name}.py")).exists(), f"{module}.{name}"
    if path.name == "brian2_internals.py":
        return
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    own = {
        target.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign)
        for target in _flat(node)
        if isinstance(target, ast.Attribute)
    } | {item.name for cls in classes for item in ast.walk(cls) if isinstance(item, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            if ast.unparse(node) == "os._exit":  # it is documented
                continue
            if node.attr == "_ary":  # of an array in numba's simulator
                continue
            mine = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls", "np", "_np", "_f")
            calls_super = isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "super"
            assert mine or calls_super or node.attr in own, f"{path.name}:{node.lineno}: {ast.unparse(node)}"


def _flat(node):
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        yield from target.elts if isinstance(target, ast.Tuple) else [target]
