"""Code objects of the numba target as CUDA kernels: the same statements, each unit in a thread."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import numpy as np
from brian2.utils.stringtools import indent
from numba import cuda

from spikefa.engine.brian2_target.target import Kernel
from spikefa.engine.cuda import functions
from spikefa.engine.cuda.fusion import Loop
from spikefa.engine.cuda.memory import Memory

_SOURCE = """\
def kernel(_n, {arguments}):
{scalar_code}
    for _idx in range(_cuda.grid(1), _n, _cuda.gridsize(1)):
{vector_code}
"""
_RESET = """\
if {events}[_idx]:
{vector_code}
"""
_THRESHOLD = """\
{vector_code}
{events}[_idx] = _cond
"""
_REFRACTORY = """\
if _cond:
    {not_refractory}[_idx] = False
    {lastspike}[_idx] = {t}
"""


def prepare(code: Kernel, memory: Memory) -> Loop | None:
    """Return a code object's kernel with its arguments; None where it cannot be one.

    That is where it writes a variable that all units share.
    """
    if _written(code.scalar_code):
        return None
    text, streams = _source(code)
    words = set(re.findall(r"\w+", text))
    events = code.names.get("events")
    arguments = [name for name in code.arguments if name in words and name not in code.streams and name != events]
    written, values = _written(text), []
    for name in arguments:
        if name in code.arrays:
            array = code.arrays[name].get_value()
            values.append(memory.write(array) if name in written else memory.read(array))
        else:
            values.append(np.asarray(code.constants[name].get_value()).item())
    if events in words:
        arguments.append(events)
        values.append(memory.events(code.events.get_value()))
    for name, stream in streams.items():
        arguments += [f"_seed{name}", f"_step{name}", f"_object{name}", f"_draw{name}"]
        values += [memory.read(stream.seed), memory.read(stream.step), stream.obj, stream.draw]
    places = dict(zip(arguments, values, strict=True))
    elsewhere = set(re.findall(r"\b(\w+)\[(?!_idx\])", text))
    own = set(re.findall(r"\b(\w+)\[_idx\]", text)) - elsewhere
    # Equal models get equal sources whatever their names.
    short = {word: f"_a{number}" for number, word in enumerate(arguments)}
    text = text.replace("_ARGUMENTS_", ", ".join(arguments))
    text = re.sub(r"\w+", lambda match: short.get(match[0], match[0]), text)
    return Loop(
        _compiled(text, code.dtype.name, tuple(code.functions.items())),
        code.n,
        (code.n, *values),
        written=tuple(places[name] for name in arguments if name in written or name == events),
        own=tuple(places[name] for name in arguments if name in own),
    )


def _source(code: Kernel) -> tuple[str, dict]:
    """Return the source without its arguments, and the random streams that it reads."""
    vector_code = code.vector_code or "pass"
    if code.template == "reset":
        vector_code = _RESET.format(vector_code=indent(vector_code), **code.names)
    elif code.template == "threshold":
        vector_code = _THRESHOLD.format(vector_code=vector_code, **code.names)
        if "lastspike" in code.names:
            vector_code += _REFRACTORY.format(**code.names)
    text = _SOURCE.format(
        arguments="_ARGUMENTS_",
        scalar_code=indent("\n".join([code.scalar_code, *code.casts])),
        vector_code=indent(vector_code, 2),
    )
    streams = {name: stream for name, stream in code.streams.items() if re.search(rf"\b{name}\b", text)}
    for name, stream in streams.items():
        function = f"_f.{stream.kind}" + (f"_{stream.dtype.name}" if stream.kind == "uniform" else "")
        arguments = f"_seed{name}, _step{name}, _object{name}, _draw{name}"
        real = f"_np.{stream.dtype.name}"
        text = re.sub(rf"\b{name}\[(\w+)\]", rf"{real}({function}({arguments}, \1))", text)
    # numba's CUDA target knows few of numpy's functions.
    text = re.sub(r"\b_np\.(\w+)", lambda name: f"_f.{name[1]}" if hasattr(functions, name[1]) else name[0], text)
    return text.replace("_np.abs(", "abs("), streams


def _written(text: str) -> set[str]:
    """Names of the arrays that statements write."""
    return set(re.findall(r"^\s*(\w+)\[\w+\] = ", text, re.M))


@cache
def _compiled(text: str, real: str, names: tuple) -> Callable:
    namespace = {"_cuda": cuda, "_np": np, "_f": functions, "_real": getattr(np, real), **dict(names)}
    exec(text, namespace)
    return cuda.jit(namespace["kernel"])
