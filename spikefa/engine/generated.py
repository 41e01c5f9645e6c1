"""Generated kernels, compiled once for a source text: in this process, and on disk for later ones.

The source is written to a file named by its hash, and numba's own on-disk cache works from there. Without a folder (see
`spikefa.engine.compiled`), kernels live in memory only.
"""

import hashlib
import os
import sys
import tempfile
import types
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numba

from spikefa.engine.compiled import kept_in, private_folder

__all__ = ["clear", "load_kernel"]

_loaded: dict[tuple, Callable] = {}


@cache
def _versions(modules: tuple[types.ModuleType, ...]) -> bytes:
    """Return what a kernel depends on besides its source: numba sees no change in what is inlined."""
    return b"\n".join([numba.__version__.encode(), *(Path(module.__file__).read_bytes() for module in modules)])


def _write(source: str, modules: tuple[types.ModuleType, ...], folder: Path) -> Path:
    """Put `source` into its file in the folder; safe against other processes that do the same."""
    name = hashlib.sha256(source.encode() + _versions(modules)).hexdigest()[:32]
    path = folder / f"kernel_{name}.py"
    if path.is_file() and path.read_text(encoding="utf-8") == source:
        return path
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(source)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    return path


def _execute(source: str, filename: str, names: Mapping) -> Callable:
    module = types.ModuleType(f"spikefa_{Path(filename).stem}")
    module.__dict__.update(names)
    # numba looks the module of a function up by name when it loads it from its cache.
    sys.modules[module.__name__] = module
    exec(compile(source, filename, "exec"), module.__dict__)
    return module.kernel


def load_kernel(
    source: str, modules: tuple[types.ModuleType, ...] = (), names: Mapping[str, Callable] | None = None
) -> Callable:
    """Return the function ``kernel`` of a source text, compiled at its first call.

    Parameters
    ----------
    source : str
        Python source that defines ``kernel`` with `compiled`, or with ``njit(cache=_CACHE)``.
    modules : tuple of modules
        Those whose functions it calls.
    names : mapping of str to compiled functions, optional
        Further globals. A kernel with any is kept in memory only, as no hash tells what they do.

    Returns
    -------
    callable
    """
    names = dict(names or {})
    key = (source, *sorted(names.items(), key=lambda item: item[0]))
    if key not in _loaded:
        kernel, folder = None, private_folder()
        if not names and folder is not None:
            try:
                with kept_in(folder):
                    kernel = _execute(source, str(_write(source, modules, folder)), {"_CACHE": True})
            except (OSError, RuntimeError):  # the folder cannot be written, here or by numba
                kernel = None
        _loaded[key] = kernel or _execute(source, f"<kernel {len(_loaded)}>", {"_CACHE": False, **names})
    return _loaded[key]


def clear() -> None:
    """Forget the kernels that this process has loaded; those on disk stay, and so do those that are in use."""
    _loaded.clear()
