"""Translation of Brian2's abstract code into the Python of a numba kernel.

The order of reads, statements and writes is that of Brian2's Cython generator, which emits scalar loops in
Python syntax already. What differs is the expressions: they are typed (by Brian2's own analysis), so that a
group of float32 variables is computed in float32 throughout, literals, constants and ``dt`` included.
"""

import re
from contextlib import contextmanager

import numpy as np
from brian2 import second
from brian2.codegen.generators.cython_generator import CythonCodeGenerator
from brian2.core.functions import DEFAULT_FUNCTIONS, Function
from brian2.core.preferences import prefs
from brian2.core.variables import ArrayVariable, AuxiliaryVariable, Constant, DynamicArrayVariable, Subexpression
from brian2.parsing.bast import brian_ast
from brian2.parsing.rendering import NodeRenderer
from numba.core.dispatcher import Dispatcher

from spikefa.engine.brian2_target.random_functions import RandomStream
from spikefa.engine.kernels.philox import object_id
from spikefa.errors import ArgumentError

__all__ = ["NumbaCodeGenerator", "numba_implementation"]

_STOCK_DRAWS = {DEFAULT_FUNCTIONS["rand"]: "uniform", DEFAULT_FUNCTIONS["randn"]: "normal"}
#: Functions called with all arguments cast to the type of the kernel.
_REAL_FUNCTIONS = {name: f"_f.{name}" for name in ("exp", "expm1", "exprel", "tanh")}
_REAL_FUNCTIONS |= {
    name: f"_np.{name}"
    for name in (
        *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh"),
        *("log", "log10", "log1p", "sqrt", "floor", "ceil"),
    )
}
#: Functions of the type of their arguments.
_OTHER_FUNCTIONS = {"abs": "_np.abs", "sign": "_f.sign", "clip": "_f.clip"}

for _name, _code in {**_REAL_FUNCTIONS, **_OTHER_FUNCTIONS}.items():
    DEFAULT_FUNCTIONS[_name].implementations.add_implementation("numba", code=_code)
for _name in ("int", "timestep", "rand", "randn"):  # the renderer knows them
    DEFAULT_FUNCTIONS[_name].implementations.add_implementation("numba", code=None)


def numba_implementation(function: Function):
    """Return a function's own implementation for the numba target, None where it has none."""
    for key, implementation in function.implementations.items():
        if getattr(key, "class_name", key) == "numba":
            return implementation
    return None


#: Seed of the stock ``rand()`` and ``randn()``: the preference ``spikefa.seed``, as of the start of a run.
STOCK_SEED = np.zeros(1, dtype=np.uint64)


class _Renderer(NodeRenderer):
    """Renders an expression whose nodes Brian2 has typed as boolean, integer or float.

    In scalar statements everything is float64. In vector statements, literals and scalars take the
    type of the kernel; only times stay float64, as a time in float32 would soon be off by a step: ``t``, what is
    given to ``timestep``, and all that is in one sum, product or comparison with ``t`` or with a variable of times.
    """

    def __init__(self, generator, scalar):
        super().__init__(auto_vectorise=generator.auto_vectorise)
        self.generator = generator
        self.double = scalar
        self.index = "1" if scalar else "_idx"

    def render_expr(self, expr, strip=True):
        return self.render_node(brian_ast(expr.strip(), self.generator.names))

    def real(self, node):
        """Render as a floating point number, whatever the type of the node."""
        text = self.render_node(node)
        if node.dtype == "float":
            return text
        return f"_np.float64({text})" if self.double else f"_real({text})"

    def operands(self, *nodes):
        """Render numbers that meet in an operation: one float among them makes all of them floats."""
        floats = any(node.dtype == "float" for node in nodes)
        return [f"({self.real(node) if floats else self.render_node(node)})" for node in nodes]

    def render_Constant(self, node):
        value = node.value.item() if isinstance(node.value, np.generic) else node.value
        if node.dtype != "float":
            return repr(value)
        text = repr(float(value)) if np.isfinite(value) else "_np.inf"
        return text if self.double else f"_real({text})"

    def render_Name(self, node):
        variable = self.generator.names.get(node.id)
        is_real = node.dtype == "float" and variable is not None and variable.scalar
        if not is_real or self.double or node.id == "t":
            return node.id
        self.generator.casts.add(node.id)
        return f"_real_{node.id}"

    def _is_time(self, node):
        """Whether a number is one of time, or made of one without a function."""
        name = node.__class__.__name__
        if name == "Name":
            return self._names_time(node.id)
        children = {"BinOp": ("left", "right"), "UnaryOp": ("operand",)}.get(name, ())
        return any(self._is_time(getattr(node, child)) for child in children)

    def _names_time(self, name):
        variable = self.generator.variables.get(name)
        if isinstance(variable, Subexpression):
            return any(map(self._names_time, variable.identifiers))
        array = isinstance(variable, ArrayVariable) and not variable.scalar
        return name == "t" or (array and variable.dim is second.dim and variable.dtype == np.float64)

    @contextmanager
    def _doubly(self, *nodes):
        """Within it, numbers that meet a time are rendered in double precision."""
        before, self.double = self.double, self.double or any(map(self._is_time, nodes))
        yield
        self.double = before

    def render_BinOp(self, node):
        with self._doubly(node.left, node.right):
            return self._operation(node)

    def _operation(self, node):
        op = node.op.__class__.__name__
        if op == "Pow" and _is_small_integer(node.right):
            # numba multiplies out a literal power, in the type of its base.
            return f"({self.render_node(node.left)}) ** {NodeRenderer().render_node(node.right)}"
        if op in ("BitXor", "BitAnd", "BitOr"):
            return self.render_BinOp_parentheses(node.left, node.right, node.op)  # raises
        if op == "Div":
            left, right = f"({self.real(node.left)})", f"({self.real(node.right)})"
        else:
            left, right = self.operands(node.left, node.right)
        return f"{left} {self.expression_ops[op]} {right}"

    def render_BoolOp(self, node):
        # Bitwise: a short circuit would be a branch in the loop.
        op = {"And": " & ", "Or": " | "}[node.op.__class__.__name__]
        return op.join(f"({self.render_node(value)})" for value in node.values)

    def render_Compare(self, node):
        if len(node.comparators) > 1:
            raise SyntaxError("Can only handle single comparisons like a<b not a<b<c")
        with self._doubly(node.left, node.comparators[0]):
            left, right = self.operands(node.left, node.comparators[0])
        return f"{left} {self.expression_ops[node.ops[0].__class__.__name__]} {right}"

    def render_UnaryOp(self, node):
        return f"{self.expression_ops[node.op.__class__.__name__]} ({self.render_node(node.operand)})"

    def render_Call(self, node):
        name = node.func.id
        function = self.generator.variables[name]
        if function is DEFAULT_FUNCTIONS["int"]:
            return f"_np.int32({self.render_node(node.args[0])})"
        if function is DEFAULT_FUNCTIONS["timestep"]:
            double, self.double = self.double, True
            arguments = ", ".join(self.real(argument) for argument in node.args)
            self.double = double
            return f"_f.timestep({arguments})"
        code = numba_implementation(function).get_code(self.generator.owner)
        if isinstance(code, RandomStream) or function in _STOCK_DRAWS:
            return f"{self.generator.add_stream(name, function, code)}[{self.index}]"
        if isinstance(code, Dispatcher):
            self.generator.functions[f"_user_{name}"] = code
            arguments = [self.render_node(argument) for argument in node.args]
            arguments += [self.index] if function.auto_vectorise else []
            text = f"_user_{name}({', '.join(arguments)})"
            return f"_real({text})" if node.dtype == "float" and not self.double else text
        if not isinstance(code, str):
            raise ArgumentError(f"numba implementation of '{name}' must be a numba.njit function, got {code!r}")
        if code in _OTHER_FUNCTIONS.values():
            return f"{code}({', '.join(self.operands(*node.args))})"
        return f"{code}({', '.join(self.real(argument) for argument in node.args)})"


def _is_small_integer(node):
    if node.__class__.__name__ == "UnaryOp" and node.op.__class__.__name__ == "USub":
        node = node.operand
    value = getattr(node, "value", None)
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and abs(value) <= 16


class NumbaCodeGenerator(CythonCodeGenerator):
    """Generator of the numba target; also the key under which a function's implementation is registered.

    ``function.implementations.add_implementation(NumbaCodeGenerator, code=f)`` takes a compiled
    (``numba.njit``) function of as many numbers.
    """

    class_name = "numba"

    def __init__(self, *args, **kwds):
        super().__init__(*args, **kwds)
        #: Variables and the temporaries known so far, by name
        self.names = dict(self.variables)
        #: Scalars to be cast to the kernel's type
        self.casts: set[str] = set()
        #: Random numbers read in the code: buffer name -> stream
        self.streams: dict[str, RandomStream] = {}
        #: Users' compiled functions: name in the kernel -> function
        self.functions: dict[str, Dispatcher] = {}
        # Clock variables are scalars, and times always of double precision: neither says what the user wants.
        dtypes = {
            np.dtype(variable.dtype)
            for variable in self.variables.values()
            if isinstance(variable, ArrayVariable) and not variable.scalar and variable.dim is not second.dim
        } & {np.dtype("f4"), np.dtype("f8")}
        default = np.dtype(prefs["core.default_float_dtype"])
        self.dtype = dtypes.pop() if len(dtypes) == 1 else np.dtype("f8") if dtypes else default

    @staticmethod
    def supports(variables: dict) -> bool:
        """Whether a code object of these variables can be a numba kernel."""
        for variable in variables.values():
            if isinstance(variable, DynamicArrayVariable):
                return False
            if isinstance(variable, Function) and numba_implementation(variable) is None:
                return False
        return True

    def add_stream(self, name: str, function: Function, stream: RandomStream | None) -> str:
        """Return the name of the buffer for one occurrence of a random function."""
        buffer = f"_random_{name}"
        if stream is None:  # a stock function: every occurrence is another draw
            draw = len(self.streams)
            # Brian2 numbers a code object anew at each run; the name of its operation stays.
            name = re.sub(r"_codeobject(_\d+)?$", "", self.name)
            # The operation may have a clock of its own, faster than the group's.
            clock = next((o.clock for o in self.owner.contained_objects if o.name == name), self.owner.clock)
            step = clock.variables["timestep"].get_value()
            obj = object_id(f"{self.owner.name}/{name}")
            buffer = f"{buffer}_{draw}"
            stream = RandomStream(_STOCK_DRAWS[function], STOCK_SEED, obj, draw, step, self.dtype)
        self.streams[buffer] = stream
        return buffer

    def translate_statement(self, statement):
        """Translate one statement; what is stored has the type of its variable."""
        name, op, expr = statement.var, statement.op, statement.expr
        if name not in self.names:
            self.names[name] = AuxiliaryVariable(name, dtype=statement.dtype, scalar=statement.scalar)
        if op not in ("=", ":="):
            expr = f"{name} {op[:-1]} ({expr})"
        value = _Renderer(self, statement.scalar).render_expr(expr)
        variable = self.variables.get(name)
        if isinstance(variable, ArrayVariable):
            dtype = np.dtype(variable.dtype)
            value = f"_np.{'bool_' if dtype.kind == 'b' else dtype.name}({value})"
        return f"{name} = {value}"

    def determine_keywords(self):
        """Hand this generator to the template, which asks it for the parts of the kernel."""
        return {"generator": self}

    def arrays(self) -> dict[str, ArrayVariable]:
        """Arrays by the name they have in the code."""
        return {
            self.get_array_name(variable): variable
            for variable in self.variables.values()
            if isinstance(variable, ArrayVariable)
        }

    def constants(self) -> dict[str, Constant]:
        """Constants by name."""
        return {name: var for name, var in self.variables.items() if isinstance(var, Constant)}
