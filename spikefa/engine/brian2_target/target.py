"""Brian2 code-generation target ``numba``: parallel kernels for any `NeuronGroup`, without a C++ compiler.

Choose it with ``prefs.codegen.target = 'numba'`` or ``NeuronGroup(..., codeobj_class=NumbaCodeObject)``.
State updates, thresholds, resets, ``run_regularly`` and subexpressions constant over dt become kernels.
Everything else (synapses, monitors, functions without a numba implementation) runs on Brian2's numpy target.

The stock ``rand()`` and ``randn()`` are counter-based here: their numbers depend on ``prefs.spikefa.seed``,
the names of the group and of the operation, the time step and the unit, and on nothing else.
"""

import re

import numpy as np
from brian2.codegen.codeobject import CodeObject
from brian2.codegen.generators.numpy_generator import NumpyCodeGenerator
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.codegen.targets import codegen_targets
from brian2.core.base import BrianObjectException
from brian2.core.preferences import BrianPreference, prefs

from spikefa.engine.brian2_internals import allow_numpy_functions
from spikefa.engine.brian2_target import intrinsics
from spikefa.engine.brian2_target.generator import STOCK_SEED, NumbaCodeGenerator
from spikefa.engine.brian2_target.source import BLOCK, TEMPLATES, kernel_source
from spikefa.engine.generated import load_kernel
from spikefa.engine.kernels import denormals, math, tasks

__all__ = ["Kernel", "NumbaCodeGenerator", "NumbaCodeObject"]

#: Groups of fewer units run in the calling thread: waking the others costs about 10 us.
PARALLEL_FROM = 2 * BLOCK

prefs.register_preferences(
    "spikefa",
    "Preferences of spikefa",
    seed=BrianPreference(
        default=0,
        docs="Seed of the stock ``rand()`` and ``randn()`` on the numba target, in [0, 2**64).",
        validator=lambda seed: isinstance(seed, int | np.integer) and 0 <= seed < 2**64,
    ),
)

#: A name in the statements of a kernel that is no attribute of another.
_WORD = r"(?<![\w.])[A-Za-z_]\w*"


def _words(code):
    return re.findall(_WORD, code)


def _assigned(code):
    return set(re.findall(r"^\s*(\w+) =", code, re.M))


class Kernel:
    """What a template makes of the code: source, and the values its arguments get.

    Attributes
    ----------
    template : {'stateupdate', 'threshold', 'reset'}
    scalar_code, casts, vector_code : str, list of str, str
        The statements of which the source is made: once, and for every unit ``_idx``.
    arguments : list of str
        Arrays, constants and buffers of random numbers that they name.
    names : dict
        ``events``, the array of events; where spikes make units refractory, ``not_refractory``, ``lastspike``, ``t``.
    """

    def __init__(self, template, scalar_code, vector_code, generator, keywords):
        n = len(generator.owner)
        arrays, constants, streams = generator.arrays(), generator.constants(), generator.streams
        names = {}
        if template != "stateupdate":
            names["events"] = generator.get_array_name(keywords["eventspace_variable"])
        if keywords.get("_uses_refractory"):
            names |= {name: keywords[name] for name in ("not_refractory", "lastspike", "t")}
        in_loop = list(dict.fromkeys(_words(vector_code)))
        cast = [name for word in in_loop if (name := word.removeprefix("_real_")) != word and name in generator.casts]
        casts = [f"_real_{name} = _real({name})" for name in cast]
        # In order of appearance, and numbered, so that equal models get equal sources whatever their names.
        code = "\n".join([scalar_code, *casts, vector_code, *names.values()])
        words = list(dict.fromkeys(_words(code)))
        given = {*arrays, *constants, *streams}
        computed = _assigned("\n".join([scalar_code, *casts]))
        in_loop = {*in_loop, *_words("\n".join(names.values()))}
        arguments = [word for word in words if word in given]
        span_arguments = [word for word in words if word in in_loop & (given | computed)]
        own = (given | computed | _assigned(vector_code)) - {"_cond"}  # which the loop of a threshold reads
        short = {word: f"_a{k}" for k, word in enumerate(word for word in words if word in own)}

        def numbered(text):
            return re.sub(_WORD, lambda match: short.get(match[0], match[0]), text)

        self.source = kernel_source(
            template,
            numbered(scalar_code),
            numbered(vector_code),
            list(map(numbered, casts)),
            list(map(numbered, arguments)),
            list(map(numbered, span_arguments)),
            real=generator.dtype.name,
            parallel=n >= PARALLEL_FROM,
            **{name: numbered(array) for name, array in names.items()},
        )
        self.functions = generator.functions
        self.events = keywords.get("eventspace_variable")
        self.n = n
        self.template, self.names, self.dtype = template, names, generator.dtype
        self.scalar_code, self.casts, self.vector_code = scalar_code, casts, vector_code
        # Padded, as the kernel looks at eight units at once.
        self.found = [np.zeros(-(-n // 8) * 8, dtype=np.bool_)] if template == "threshold" else []
        self.arrays, self.constants, self.streams = arrays, constants, streams
        self.arguments = arguments
        # A scalar statement may draw too, as unit 1.
        self.buffers = [(stream, np.empty(max(n, 2), stream.dtype)) for stream in streams.values()]

    def values(self):
        """Arguments of the kernel."""
        buffers = dict(zip(self.streams, (buffer for _, buffer in self.buffers), strict=True))
        values = [self.n, *self.found]
        for name in self.arguments:
            if name in buffers:
                values.append(buffers[name])
            elif name in self.arrays:
                values.append(self.arrays[name].get_value())
            else:
                values.append(np.asarray(self.constants[name].get_value()).item())
        return tuple(values)


class _Template:
    """One of Brian2's templates as a numba kernel; in all else it is numpy's template of that name."""

    def __init__(self, name, numpy_template):
        self.name, self.numpy_template = name, numpy_template

    def __getattr__(self, attribute):
        return getattr(self.numpy_template, attribute)

    def __call__(self, scalar_code, vector_code, **keywords):
        generator = keywords.get("generator")
        if generator is None:  # the code is numpy's, see `_make_generator`
            return self.numpy_template(scalar_code, vector_code, **keywords)
        return Kernel(self.name, scalar_code[None], vector_code[None], generator, keywords)


class _Templater:
    def __getattr__(self, name):
        template = getattr(NumpyCodeObject.templater, name)
        return _Template(name, template) if name in TEMPLATES else template


def _make_generator(variables, template_name, codeobj_class, **keywords):
    """Choose the generator of a code object: numba's where it can, numpy's else."""
    numba = template_name in TEMPLATES and NumbaCodeGenerator.supports(variables)
    generator_class = NumbaCodeGenerator if numba else NumpyCodeGenerator
    return generator_class(
        variables=variables,
        template_name=template_name,
        codeobj_class=codeobj_class if numba else NumpyCodeObject,
        **keywords,
    )


class NumbaCodeObject(CodeObject):
    """Runs a code object as a numba kernel, or as a `NumpyCodeObject` where there is no kernel for it.

    Attributes
    ----------
    kernel : callable
        The function compiled by numba; equal sources have the same one.
    """

    templater = _Templater()
    generator_class = staticmethod(_make_generator)
    # Where Brian2 looks for a function's implementation when there is none for numba.
    original_generator_class = NumpyCodeGenerator
    class_name = "numba"

    def __new__(cls, owner, code, *args, **keywords):
        """Return a `NumpyCodeObject` for code that is no kernel."""
        if isinstance(code, Kernel):
            return super().__new__(cls)
        return NumpyCodeObject(owner, code, *args, **keywords)

    def __init__(self, owner, code, *args, **keywords):
        super().__init__(owner, code, *args, **keywords)
        self.namespace = {"_owner": owner}

    def compile(self):
        """Load the kernel; numba compiles it at its first call."""
        self.kernel = load_kernel(self.code.source, (denormals, math, tasks, intrinsics), self.code.functions)

    def compile_block(self, block):
        """Do nothing: there is one kernel, and `compile` loads it."""

    def before_run(self):
        """Read the seed and the arrays, which stay the same during a run."""
        STOCK_SEED[0] = prefs["spikefa.seed"]
        self._arguments = self.code.values()

    def run_block(self, block):
        """Run the kernel once."""
        if block == "run":
            self()

    def __call__(self, **keywords):
        """Draw this step's random numbers and run the kernel."""
        try:
            for stream, buffer in self.code.buffers:
                stream.fill(buffer)
            self.kernel(*self._arguments)
        except Exception as error:
            denormals.keep_denormals()
            message = f"The numba kernel of code object '{self.name}' failed.\n"
            raise BrianObjectException(message, self.owner) from error

    def after_run(self):
        """Forget the events of the last step, as Brian2's own targets do."""
        if self.template_name == "threshold":
            self.code.events.get_value()[-1] = 0


codegen_targets.add(NumbaCodeObject)
allow_numpy_functions(NumbaCodeObject)
