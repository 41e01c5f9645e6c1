"""States of each synapse in each stream, such as eligibility traces, of rules in which they are no traces of units."""

from __future__ import annotations

import math

import numpy as np
import sympy
from brian2 import BrianObject
from brian2.utils.logger import get_logger

from spikefa.core.network import Network
from spikefa.core.part import Part
from spikefa.engine.kernels.synapse_loop import compile_states
from spikefa.engine.memory import require_memory
from spikefa.plasticity.expression import side_of, to_text
from spikefa.plasticity.factors import Factors

logger = get_logger(f"brian2.{__name__}")  # shown, caught and silenced as Brian2's own


class SynapseStates(Part, BrianObject):
    """Brings the states of each synapse of one projection up to date, in the slot ``plasticity`` of every step.

    They go on while weights do not learn, since time does, and stand still in evaluations.

    Parameters
    ----------
    factors : Factors
        Of the rule; its traces are there.
    shape : (int, int)
        Presynaptic and postsynaptic units.
    for_bias : bool
        Whether the bias has states, too: those of a synapse from a unit whose every variable is 1.
    order : float

    Attributes
    ----------
    values, bias_values : dict
        By the name of the state, ``(n_pre, n_post, streams)``, and ``(1, n_post, streams)`` of the bias.
    bytes : int
        Memory of all.

    Raises
    ------
    ArgumentError
        If the states take more than half of the free memory.
    """

    roles = ("synapse_state",)
    reads_events = False

    def __init__(self, factors: Factors, shape: tuple[int, int], for_bias: bool, order: float):
        network, self.projection = factors.network, factors.projection
        self._rule, self._plasticity = factors.plasticity.text.of("synapse"), factors.plasticity
        super().__init__(clock=network.clock, when="plasticity", order=order, name=f"{self.projection}_states")
        self.network, self.title = network, factors.title
        states = [state.name for state in self._rule.states]
        (n_pre, n_post), streams = shape, network.streams
        numbers = len(states) * (n_pre + for_bias) * n_post * streams
        self.bytes = numbers * network.dtype.itemsize
        self._check_memory(states, (n_pre, n_post, streams))
        self.values = {name: np.zeros((n_pre, n_post, streams), network.dtype) for name in states}
        self.bias_values = {name: np.zeros((1, n_post, streams), network.dtype) for name in states if for_bias}
        self._make_kernel(factors)

    def _check_memory(self, states: list[str], shape: tuple[int, int, int]) -> None:
        which = f"state{'s'[: len(states) != 1]} {', '.join(states)}"
        size = " x ".join(map(str, shape))
        owner = f"{self.title}, {self._plasticity.title}"
        require_memory(owner, f"the {which} of each synapse in each stream ({size})", self.bytes, share=2)
        logger.info(
            f"{self.title}: the {which} of each synapse in each stream ({size}) take{'s'[: len(states) == 1]} "
            f"{self.bytes / 1e6:.3g} MB",
            name_suffix="memory",
        )

    def _make_kernel(self, factors: Factors) -> None:
        values = [value for _, value in self._rule.statements]
        names = sorted({s.name for value in values for s in value.free_symbols})
        known = factors.plasticity.numbers(self.clock.dt_)
        self._constants = [name for name in names if name in known or name == "t"]
        pre, post = ([n for n in names if side_of(n) == {side} and n not in known] for side in ("pre", "post"))
        with_numpy = self.network.target != "numba"
        symbols = [state.symbol.name for state in self._rule.states]
        statements = [(state.symbol.name, to_text(value)) for state, value in self._rule.statements]
        self._kernel = compile_states(statements, pre, post, self._constants, symbols, with_numpy)
        self._pre = [factors.of("pre", sympy.Symbol(n, real=True), f"y{n.lstrip('_')}") for n in pre]
        self._post = [factors.of("post", sympy.Symbol(n, real=True), f"y{n.lstrip('_')}") for n in post]
        ones = sympy.Integer(1)
        self._bias_pre = (
            [factors.of_bias(sympy.Symbol(n, real=True), ones, f"bias_y{n.lstrip('_')}")[:1] for n in pre]
            if self.bias_values
            else []
        )

    def before_run(self, run_namespace: dict) -> None:
        """Compute the factors by which states decay, since constants may have changed."""
        super().before_run(run_namespace)
        dt = self.clock.dt_
        self._factors = [math.exp(self._plasticity.value(state.rate, dt) * dt) for state in self._rule.states]

    def run(self) -> None:
        """Let the states decay, and run the statements."""
        constants = step_constants(self.network, self._plasticity.numbers(self.clock.dt_), self._constants)
        self._kernel(*self._pre, *self._post, *self.values.values(), *constants, *self._factors)
        if self.bias_values:
            self._kernel(*self._bias_pre, *self._post, *self.bias_values.values(), *constants, *self._factors)

    def clear(self) -> None:
        """Let all be as at first: zero."""
        for array in self.state_arrays().values():
            array[...] = 0

    @property
    def state_name(self) -> str:
        """Name under which the states are kept in checkpoints: the projection's."""
        return self.projection

    def state_arrays(self) -> dict[str, np.ndarray]:
        """Return the states, not copies."""
        own = {f"state_{name}": array for name, array in self.values.items()}
        return own | {f"bias_state_{name}": array for name, array in self.bias_values.items()}


def step_constants(network: Network, numbers: dict[str, float], names: list[str]) -> list[float]:
    """Return constants of a rule by their names, and the time of the step."""
    return [float(network.step * network.clock.dt_) if name == "t" else numbers[name] for name in names]
