"""Source text of the numba kernels: the loops around the statements of a code object.

A kernel of many units cuts them into blocks of fixed size and shares these out among threads, so that its result does
not depend on their number. The function of the loop is declared to have arrays that do not overlap: without that LLVM
gives up on vectorising a loop over more than a few arrays.
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
_options = dict(nogil=True, error_model="numpy")
_span_options = _options | dict(pipeline_class=_f.NoAlias, no_cpython_wrapper=True, no_cfunc_wrapper=True)


"""

_ALONE = """\
@_njit(**_options, pipeline_class=_f.NoAlias, cache=_CACHE)
def kernel(_n, {arguments}):
{begin}
{scalar_code}
{casts}
    _lo, _hi = _np.int64(0), _np.int64(_n)
{loop}
"""

_SHARED = """\
@_njit(**_span_options)
def _span(_which, _n, {span_arguments}):
    _lo, _hi = _which * {block}, _min(_n, (_which + 1) * {block})
{loop}


@_njit(**_options, cache=_CACHE)
def kernel(_n, {arguments}):
{begin}
{scalar_code}
{casts}
{share}
"""

_LOOP = """\
_old = _f.flush_denormals()
# Unsigned, as a signed index costs the wrap-around test and with it the vectorisation.
for _idx in _range(_np.uint64(_lo), _np.uint64(_hi)):
{vector_code}
_f.restore(_old)
"""
_SHARE = """\
_share(_span, (_n + {block} - 1) // {block}, (_n, {span_arguments}))
"""

_RESET_BEGIN = """\
_n = _np.int64({events}[{events}.size - 1])
"""
_RESET_LOOP = """\
_old = _f.flush_denormals()
for _event in _range(_np.uint64(_lo), _np.uint64(_hi)):
    _idx = _np.uint64({events}[_event])
{vector_code}
_f.restore(_old)
"""
# Of few events, as it often is, although the units are many. The two calls have one type, of which a literal would be
# another: numba compiles the inner loop once.
_RESET_SHARE = """\
if _n <= {block}:
    _span(_np.int64(0), _n, {span_arguments})
else:
    _share(_span, (_n + {block} - 1) // {block}, (_n, {span_arguments}))
"""

_THRESHOLD_LOOP = """\
_old = _f.flush_denormals()
for _idx in _range(_np.uint64(_lo), _np.uint64(_hi)):
{vector_code}
    _found[_idx] = _cond
_f.restore(_old)
# A loop of its own, so that the one above vectorises; without a branch for each unit, as half of
# them would be mispredicted, but with one for eight silent units (the buffer is padded to eights).
_eights = _found.view(_np.uint64)
_end = _np.uint64(_lo)
for _eight in _range(_np.uint64(_lo // 8), _np.uint64((_hi + 7) // 8)):
    if _eights[_eight]:
        for _idx in _range(_np.uint64(8) * _eight, _np.uint64(8) * _eight + _np.uint64(8)):
            {events}[_end] = _idx
            _end += _np.uint64(_found[_idx])
{refractory}
"""
_REFRACTORY = """\
for _event in _range(_np.uint64(_lo), _end):
    _idx = {events}[_event]
    {not_refractory}[_idx] = False
    {lastspike}[_idx] = {t}
"""
_THRESHOLD_END = """\
{events}[_n] = _end
"""
_THRESHOLD_END_OF_BLOCK = """\
_counts[_which] = _np.int64(_end) - _lo
"""
# Each block has left its events at its own place; they only have to move down.
_THRESHOLD_SHARE = """\
_blocks = (_n + {block} - 1) // {block}
_counts = _np.empty(_blocks, _np.int64)
_share(_span, _blocks, (_n, {span_arguments}))
_total = _counts[0]
for _block in _range(1, _blocks):
    _f.move({events}, _total, _block * {block}, _counts[_block])
    _total += _counts[_block]
{events}[_n] = _total
"""

#: template -> (what comes first, the loop over units, its end in one thread; the end of a block, what shares these out)
TEMPLATES = {
    "stateupdate": ("", _LOOP, "", "", _SHARE),
    "reset": (_RESET_BEGIN, _RESET_LOOP, "", "", _RESET_SHARE),
    "threshold": ("", _THRESHOLD_LOOP, _THRESHOLD_END, _THRESHOLD_END_OF_BLOCK, _THRESHOLD_SHARE),
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
    begin, loop, end, end_of_block, share = TEMPLATES[template]
    if template == "threshold":
        arguments = ["_found", *arguments]
        span_arguments = ["_counts", "_found", *span_arguments]
    fields = {
        "scalar_code": indent(scalar_code),
        "casts": indent("\n".join(casts)),
        "arguments": ", ".join(arguments),
        "span_arguments": ", ".join(span_arguments),
        "real": real,
        "block": BLOCK,
        "events": names.get("events"),
        "vector_code": indent(vector_code or "pass"),
        "refractory": _REFRACTORY.format(**names) if "lastspike" in names else "",
    }
    loop += end_of_block if parallel else end
    for name, text in (("begin", begin), ("loop", loop), ("share", share)):
        fields[name] = indent(text.format(**fields))
    return (_HEADER + (_SHARED if parallel else _ALONE)).format(**fields)
