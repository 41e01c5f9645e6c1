"""A convolution, its transpose and its update, beside PyTorch's on the processor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from spikefa.bench.harness import Section, Setting, all_threads, mean_seconds, take_turns
from spikefa.bench.sections import sections
from spikefa.bench.worker_process import INSTALL, Worker, worker
from spikefa.engine.convolution import ConvolutionalWeights
from spikefa.engine.kernels.blas import single_threaded_blas
from spikefa.engine.window import Window, map_units

#: What PyTorch's process runs.
PROGRAM = Path(__file__).parents[1] / "torch_convolution.py"

#: The second layer of a small network of digits; and small, for `Setting.quickly`.
LAYER, QUICK_LAYER = ((32, 14, 14), 64, 5, 2), ((2, 6, 6), 3, 3, 1)
WHAT = {"forward": "Propagation", "back": "Transpose", "update": "Update"}


@sections.register("convolution")
def against_pytorch(setting: Setting, section: Section, program: Path = PROGRAM) -> None:
    """Compare convolutions with PyTorch's.

    Keys ``forward``, ``back`` and ``update``; ``pytorch/`` and each, and ``ratio/`` and each (spikefa by PyTorch);
    ``pytorch`` alone if it cannot run.

    Parameters
    ----------
    setting : Setting
    section : Section
    program : Path
        What PyTorch's process runs.
    """
    before, maps, field, padding = QUICK_LAYER if setting.quick else LAYER
    window = Window(before, map_units(before, field, padding=padding, maps=maps), field, 1, padding)
    calls = _calls(window, setting.streams)
    with single_threaded_blas():
        once = {name: mean_seconds(call, 1) for name, call in calls.items()}
        counts = {name: max(1, min(round(setting.seconds / seconds), 1000)) for name, seconds in once.items()}
        jobs = {name: lambda name=name: mean_seconds(calls[name], counts[name]) for name in calls}
        with worker(program) as process:
            try:
                version = process.ask(_asked(window, setting.streams))
                jobs |= {f"pytorch/{name}": _asker(process, name, counts[name]) for name in calls}
                measured = take_turns(jobs, setting)
            except RuntimeError as error:
                version = None
                why = INSTALL if "No module named 'torch'" in str(error) else str(error)
                section.missing("pytorch", "PyTorch", why)
        if version is None:
            measured = take_turns({name: jobs[name] for name in calls}, setting)
    for name in calls:
        section.add(name, WHAT[name], "ms", measured[name])
        if version is not None:
            theirs = measured[f"pytorch/{name}"]
            section.add(f"pytorch/{name}", f"{WHAT[name]}, PyTorch", "ms", theirs)
            section.add(f"ratio/{name}", f"{WHAT[name]}, spikefa / PyTorch", "x", measured[name] / theirs)
    by = "" if version is None else f" PyTorch {version['torch']} has {version['threads']} threads."
    section.notes.append(
        f"{window.pre} to {window.post} units, {field} x {field}, {setting.streams} streams, float32. Activities lie "
        f"as units x streams here, as images x units in PyTorch.{by}"
    )


def _calls(window: Window, streams: int) -> dict[str, Callable[[], None]]:
    rng, number = np.random.default_rng(0), np.float32
    weights = ConvolutionalWeights(rng.normal(size=window.weights_shape), window, np.dtype(number))
    n_pre, n_post = weights.shape
    x, e = (rng.normal(size=(units, streams)).astype(number) for units in (n_pre, n_post))
    current, back, values = np.empty_like(e), np.empty_like(x), weights.values.copy()
    none, zeros = np.zeros(n_pre, number), np.zeros(window.post[0], number)
    return {
        "forward": lambda: weights.propagate(x, zeros, current, False),
        "back": lambda: weights.propagate_transposed(e, none, back, False),
        "update": lambda: weights.update(values, x, e, 1e-30, 1.0),
    }


def _asked(window: Window, streams: int) -> dict[str, object]:
    """Return the first line for the other process."""
    maps_in, field, _, maps_out = window.weights_shape
    shapes = {"pre": (streams, *window.pre), "post": (streams, *window.post)}
    shapes["weights"] = maps_out, maps_in, field, field
    return shapes | {"stride": window.stride, "padding": window.padding, "threads": all_threads()}


def _asker(process: Worker, name: str, count: int) -> Callable[[], float]:
    return lambda: process.ask({"variant": name, "steps": count})
