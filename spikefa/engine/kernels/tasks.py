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
from numba.core.callconv import RETCODE_USEREXC, Status, errcode_t, excinfo_ptr_t
from numba.extending import intrinsic

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.denormals import keep_denormals

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


def _call_compiled(context, builder, function, integers: list[ir.Value]) -> None:
    """Call a function of numba's that is given integers, returns nothing and does not fail."""
    described = _overload(context, context.typing_context.resolve_value_type(function), (types.int64,) * len(integers))
    context.call_internal_no_propagate(builder, described, types.void(*described.argtypes), integers)


def _function_of_task(context, module: ir.Module, body: types.Dispatcher, given: types.BaseTuple, room: ir.Type):
    """Return a function that unpacks what is given, calls the body, and notes there how the first task failed."""
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
    code = builder.call(callee, [answer, error, *arguments])
    with builder.if_then(cgutils.is_not_null(builder, code), likely=False):
        _call_compiled(context, builder, keep_denormals, [])
        failure = cgutils.gep_inbounds(builder, place, 0, 1)
        first = builder.extract_value(builder.cmpxchg(failure, ir.Constant(errcode_t, 0), code, "monotonic"), 1)
        with builder.if_then(first):
            builder.store(builder.load(error), cgutils.gep_inbounds(builder, place, 0, 2))
    builder.ret_void()
    return function


def _lent(context, builder, given: types.BaseTuple, values: ir.Value) -> ir.Value:
    """Return what is given with arrays that own no memory, as whoever shares out the tasks keeps it.

    A slice of an array that owns memory counts as one more owner, and threads that count wait for each other.
    """
    for position, kind in enumerate(given.types):
        if isinstance(kind, types.Array):
            owner = context.data_model_manager[kind].get_field_position("meminfo")
            array = builder.extract_value(values, position)
            nobody = cgutils.get_null_value(array.type.elements[owner])
            values = builder.insert_value(values, builder.insert_value(array, nobody, owner), position)
    return values


def _raise(context, builder, code: ir.Value, exception: ir.Value) -> None:
    """Have the function that is being compiled raise what another has raised."""
    yes, no = cgutils.true_bit, cgutils.false_bit
    status = Status(
        code=code,
        is_ok=no,
        is_none=no,
        is_error=yes,
        is_stop_iteration=no,
        is_python_exc=no,
        is_user_exc=yes,
        excinfoptr=exception,
    )
    context.call_conv.return_status_propagate(builder, status)


@intrinsic
def share(typingctx, body, count, given):
    """Call ``body(task, *given)`` for each task from 0 to `count`, in any order, on all threads.

    Parameters
    ----------
    body : function of `spikefa.engine.compiled.compiled`
        It returns nothing, and keeps no array that it is given, nor a slice of one: they own no memory.
    count : int
    given : tuple

    Raises
    ------
    Exception
        What a task has raised: of several, one. The others run all the same.
    """
    given = types.unliteral(given)

    def codegen(context, builder, signature, args):
        _, count, values = args
        room = ir.LiteralStructType([context.get_value_type(given), errcode_t, excinfo_ptr_t])
        place = cgutils.alloca_once(builder, room)
        builder.store(_lent(context, builder, given, values), cgutils.gep_inbounds(builder, place, 0, 0))
        failure = cgutils.gep_inbounds(builder, place, 0, 1)
        builder.store(ir.Constant(errcode_t, 0), failure)
        function = _function_of_task(context, builder.module, body, given, room)
        addresses = [builder.ptrtoint(function, _LONG), count, builder.ptrtoint(place, _LONG)]
        _call_compiled(context, builder, _run, addresses)
        code = builder.load(failure)
        with builder.if_then(cgutils.is_not_null(builder, code), likely=False):
            raised = builder.icmp_signed("==", code, RETCODE_USEREXC)
            with builder.if_then(raised):
                _raise(context, builder, code, builder.load(cgutils.gep_inbounds(builder, place, 0, 2)))
            with builder.if_then(builder.not_(raised)):  # one of Python's own, which stays in the thread that ran it
                name = body.dispatcher.__name__
                context.call_conv.return_user_exc(builder, RuntimeError, (f"a task of {name} failed",))
        return context.get_dummy_value()

    return types.void(body, types.int64, given), codegen
