"""The network: an ordinary Brian2 `Network` with a same-step schedule, streams and one seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from brian2 import BrianObject, Quantity, get_device, ms, second
from brian2 import Network as BrianNetwork
from brian2.core.base import BrianObjectException
from brian2.devices.device import RuntimeDevice

from spikefa._checks import duration, identifier, instance, one_of, shown, time_from_zero, whole
from spikefa.core.changes import all_objects, changed_variables, owned_arrays, stock_groups
from spikefa.core.clocks import NetworkClock, keep_time
from spikefa.core.equation_errors import own_cause, unprepared
from spikefa.core.executor import Executor, executors
from spikefa.core.part import NO_COPY, STRIDE, Part
from spikefa.core.prepared_code import PreparedCode
from spikefa.core.run_context import collected_seldom, one_at_a_time, unread_thresholds_inactive
from spikefa.core.summary import Summary, summary_of
from spikefa.core.uncaught import use_hook
from spikefa.engine.brian2_internals import belongs_to, run_has_ended, steps_left
from spikefa.engine.kernels.blas import single_threaded_blas
from spikefa.engine.targets import code_object_class
from spikefa.engine.threads import refuse_forked, thread_pool
from spikefa.engine.weight_policy import WeightPolicy
from spikefa.errors import ArgumentError, SpikefaError

use_hook()

#: One step: the stimulus, then every layer bottom up, then the error top down, then plasticity. Brian2's own
#: slots have to stay in the list.
SCHEDULE = [
    "start",
    "forward",
    "feedback",
    "plasticity",
    "groups",
    "thresholds",
    "synapses",
    "resets",
    "end",
]

#: Roles that only one part of a network can have.
UNIQUE_ROLES = ("stimulus", "readout", "weight_average")

#: Steps for which the generator of random numbers has numbers. Time, in float64, tells up to 2**38 steps apart (Brian2
#: takes times within dt / 10,000 for one).
MOST_STEPS = 2**32


class Network(BrianNetwork):
    r"""Populations, projections and rules that all advance together, step by step.

    Parameters
    ----------
    streams : int
        Independent copies of the activity that share the weights, 1 to 1,000 and more.
    seed : int
        Everything random follows from it, 0 included; below 2**32.
    dt : Quantity
        Duration of a step.
    dtype : {"float32", "float64"}
    target : {"numba", "numpy", "cython"}
        Brian2 code-generation target of the equations.
    device : {"cpu", "cuda"}
        Where it runs: on the processor, or on an NVIDIA GPU (see `spikefa.executors`). It may be changed between runs,
        at which the state lies in the same arrays.
    weight_policy : WeightPolicy, optional
        Chooses how the weights of each projection lie in memory.
    name : str

    Raises
    ------
    ArgumentError
        If an argument is outside its range; the message gives the value.
    SpikefaError
        In a process forked from one that had run networks: its threads are not there.

    Examples
    --------
    >>> import spikefa as fa
    >>> net = fa.Network(target="numpy")
    >>> image = fa.Input(net, "image", 4)
    >>> graded = {"equations": "I : 1\ny : 1", "emit": "y = I", "output": "y", "threshold": None}
    >>> output = fa.Layer(net, "output", 2, **graded)
    >>> projection = fa.Projection(net, image, output, fa.uniform(0.5))
    >>> net.run_steps(3)
    >>> net.step, net["output"].view("y").shape
    (3, (2, 1))
    """

    def __init__(
        self,
        streams: int = 1,
        seed: int = 0,
        dt: Quantity = 1 * ms,
        dtype: str = "float32",
        target: str = "numba",
        device: str = "cpu",
        weight_policy: WeightPolicy | None = None,
        name: str = "spikefa*",
    ):
        identifier("Network", "name", name, star=True)
        whole("Network", "streams", streams, 1, 2**31 - 1, rule="be a positive whole number")
        whole("Network", "seed", seed, 0, 2**32 - 1, rule="be a whole number from 0 to 2**32 - 1")
        one_of("Network", "dtype", str(dtype), ("float32", "float64"))
        refuse_forked("Network")
        duration("Network", "dt", dt)
        if weight_policy is not None:
            instance("Network", "weight_policy", weight_policy, WeightPolicy, "a WeightPolicy or None")
        super().__init__(name=name)
        self.schedule = SCHEDULE
        self.streams, self.seed = int(streams), int(seed)
        self.dtype = np.dtype(str(dtype))
        self.target, self.weight_policy = target, weight_policy or WeightPolicy()
        self.codeobj_class = code_object_class(target)
        self.clock = NetworkClock(dt=dt, name=f"{self.name}_clock")
        self.key = np.array([self.seed], np.uint64)
        #: Derivative of the loss by the output's current, for `GradientAlignment`, where rules do not say it: an
        #: expression of the error population's variables.
        self.output_error: str | None = None
        self._roles: dict[str, list] = {}
        self._initial_state: dict[str, np.ndarray] = {}
        #: Whether the initial state is saved for good: from the first run on, unless it is of an evaluation.
        self.has_begun = False
        #: While it is evaluated or recorded: the number of steps that the network itself has done.
        self.outer_step: int | None = None
        #: Objects that stand still in evaluations and recordings, see `leave_out_of_evaluations`.
        self.left_out_of_evaluations: list[BrianObject] = []
        self._places: dict[str, int] = {}
        self._runs = False
        self._prepared = PreparedCode()
        self._device, self._executor = "cpu", None
        self._paused: list[Part] | None = None  # what learned when `learns` was set to False
        self.device = device

    def __repr__(self) -> str:
        streams = f"{self.streams} stream{'s'[: self.streams != 1]}"
        parts = [*self.populations, *self.projections]
        return "\n  ".join([f"<Network of {streams}, seed {self.seed}, {self.dtype}", *map(repr, parts)]) + ">"

    def summary(self) -> Summary:
        """Return its populations and projections as a table: sizes, synapses, memory and rules.

        Returns
        -------
        Summary
            Printed as text, shown as HTML in a notebook; its rows are dicts.
        """
        return summary_of(self)

    def __reduce_ex__(self, protocol: int) -> tuple:
        """Refuse copies, whose parts would not be theirs."""
        raise SpikefaError(NO_COPY.format(owner="Network"))

    def __getitem__(self, name: str) -> BrianObject:
        """Return a part by its name, such as ``net["h1"]`` or the projection ``net["h1_to_h2"]``."""
        try:
            return super().__getitem__(name)
        except KeyError:
            names = [part.name for part in (*self.populations, *self.projections)]
            raise KeyError(f"Network: no part called {name!r}; there are {', '.join(names)}") from None

    # Parts.

    def join(self, *parts: BrianObject) -> None:
        """Add parts that belong to this network alone, and list them by their roles.

        Raises
        ------
        ArgumentError
            If a part has a role that only one part can have, and another has it already.
        """
        for part in parts:
            roles = getattr(part, "roles", ())
            for role in roles:
                if role in ("input", "layer") and self.readout is not None:
                    raise ArgumentError(f"Network: {role}s must be added before the task, got {part.name!r} after it")
                if role in UNIQUE_ROLES and self.parts(role):
                    has = f"{role.replace('_', ' ')} {self.parts(role)[0].name!r}"
                    raise ArgumentError(f"Network: has the {has} already, got {part.name!r}")
            self.add(part)
            for role in roles:
                self.parts(role).append(part)
            for obj in (part, *part.contained_objects):
                belongs_to(obj, self.id)

    def remove(self, *objects: Any) -> None:
        """Remove objects of Brian2's, as `brian2.Network.remove`.

        Raises
        ------
        ArgumentError
            If one is a part that the network lists by its role, such as a population or a projection.
        """
        for obj in objects:
            if any(obj is part for role in getattr(obj, "roles", ()) for part in self.parts(role)):
                raise ArgumentError(
                    f"Network: {type(obj).__name__} {obj.name!r} cannot be removed; set its active to False"
                )
        super().remove(*objects)

    def parts(self, role: str) -> list:
        """Return the parts of a role, in the order in which they joined; not a copy."""
        return self._roles.setdefault(role, [])

    def _only(self, role: str) -> Any:
        found = self.parts(role)
        return found[0] if found else None

    @property
    def populations(self) -> list:
        """All populations."""
        return self.parts("population")

    @property
    def layers(self) -> list:
        """The forward populations, bottom up."""
        return self.parts("layer")

    @property
    def hidden(self) -> list:
        """All layers but the last."""
        return self.layers[:-1]

    @property
    def feedback(self) -> list:
        """The feedback populations, the error's too."""
        return self.parts("feedback")

    @property
    def projections(self) -> list:
        """All projections."""
        return self.parts("projection")

    @property
    def input(self) -> Any:
        """The input population, the first of several, or None."""
        return self._only("input")

    @property
    def inputs(self) -> list:
        """The input populations, which the stimulus feeds."""
        return self.parts("input")

    @property
    def error(self) -> Any:
        """The error population, the first of several, or None."""
        return self._only("error")

    @property
    def errors(self) -> list:
        """All error populations."""
        return self.parts("error")

    @property
    def stimulus(self) -> Any:
        """The stimulus, or None before a task is stated (`classification_task`, `regression_task`)."""
        return self._only("stimulus")

    @property
    def readout(self) -> Any:
        """The readout, or None before a task is stated."""
        return self._only("readout")

    @property
    def weight_average(self) -> Any:
        """The `WeightAverage`, or None."""
        return self._only("weight_average")

    def check_new(self, name: str, owner: str) -> None:
        """Refuse a name that is already taken."""
        if any(obj.name == name for obj in self.objects):
            raise ArgumentError(f"{owner}: the network already has an object called {name!r}")

    def next_place(self, slot: str) -> int:
        """Return the order of the next population in a slot."""
        one_of("Network", "slot", slot, SCHEDULE)
        self._places[slot] = self._places.get(slot, 0) + STRIDE
        return self._places[slot]

    def require_task(self, owner: str) -> None:
        """Refuse what needs a stimulus and a readout, for `owner`, before there are any."""
        if self.stimulus is None:
            raise ArgumentError(
                f"{owner}: the network has no stimulus; call classification_task or regression_task first"
            )

    def save_initial_state(self) -> None:
        """Keep the present state as the one from which evaluations start; the first run does so by itself."""
        self.has_begun = True
        self._initial_state = {name: array.copy() for name, array in self.state().items()}

    def catch_up(self) -> None:
        """Do the updates that wait for the next step: before code of the user's, who may hold the array of weights."""
        for projection in self.projections:
            projection.weights.catch_up()

    def begin(self) -> None:
        """Save the initial state unless that has been done; called before anything else than the user changes it."""
        if not self.has_begun:
            self.save_initial_state()
        for name, array in self.state().items():
            if name not in self._initial_state:  # of a part that joined after the first run
                self._initial_state[name] = array.copy()

    def reset_state(self, for_evaluation: bool = False) -> None:
        """Go back to the initial state. Parameters, and weights of Brian2's synapses, keep their values.

        Parameters
        ----------
        for_evaluation : bool
            Whether what `Population.set_in_evaluations` and `Population.keep_in_evaluations` name is heeded.
        """
        self.begin()
        changed = changed_variables(self.objects)
        changed |= {(line.name, name) for line in self.parts("delay") for name in line.state_arrays()}
        kept, values = set(), {}
        if for_evaluation:
            for population in self.populations:
                kept |= {(population.name, name) for name in population.kept_in_evaluations}
                values |= {f"{population.name}.{name}": v for name, v in population.evaluation_values.items()}
        for name, array in self.state().items():
            if name in self._initial_state and tuple(name.split(".")) in changed - kept:
                array[...] = self._initial_state[name]
            if name in values:
                array[...] = values[name]
        if not for_evaluation:  # in which rules stand still
            for states in self.parts("synapse_state"):
                states.clear()

    def initial_arrays(self, population: BrianObject) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return each array of a population's state, without its parameters, with the values that it has at first."""
        changed, initial = changed_variables([population]), self._initial_state
        arrays = population.state_arrays().items()
        return [
            (array, initial[f"{population.name}.{name}"])
            for name, array in arrays
            if (population.name, name) in changed
        ]

    def leave_out_of_evaluations(self, *objects: BrianObject) -> None:
        """Let objects, with all that they contain, stand still while the network is evaluated or recorded.

        Such as a `NetworkOperation` that collects data, or the pathway of Brian2's synapses that makes them plastic:
        ``net.leave_out_of_evaluations(synapses.post)``.

        Parameters
        ----------
        *objects : BrianObject
            Objects of this network.

        Raises
        ------
        ArgumentError
            If one is not in the network.
        """
        known = {id(obj) for obj in all_objects(self.objects)}
        for obj in objects:
            if id(obj) not in known:
                raise ArgumentError(
                    f"Network: leave_out_of_evaluations must name objects of the network, got {shown(obj)}"
                )
        self.left_out_of_evaluations += objects

    # Running.

    @property
    def device(self) -> str:
        """Where the network runs: ``"cpu"`` or ``"cuda"``."""
        return self._device

    @device.setter
    def device(self, device: str) -> None:
        one_of("Network", "device", device, ("cpu", *executors))
        if device == self._device:
            return
        executor = None if device == "cpu" else executors[device](self)
        if self._executor is not None:
            self.remove(self._executor)
        if executor is not None:
            self.join(executor)
        self._device, self._executor = device, executor

    @property
    def executor(self) -> Executor | None:
        """What runs the network on another device than the processor; None on the processor."""
        return self._executor

    def before_run(self, run_namespace: dict) -> None:
        """Prepare a run; refuse equations that cannot run, and devices that would drop the kernels."""
        if type(get_device()) is not RuntimeDevice:
            raise SpikefaError(
                "spikefa: set_device('cpp_standalone') is not supported, since it would drop the projection and "
                "plasticity kernels; use the runtime device: set_device('runtime')"
            )
        self.begin()
        keep_time(self.objects, self.clock)
        for population in self.populations:
            population.check_run_namespace(run_namespace)
        if self.step + steps_left(self.clock) > MOST_STEPS:
            raise SpikefaError(
                f"Network: steps must be below 2**32, for which there are random numbers, got a run of "
                f"{steps_left(self.clock)} from step {self.step}"
            )
        with unprepared(self.populations), self._prepared.kept(self.populations, run_namespace):
            super().before_run(run_namespace)
        if self._executor is not None:
            self._executor.begin()

    def after_run(self) -> None:
        """Finish a run, with the state where it was before it."""
        if self._executor is not None:
            self._executor.end()
        super().after_run()

    def restore(self, *args: Any, **options: Any) -> None:
        """Go back to a state kept by `store`, as `brian2.Network.restore`: the stimulus, the readout's counts, too."""
        self.begin()
        try:
            super().restore(*args, **options)
        except KeyError as error:
            raise SpikefaError(
                f"Network: restore must name a state that a network with the same names has stored, got {error.args[0]}"
            ) from error

    def run(self, duration: Quantity, *args: Any, level: int = 0, **options: Any) -> None:
        """Run for a duration, as `brian2.Network.run`, after any run of another thread.

        Garbage is collected before it only now and then.

        Raises
        ------
        ArgumentError
            If the duration is no time, or negative.
        SpikefaError
            If it is called in a run of this network, such as in a network operation.
        """
        refuse_forked("Network")
        time_from_zero("Network", "duration", duration)
        namespace = options.get("namespace")
        if namespace is not None:
            instance("Network", "namespace", namespace, Mapping, "a dict of constants such as {'tau': 10*ms}, or None")
        if args and callable(args[0]):
            args = self._caught_up(args[0]), *args[1:]
        if callable(options.get("report")):
            options["report"] = self._caught_up(options["report"])
        if self._runs:
            raise SpikefaError("Network: cannot run or be evaluated within its own run, such as in an operation")
        for part in sorted(self.objects, key=lambda obj: obj.name):  # of several faults, always the same is told
            if isinstance(part, Part):
                part.begin_run()
        # On a GPU the processor's threads are not needed, and would keep those of other runs from their cores.
        synapses = sum(projection.shape[0] * projection.shape[1] for projection in self.projections)
        work = self.streams * synapses if self._executor is None else 0
        with one_at_a_time():
            self._runs = True
            try:
                with collected_seldom(), single_threaded_blas(), thread_pool(work), unread_thresholds_inactive(self):
                    super().run(duration, *args, level=level + 1, **options)
            except BrianObjectException as error:
                if (cause := own_cause(error)) is error:
                    raise
                raise cause from None
            finally:
                self._runs = False
                run_has_ended()
                if self._executor is not None:
                    self._executor.end()
                for part in self.objects:
                    if isinstance(part, Part):
                        part.finish_run()

    def _caught_up(self, report: Callable[..., None]) -> Callable[..., None]:
        def call(*args: Any) -> None:
            self.catch_up()
            report(*args)

        return call

    def run_steps(self, steps: int, **options: Any) -> None:
        """Run for a number of steps."""
        steps = whole("Network", "steps", steps)
        self.run(steps * self.clock.dt_ * second, namespace={}, **options)

    @property
    def learns(self) -> bool:
        """Whether its weights change in a run. Set it to False to look at a network as it is, and back to go on.

        What was switched off singly before (``projection.learning.active = False``) stays so.
        """
        return any(part.active for part in self.parts("learning"))

    @learns.setter
    def learns(self, learns: bool) -> None:
        learning = self.parts("learning")
        if not learns:
            active = [part for part in learning if part.active]
            for part in active:
                part.active = False
            self._paused = [*(self._paused or ()), *active]
        elif self._paused is not None or not self.learns:
            for part in learning if self._paused is None else self._paused:
                part.active = True
            self._paused = None

    @property
    def step(self) -> int:
        """Number of steps done."""
        return int(self.clock.variables["timestep"].get_value()[0])

    @step.setter
    def step(self, step: int) -> None:
        self.clock.variables["timestep"].set_value(step)
        self.clock.variables["t"].set_value(step * self.clock.dt_)
        self.t_ = float(step * self.clock.dt_)

    # State.

    def state(self) -> dict[str, np.ndarray]:
        """Return the arrays of the state of populations, delays and Brian2's groups, ``group.variable``; not copies."""
        state = {
            f"{population.name}.{name}": array
            for population in (*self.populations, *self.parts("delay"))
            for name, array in population.state_arrays().items()
        }
        for group in stock_groups(self.objects):
            state |= {f"{group.name}.{variable.name}": variable.get_value() for variable in owned_arrays(group)}
        return state

    def parameters(self) -> dict[str, np.ndarray]:
        """Return the arrays that learn, and what their rules remember; not copies."""
        parts = dict.fromkeys((*self.projections, *self.parts("learning"), *self.parts("synapse_state")))
        return {f"{part.state_name}.{name}": array for part in parts for name, array in part.state_arrays().items()}

    def averaged(self) -> AbstractContextManager[None]:
        """Within it, the weights are the means of a `WeightAverage`, if the network has one."""
        return nullcontext() if self.weight_average is None else self.weight_average.applied()


def require_network(owner: str, network: Any) -> Network:
    """Return a network, for `owner`.

    Raises
    ------
    ArgumentError
        If it is something else.
    """
    return instance(owner, "network", network, Network, "a Network")
