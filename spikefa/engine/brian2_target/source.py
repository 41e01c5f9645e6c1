"""Source text of the numba kernels: the loops around the statements of a code object.

A kernel of many units cuts them into blocks of fixed size and shares these out among threads, so that its result does
not depend on their number. The inner loop is a function of its own, whose arrays are declared not to overlap:
without that LLVM gives up on vectorising a loop over more than a few arrays.
"""

from brian2.utils.stringtools import indent

__all__ = ["BLOCK", "TEMPLATES", "kernel_source"]

#: Units a thread takes at once.
BLOCK = 4096

_HEADER = """\
import numpy as _np
from numba import njit as _njit

from spikefa.engine.brian2_target import intrinsics as _f
from spikefa.engine.kernels.tasks import share as _share

_range, _min = range, min
_real = _np.{real}
_span_options = dict(nogil=True, error_model="numpy", pipeline_class=_f.NoAlias)
_span_options |= dict(no_cpython_wrapper=True, no_cfunc_wrapper=True)  # it is called by the kernel alone


"""

_KERNEL = """\


@_njit(nogil=True, error_model="numpy", cache=_CACHE)
def kernel(_n, {arguments}):
{scalar_code}
{casts}
"""

_PLACE = """\
    _lo, _hi = _which * {block}, _min(_n, (_which + 1) * {block})
    _old = _f.flush_denormals()
"""
_SPAN = f"""\
@_njit(**_span_options)
def _span(_which, _n, {{span_arguments}}):
{_PLACE}    # Unsigned, as a signed index costs the wrap-around test and with it the vectorisation.
    for _idx in _range(_np.uint64(_lo), _np.uint64(_hi)):
{{vector_code}}
    _f.restore(_old)
"""

# All calls have one type, of which a literal would be another: numba compiles the inner loop once.
_ALONE = """\
    _span(_np.int64(0), _n, {span_arguments})
"""
_SHARED = """\
    _share(_span, (_n + {block} - 1) // {block}, (_n, {span_arguments}))
"""

_RESET_SPAN = f"""\
@_njit(**_span_options)
def _span(_which, _n, {{span_arguments}}):
{_PLACE}    for _event in _range(_np.uint64(_lo), _np.uint64(_hi)):
        _idx = _np.uint64({{events}}[_event])
{{vector_code}}
    _f.restore(_old)
"""

_THRESHOLD_SPAN = f"""\
@_njit(**_span_options)
def _span(_which, _n, _counts, _found, {{span_arguments}}):
{_PLACE}    for _idx in _range(_np.uint64(_lo), _np.uint64(_hi)):
{{vector_code}}
        _found[_idx] = _cond
    _f.restore(_old)
    # A loop of its own, so that the one above vectorises; without a branch for each unit, as half of
    # them would be mispredicted, but with one for eight silent units (the buffer is padded to eights).
    _eights = _found.view(_np.uint64)
    _end = _np.uint64(_lo)
    for _eight in _range(_np.uint64(_lo // 8), _np.uint64((_hi + 7) // 8)):
        if _eights[_eight]:
            for _idx in _range(_np.uint64(8) * _eight, _np.uint64(8) * _eight + _np.uint64(8)):
                {{events}}[_end] = _idx
                _end += _np.uint64(_found[_idx])
{{refractory}}
    _counts[_which] = _np.int64(_end) - _lo
"""

_REFRACTORY = """\
    for _event in _range(_np.uint64(_lo), _end):
        _idx = {events}[_event]
        {not_refractory}[_idx] = False
        {lastspike}[_idx] = {t}
"""

_THRESHOLD_ALONE = """\
    _counts = _np.empty(1, _np.int64)
    _span(_np.int64(0), _n, _counts, _found, {span_arguments})
    {events}[_n] = _counts[0]
"""
# Each block has left its events at its own place; they only have to move down.
_THRESHOLD_SHARED = """\
    _blocks = (_n + {block} - 1) // {block}
    _counts = _np.empty(_blocks, _np.int64)
    _share(_span, _blocks, (_n, _counts, _found, {span_arguments}))
    _total = _counts[0]
    for _block in _range(1, _blocks):
        _f.move({events}, _total, _block * {block}, _counts[_block])
        _total += _counts[_block]
    {events}[_n] = _total
"""
# Of few events, as it often is, although the units are many.
_RESET_SHARED = """\
    if _n <= {block}:
        _span(_np.int64(0), _n, {span_arguments})
    else:
        _share(_span, (_n + {block} - 1) // {block}, (_n, {span_arguments}))
"""
_EVENTS = """\
    _n = _np.int64({events}[{events}.size - 1])
"""

#: template -> (inner loop, body of the kernel of one thread, body of the kernel of several threads)
TEMPLATES = {
    "stateupdate": (_SPAN, _ALONE, _SHARED),
    "reset": (_RESET_SPAN, _EVENTS + _ALONE, _EVENTS + _RESET_SHARED),
    "threshold": (_THRESHOLD_SPAN, _THRESHOLD_ALONE, _THRESHOLD_SHARED),
}


def kernel_source(
    template: str,
    scalar_code: str,
    vector_code: str,
    casts: list[str],
    arguments: list[str],
    span_arguments: list[str],
    real: str,
    parallel: bool,
    **names: str,
) -> str:
    """Return the Python source of one kernel.

    Parameters
    ----------
    template : {'stateupdate', 'threshold', 'reset'}
    scalar_code, vector_code : str
        Statements before the loop and within it.
    casts : list of str
        Statements between the two, which cast scalars to the kernel's type.
    arguments, span_arguments : list of str
        What the kernel and its inner loop are given.
    real : {'float32', 'float64'}
        Type of the literals.
    parallel : bool
        Whether to use several threads.
    **names : str
        ``events``: the array of events; and where spikes make units refractory, ``not_refractory``,
        ``lastspike`` and ``t``.

    Returns
    -------
    str
    """
    span, alone, shared = TEMPLATES[template]
    if template == "threshold":
        arguments = ["_found", *arguments]
    text = _HEADER + span + _KERNEL + (shared if parallel else alone)
    return text.format(
        scalar_code=indent(scalar_code),
        vector_code=indent(vector_code or "pass", 2),
        casts=indent("\n".join(casts)),
        refractory=_REFRACTORY.format(**names) if "lastspike" in names else "",
        arguments=", ".join(arguments),
        span_arguments=", ".join(span_arguments),
        real=real,
        block=BLOCK if parallel else "_n",
        events=names.get("events"),
    )
