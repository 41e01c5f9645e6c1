"""Tasks shared out among numba's threads.

Numba compiles what is in a parallel loop several times: once for the loop, and again for all that surrounds it. Here
one loop over tasks is compiled for all kernels; it calls a kernel's task by its address. Kernels compile in about
half the time, and run as fast::

    @compiled(nogil=True)
    def _scale_row(j, weights, factor):
        for i in range(weights.shape[1]):
            weights[j, i] *= factor


    @compiled(nogil=True)
    def scale(weights, factor):
        share(_scale_row, len(weights), (weights, factor))
"""

from __future__ import annotations

from llvmlite import ir
from numba import prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from spikefa.engine.compiled import compiled

_LONG = ir.IntType(64)
_TASK = ir.FunctionType(ir.VoidType(), [_LONG, _LONG])


@intrinsic
def _call(typingctx, function, task, given):
    def codegen(context, builder, signature, args):
        function, task, given = args
        builder.call(builder.inttoptr(function, _TASK.as_pointer()), [task, given])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 3), codegen


@compiled(parallel=True, nogil=True)
def _run(function, count, given):
    """Call the function at an address with each task and the address of what it is given."""
    for task in prange(count):
        _call(function, task, given)


def _overload(context, kind: types.Dispatcher, given: tuple):
    """Return a compiled function of numba's for types of arguments, and have it linked."""
    kind.get_call_type(context.typing_context, given, {})
    found = kind.dispatcher.overloads[given]
    context.add_linking_libs([found.library])
    return found.fndesc


def _function_of_task(context, module: ir.Module, body: types.Dispatcher, given: types.BaseTuple, room: ir.Type):
    """Return a function that unpacks what is given, calls the body, and notes there if it has failed."""
    described = _overload(context, body, (types.int64, *given.types))
    function = ir.Function(module, _TASK, module.get_unique_name("spikefa_task"))
    function.linkage = "internal"
    builder = ir.IRBuilder(function.append_basic_block())
    place = builder.inttoptr(function.args[1], room.as_pointer())
    values = builder.load(cgutils.gep_inbounds(builder, place, 0, 0))
    unpacked = [builder.extract_value(values, position) for position in range(len(given.types))]
    arguments = context.get_arg_packer(described.argtypes).as_arguments(builder, [function.args[0], *unpacked])
    callee = context.declare_function(module, described)
    answer, error = (cgutils.alloca_once(builder, kind.pointee) for kind in callee.function_type.args[:2])
    status = builder.call(callee, [answer, error, *arguments])
    with builder.if_then(cgutils.is_not_null(builder, status), likely=False):
        builder.store(ir.Constant(ir.IntType(8), 1), cgutils.gep_inbounds(builder, place, 0, 1))
    builder.ret_void()
    return function


@intrinsic
def share(typingctx, body, count, given):
    """Call ``body(task, *given)`` for each task from 0 to `count`, in any order, on all threads.

    Parameters
    ----------
    body : function of `spikefa.engine.compiled.compiled`
        It returns nothing.
    count : int
    given : tuple

    Raises
    ------
    RuntimeError
        If a task has failed, which then has no effect on the others.
    """
    given = types.unliteral(given)

    def codegen(context, builder, signature, args):
        _, count, values = args
        room = ir.LiteralStructType([context.get_value_type(given), ir.IntType(8)])
        place = cgutils.alloca_once(builder, room)
        builder.store(values, cgutils.gep_inbounds(builder, place, 0, 0))
        failed = cgutils.gep_inbounds(builder, place, 0, 1)
        builder.store(ir.Constant(ir.IntType(8), 0), failed)
        function = _function_of_task(context, builder.module, body, given, room)
        run = context.typing_context.resolve_value_type(_run)
        addresses = [builder.ptrtoint(function, _LONG), count, builder.ptrtoint(place, _LONG)]
        described = _overload(context, run, (types.int64,) * 3)
        context.call_internal_no_propagate(builder, described, types.void(*[types.int64] * 3), addresses)
        with builder.if_then(cgutils.is_not_null(builder, builder.load(failed)), likely=False):
            context.call_conv.return_user_exc(builder, RuntimeError, (f"a task of {body.dispatcher.__name__} failed",))
        return context.get_dummy_value()

    return types.void(body, types.int64, given), codegen
