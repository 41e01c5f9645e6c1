"""Digests of what networks compute, recorded once, so that a change of the package can be proved to change no number.

Each label of ``digests.json`` is the SHA-256 of the whole state of a small network after it has learned for a few
steps (see `cases`), or of a training run. From the root of the checkout::

    python tests/frozen/digests.py          # compares: prints each label that differs, and exits 1 if one does
    python tests/frozen/digests.py --quick  # what the test suite compares
    python tests/frozen/digests.py --full   # with the target cython, whose first compilation takes half an hour
    python tests/frozen/digests.py --fresh  # with nothing that was compiled before
    python tests/frozen/digests.py --only lillicrap2016_rate  # labels that begin so, or the group of that name
    python tests/frozen/digests.py --write  # records them for this version of Python; with --only, those alone

Bits depend on libraries, on the C library and on the processor's instructions. So they are computed in processes of
their own whose BLAS, numpy and numba use what Haswell has (AVX2 and FMA), and are compared only where the versions
are those that were recorded. They depend on no name of the package: `adapter` has these all.
"""

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RECORD = HERE / "digests.json"
#: Groups of labels, in the order of `cases.GROUPS`, and whether they are left to ``--full``.
GROUPS = {
    "models, numba": False,
    "models, numpy": False,
    "models, variants": False,
    "networks": False,
    "runs": False,
    "threads": False,
    "cuda simulator": False,
    "models, cython": True,
}
PACKAGES = ("brian2", "numpy", "numba", "llvmlite", "scipy", "sympy", "scikit-learn")
#: What Haswell has, as LLVM calls it.
FEATURES = "+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe,+popcnt,+sse4.1,+sse4.2,-avx512f"


def python():
    return "{}.{}".format(*sys.version_info)


def versions():
    """What bits depend on, by name."""

    def of(package):
        try:
            return version(package)
        except PackageNotFoundError:
            return "not installed"

    return {"python": python()} | {name: of(name) for name in PACKAGES} | {"libc": " ".join(platform.libc_ver())}


def compiler():
    """The versions that the digests of the target cython depend on besides; None where nothing compiles."""
    gcc = os.environ.get("CXX") or shutil.which("g++")
    try:
        said = subprocess.run([gcc, "--version"], capture_output=True, text=True, check=True).stdout
        return {"compiler": said.partition("\n")[0], "cython": version("cython")}
    except (OSError, TypeError, subprocess.CalledProcessError, PackageNotFoundError):
        return None


def machine():
    return {"machine": platform.machine(), "system": platform.system(), "processor": _processor().get("model name", "")}


def processor_flags():
    return set(_processor().get("flags", "").split())


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def wrong_machine():
    """Say why bits differ on this machine whatever the libraries; None where they do not."""
    if platform.machine() == "x86_64" and {"avx2", "fma", "bmi2"} <= processor_flags():
        return None
    return f"needs Linux on x86-64 with AVX2 and FMA, got {platform.system()} on {platform.machine()}"


def why_not(group=None):
    """Say why digests of a group cannot be compared here; None where they can."""
    if wrong_machine() is not None:
        return wrong_machine()
    if python() not in load():
        return f"digests were recorded for Python {', '.join(load())}, here {python()}"
    record = load()[python()]
    here, there = versions(), record["versions"]
    if group is not None and GROUPS[group]:
        if compiler() is None or record["compiler"] is None:
            return f"the target cython has no compiler {'here' if compiler() is None else 'in the record'}"
        here, there = here | compiler(), there | record["compiler"]
    different = [f"{name} {there.get(name)}, here {here[name]}" for name in here if there.get(name) != here[name]]
    return f"recorded with {'; '.join(different)}" if different else None


def load():
    """Digests and what they were made with, by the version of Python."""
    return json.loads(RECORD.read_text(encoding="utf-8"))["recorded"] if RECORD.exists() else {}


def recorded():
    """Digests of this version of Python, by label."""
    return load().get(python(), {}).get("digests", {})


def _sources():
    """Digest of the package's sources: numba's cache sees no change in what another file has it inline."""
    found = hashlib.sha256(json.dumps(versions()).encode())
    for path in sorted((ROOT / "spikefa").rglob("*.py")):
        found.update(f"{path.relative_to(ROOT)}".encode() + path.read_bytes())
    return found.hexdigest()[:16]


def _environment(group, threads, folder):
    """The environment of a process that computes: nothing of the user's that bits could depend on."""
    dropped = ("SPIKEFA_", "NUMBA_", "OPENBLAS_", "OMP_", "GOMP_", "MKL_", "NPY_", "BLIS_", "PYTHON", "GLIBC_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {
        "NPY_DISABLE_CPU_FEATURES": " ".join(_newer_features()),
        "OPENBLAS_CORETYPE": "Haswell",
        # What it splits products by; OpenBLAS 0.3.34 fails as a Haswell on processors that say 1024.
        "OPENBLAS_L2_SIZE": "512",
        "OPENBLAS_NUM_THREADS": "1",
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": FEATURES,
        "NUMBA_NUM_THREADS": str(threads),
        "NUMBA_CACHE_DIR": str(folder / f"numba-{_sources()}"),
        "NUMBA_ENABLE_CUDASIM": str(int(group == "cuda simulator")),
        "FROZEN_CYTHON_DIR": str(folder / "cython"),
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _newer_features():
    """What numpy would use of this processor beyond Haswell, by numpy's names."""
    from numpy._core import _multiarray_umath as core

    newer = [name for name in core.__cpu_dispatch__ if name == "X86_V4" or "512" in name]
    return [name for name in newer if core.__cpu_features__.get(name)]


def _folder():
    """Where compiled code stays between runs; what was compiled of other sources a day ago is removed."""
    folder = Path(tempfile.gettempdir(), f"spikefa-frozen-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    for old in folder.glob("numba-*"):
        if time.time() - old.stat().st_mtime > 86400:
            shutil.rmtree(old, ignore_errors=True)
    return folder


def compute(group, prefix="", quick=False, threads=1, folder=None):
    """Compute the digests of a group in a process of its own.

    Parameters
    ----------
    group : str
    prefix : str
        What labels begin with.
    quick : bool
        Whether only those of the quick set.
    threads : int
        Of numba.
    folder : Path, optional
        Where compiled code is kept; one that stays by default.

    Returns
    -------
    digests : dict
        Label -> digest, or a sentence that says what went wrong.
    seconds : dict
        Label -> seconds of the processor's time.
    """
    command = [sys.executable, str(HERE / "digests.py"), "--compute", group, "--only", prefix]
    command += ["--quick"] if quick else []
    environment = _environment(group, threads, folder or _folder())
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{group}: {done.stderr[-3000:]}")
    return json.loads(done.stdout.rpartition("\n")[2])


def differences(found, recorded):
    """Lines that say which labels differ."""
    lines = [f"{label}: {found[label]}" for label in found if not _is_digest(found[label])]
    both = [label for label in found if label in recorded and _is_digest(found[label])]
    lines += [f"{label}: differs" for label in both if found[label] != recorded[label]]
    lines += [f"{label}: is not recorded" for label in found if label not in recorded]
    return lines


def _is_digest(text):
    return len(text) == 64 and not set(text) - set("0123456789abcdef")


# In the process that computes.


def _put(found, name, array):
    import numpy as np

    array = np.asarray(array)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: must be numbers, got {array.dtype}")
    found.update(repr((name, array.dtype.str, array.shape)).encode() + np.ascontiguousarray(array).tobytes())


def _alone(array):
    found = hashlib.sha256()
    _put(found, "", array)
    return found.hexdigest()


def digest_of_state(step, named, nameless):
    """Digest of a network's state, as `adapter.state` returns it; arrays without names count in any order."""
    found = hashlib.sha256(f"step {step}".encode())
    for owner, name, array in sorted(named, key=lambda item: item[:2]):
        _put(found, f"{owner}.{name}", array)
    for owner, arrays in sorted((owner, sorted(map(_alone, arrays))) for owner, arrays in nameless):
        if arrays:
            found.update(repr((owner, arrays)).encode())
    return found.hexdigest()


def digest(what):
    """Digest of what a case returns: a network, or a list of networks, arrays, named arrays and rows of text."""
    import adapter
    import numpy as np

    found = hashlib.sha256()
    for item in what if isinstance(what, list) else [what]:
        if isinstance(item, np.ndarray):
            _put(found, "", item)
        elif isinstance(item, tuple):
            _put(found, *item)
        elif isinstance(item, list):
            found.update(json.dumps(item).encode())
        else:
            state = adapter.state(item)
            check(state)
            found.update(digest_of_state(*state).encode())
    return found.hexdigest()


def check(state):
    """Refuse a network that says nothing: states that are not finite, or none that differ from 0."""
    import numpy as np

    _, named, _ = state
    for owner, name, array in named:
        if name != "lastspike" and not np.isfinite(array).all():
            raise ValueError(f"{owner}.{name} must be finite")
    if not any(np.ptp(array) > 0 for _, name, array in named if name == "W"):
        raise ValueError("no projection has weights that differ")


def _compute(group, prefix, quick):
    sys.path.insert(0, str(HERE))
    import adapter
    import cases

    package = Path(adapter.package_file()).resolve()
    if not package.is_relative_to(ROOT):
        raise RuntimeError(f"spikefa must be imported from {ROOT}, got {package}")
    adapter.prepare(os.environ["FROZEN_CYTHON_DIR"])
    found, seconds = {}, {}
    beginnings = cases.QUICK.get(group, "") if quick else ""
    for label, case in cases.GROUPS[group]().items():
        if label.startswith(prefix) and label.startswith(beginnings):
            began = time.process_time()
            try:
                found[label] = digest(case())
            except Exception as error:
                found[label] = f"{type(error).__name__}: {' '.join(str(error).split())}"
            seconds[label] = round(time.process_time() - began, 2)
    return found, seconds


def _write(found):
    record = {"made by": "python tests/frozen/digests.py --write --full", "recorded": load()}
    old = record["recorded"].get(python(), {})
    digests = (old["digests"] if old.get("versions") == versions() else {}) | found
    record["recorded"][python()] = {
        "versions": versions(),
        "compiler": compiler() if any(label.endswith("/cython") for label in digests) else None,
        "machine": machine(),
        "digests": dict(sorted(digests.items())),
    }
    record["recorded"] = dict(sorted(record["recorded"].items()))
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Compare frozen digests of what networks compute.")
    parser.add_argument("--write", action="store_true", help="record them instead")
    parser.add_argument("--full", action="store_true", help="with the target cython")
    parser.add_argument("--quick", action="store_true", help="what the test suite compares")
    parser.add_argument("--only", default="", metavar="PREFIX", help="labels that begin so, or the group of that name")
    parser.add_argument("--threads", type=int, default=1, help="of numba; no digest depends on it")
    parser.add_argument("--fresh", action="store_true", help="use nothing that was compiled before")
    parser.add_argument("--times", action="store_true", help="print the processor's time of each label")
    parser.add_argument("--compute", metavar="GROUP", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.compute:
        print("\n" + json.dumps(_compute(options.compute, options.only, options.quick)), end="")
        return 0
    reason = None if options.write else why_not()
    if reason:
        print(f"Not compared: {reason}")
        return 2
    if options.fresh:
        with tempfile.TemporaryDirectory() as empty:
            return _compare_or_write(options, Path(empty))
    return _compare_or_write(options, None)


def _compare_or_write(options, folder):
    prefix = "" if options.only in GROUPS else options.only
    chosen = [options.only] if options.only in GROUPS else [g for g, long in GROUPS.items() if options.full or not long]
    lines, everything, left_out = [], {}, []
    for group in chosen:
        reason = None if options.write else why_not(group)
        if reason or (GROUPS[group] and compiler() is None):
            print(f"{group}: left out, {reason or 'no compiler was found'}")
            left_out.append(group)
            continue
        began = time.monotonic()
        found, seconds = compute(group, prefix, options.quick, options.threads, folder)
        everything |= found
        lines += differences(found, found if options.write else recorded())
        print(f"{group}: {len(found)} digests in {time.monotonic() - began:.0f} s", flush=True)
        if options.times:
            print("".join(f"  {own:7.2f} s  {label}\n" for label, own in seconds.items()), end="", flush=True)
    if options.write and not lines:
        _write(everything)
    elif not (options.write or options.only or options.quick):
        skips = "" if options.full and not left_out else "/cython"
        gone = [label for label in recorded() if label not in everything and not (skips and label.endswith(skips))]
        lines += [f"{label}: is no case now" for label in gone]
    done = "recorded" if options.write else "as recorded"
    print("\n".join(lines) or f"{len(everything)} digests are {done}")
    return int(bool(lines))


if __name__ == "__main__":
    sys.exit(main())
