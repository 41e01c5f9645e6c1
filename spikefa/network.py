"""The network: an ordinary Brian2 `Network` with a same-step schedule, streams and one seed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from brian2 import BrianObject, Clock, Quantity, get_device, ms, second
from brian2 import Network as BrianNetwork
from brian2.devices.device import RuntimeDevice

from .averaging import WeightAverage
from .engine import code_object_class
from .engine.blas import single_threaded_blas
from .engine.cuda import require_cuda
from .engine.threads import refuse_forked, thread_pool
from .garbage import collected_seldom
from .layers import STRIDE, ErrorPopulation, Input, Layer, Population
from .projections import Projection
from .readout import Readout, SquaredError, Votes
from .refusals import unprepared
from .stimulus import Stimulus
from .unheard import unheard_thresholds_rest

if TYPE_CHECKING:
    from .device import DeviceRun

#: One step: the stimulus, then every layer bottom up, then the error top down, then plasticity. Brian2's own
#: slots have to stay in the list.
SCHEDULE = [
    "start", "forward", "feedback", "plasticity", "groups", "thresholds", "synapses", "resets", "end",
]  # fmt: skip

#: High words of the random key: separate random numbers for learning and for what must not disturb it.
LEARNING, EVALUATION, DISPLAY = 0, 1, 2


class Network(BrianNetwork):
    """Populations, projections and rules that all advance together, step by step.

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
        Where it runs: on the processor, or on an NVIDIA GPU (see `spikefa.device`). It may be changed between runs,
        at which the state lies in the same arrays.
    name : str

    Raises
    ------
    ValueError
        If an argument is outside its range; the message gives the value.
    RuntimeError
        In a process forked from one that had run networks: its threads are not there.
    """

    def __init__(
        self,
        streams: int = 1,
        seed: int = 0,
        dt: Quantity = 1 * ms,
        dtype: str = "float32",
        target: str = "numba",
        device: str = "cpu",
        name: str = "spikefa*",
    ):
        if isinstance(streams, bool) or not isinstance(streams, int | np.integer) or streams < 1:
            raise ValueError(f"Network: streams must be a positive whole number, got {streams!r}")
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
            raise ValueError(f"Network: seed must be a whole number from 0 to 2**32 - 1, got {seed!r}")
        if str(dtype) not in ("float32", "float64"):
            raise ValueError(f"Network: dtype must be 'float32' or 'float64', got {dtype!r}")
        refuse_forked("Network")
        if not dt > 0 * ms:
            raise ValueError(f"Network: dt must be above 0, got {dt}")
        super().__init__(name=name)
        self.schedule = SCHEDULE
        self.streams, self.seed = int(streams), int(seed)
        self.dtype = np.dtype(str(dtype))
        self.target = target
        self.codeobj_class = code_object_class(target)
        self.clock = Clock(dt=dt, name=f"{self.name}_clock")
        self.key = np.array([self.seed], np.uint64)
        self.populations: list[Population] = []
        self.layers: list[Layer] = []
        self.feedback: list = []
        self.projections: list[Projection] = []
        self.input: Input | None = None
        self.error: ErrorPopulation | None = None
        self.stimulus: Stimulus | None = None
        #: Derivative of the loss by the output's current, for `UpdateAlignment`, where rules do not say it: an
        #: expression of the error population's variables.
        self.output_error: str | None = None
        self._rest: dict[str, np.ndarray] = {}
        self.readout: Readout | None = None
        self.average: WeightAverage | None = None
        self._places: dict[str, int] = {}
        self._device_run: DeviceRun | None = None
        self.device = device

    def __repr__(self) -> str:
        streams = f"{self.streams} stream{'s'[: self.streams != 1]}"
        parts = [*self.populations, *self.projections]
        return "\n  ".join([f"<Network of {streams}, seed {self.seed}, {self.dtype}", *map(repr, parts)]) + ">"

    def __getitem__(self, name: str) -> BrianObject:
        """A part by its name, such as ``net["h1"]`` or the projection ``net["h1_to_h2"]``."""
        try:
            return super().__getitem__(name)
        except KeyError:
            names = [part.name for part in (*self.populations, *self.projections)]
            raise KeyError(f"Network: no part called {name!r}; there are {', '.join(names)}") from None

    # What the parts call when they join.

    def check_new(self, name: str, owner: str) -> None:
        """Refuse a name that is already taken."""
        if any(obj.name == name for obj in self.objects):
            raise ValueError(f"{owner}: the network already has an object called {name!r}")

    def next_place(self, slot: str) -> int:
        """Return the order of the next population in a slot."""
        if slot not in SCHEDULE:
            raise ValueError(f"Network: slot must be one of {SCHEDULE}, got {slot!r}")
        self._places[slot] = self._places.get(slot, 0) + STRIDE
        return self._places[slot]

    def add_population(self, population: Population) -> None:
        """Take in a population."""
        self.populations.append(population)
        self.join(population)

    def join(self, *parts: BrianObject) -> None:
        """Add parts that belong to this network alone."""
        self.add(*parts)
        for part in parts:
            for obj in (part, *part.contained_objects):
                obj._network = self.id  # else Brian2 warns when a network is dropped that never ran

    def add_projection(self, projection: Projection) -> None:
        """Take in a projection."""
        self.projections.append(projection)
        self.join(projection)

    def set_input(self, population: Input) -> None:
        """Take in the input population."""
        if self.input is not None:
            raise ValueError(f"Network: has the input {self.input.name!r} already, got {population.name!r}")
        self.input = population

    def set_error(self, population: ErrorPopulation) -> None:
        """Take in the error population."""
        if self.error is not None:
            raise ValueError(f"Network: has the error {self.error.name!r} already, got {population.name!r}")
        self.error = population

    def present(self, steps_per_image: int, classes: int | None = None) -> Stimulus:
        """Finish the network: a stimulus for its input and error, and a readout of its last layer.

        Parameters
        ----------
        steps_per_image : int
            Steps for which an image is shown.
        classes : int, optional
            Number of classes; the last layer's units are divided among them in equal groups. Without, the
            targets are values, one a unit of the last layer (regression).

        Raises
        ------
        ValueError
            If it was called before, there is no layer to read out or no input, or an argument does not fit them.
        """
        if self.stimulus is not None:
            raise ValueError(
                f"Network: present() must be called once, got a second call, with {steps_per_image!r} steps an image; "
                "set network.stimulus.steps_per_image, or build a new network for other classes"
            )
        if not self.layers:
            raise ValueError("Network: present() must have a layer to read out, got none; add a Layer first")
        self.readout = SquaredError(self) if classes is None else Votes(self, classes)
        self.stimulus = Stimulus(self, steps_per_image)
        self.join(self.stimulus, self.readout)
        self.set_rest()
        return self.stimulus

    def check_presented(self, owner: str) -> None:
        """Refuse what needs a stimulus and a readout, for `owner`, before there are any."""
        if self.stimulus is None:
            raise ValueError(f"{owner}: the network has no stimulus; call its present() first")

    def set_rest(self) -> None:
        """Take the present activity as rest, from which evaluations start; call it after setting initial values."""
        self._rest = {name: array.copy() for name, array in self.activity().items()}

    def rest(self) -> None:
        """Bring the activity to rest, as before an evaluation; dropout, which is a state of training, ends too."""
        for name, array in self.activity().items():
            array[...] = self._rest.get(name, 0)

    # Running.

    @property
    def device(self) -> str:
        """Where the network runs: ``"cpu"`` or ``"cuda"``."""
        return "cpu" if self._device_run is None else "cuda"

    @device.setter
    def device(self, device: str) -> None:
        if device not in ("cpu", "cuda"):
            raise ValueError(f"Network: device must be 'cpu' or 'cuda', got {device!r}")
        if device == self.device:
            return
        if self._device_run is not None:
            self.remove(self._device_run)
            self._device_run = None
            return
        require_cuda()
        from .device import DeviceRun  # needs numba's CUDA target

        self._device_run = DeviceRun(self)
        self.join(self._device_run)

    def before_run(self, run_namespace: dict) -> None:
        """Prepare a run; refuse equations that cannot run, and devices that would drop the kernels."""
        if type(get_device()) is not RuntimeDevice:
            raise NotImplementedError(
                "spikefa: set_device('cpp_standalone') is not supported, since it would drop the projection and "
                "plasticity kernels; use the runtime device: set_device('runtime')"
            )
        with unprepared(self.populations):
            super().before_run(run_namespace)
        if self._device_run is not None:
            self._device_run.begin()

    def after_run(self) -> None:
        """Finish a run, with the state where it was before it."""
        if self._device_run is not None:
            self._device_run.end()
        super().after_run()

    def run(self, duration: Quantity, *args: Any, level: int = 0, **options: Any) -> None:
        """Run for a duration, as `brian2.Network.run`; garbage is collected before it only now and then."""
        refuse_forked("Network")
        # On a GPU the processor's threads are not needed, and would keep those of other runs from their cores.
        on_cpu = self._device_run is None
        work = on_cpu * self.streams * sum(n_pre * n_post for n_pre, n_post in (p.shape for p in self.projections))
        try:
            with collected_seldom(), single_threaded_blas(), thread_pool(work), unheard_thresholds_rest(self):
                super().run(duration, *args, level=level + 1, **options)
        finally:
            if self._device_run is not None:
                self._device_run.end()
            for projection in self.projections:
                projection.catch_up()

    def run_steps(self, steps: int, **options: Any) -> None:
        """Run for a number of steps."""
        if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0:
            raise ValueError(f"Network: steps must be a whole number, at least 0, got {steps!r}")
        self.run(steps * self.clock.dt_ * second, namespace={}, **options)

    @property
    def learns(self) -> bool:
        """Whether its weights change in a run. Set it to False to look at a network as it is, and back to go on."""
        return any(part.active for part in self._learning_parts())

    @learns.setter
    def learns(self, learns: bool) -> None:
        for part in self._learning_parts():
            part.active = bool(learns)

    def _learning_parts(self) -> list[BrianObject]:
        rules = [projection.learning for projection in self.projections]
        return [part for part in (*rules, self.average) if part is not None]

    @property
    def step(self) -> int:
        """Number of steps done."""
        return int(self.clock.variables["timestep"].get_value()[0])

    @step.setter
    def step(self, step: int) -> None:
        self.clock.variables["timestep"].set_value(step)
        self.clock.variables["t"].set_value(step * self.clock.dt_)
        self.t_ = float(step * self.clock.dt_)

    @property
    def hidden(self) -> list[Layer]:
        """All layers but the last."""
        return self.layers[:-1]

    # State.

    def activity(self) -> dict[str, np.ndarray]:
        """The arrays of the populations' state, ``population.variable``; not copies."""
        return {
            f"{population.name}.{name}": array
            for population in self.populations
            for name, array in population.state_arrays().items()
        }

    def parameters(self) -> dict[str, np.ndarray]:
        """The arrays that learn, and what their rules remember; not copies."""
        arrays: dict[str, np.ndarray] = {}
        for projection in self.projections:
            for part in (projection, projection.learning):
                if part is not None:
                    arrays |= {
                        f"{projection.name}.{name}": array for name, array in part.state_arrays().items()
                    }
        if self.average is not None:
            arrays |= {f"average.{name}": array for name, array in self.average.state_arrays().items()}
        return arrays

    def averaged(self) -> AbstractContextManager[None]:
        """Within it, the weights are the means of a `WeightAverage`, if the network has one."""
        return nullcontext() if self.average is None else self.average.applied()

    @contextmanager
    def aside(self, purpose: int) -> Iterator[None]:
        """Run something that leaves no trace: activity, time, stimulus and random numbers are put back.

        Inside, the network starts from rest at step 0 with random numbers of their own, its weights do not
        learn, and the user's monitors do not record.

        Parameters
        ----------
        purpose : int
            `EVALUATION`: only the forward path runs; `DISPLAY`: the feedback pathway too.

        Raises
        ------
        ValueError
            If the network was not presented yet.
        """
        self.check_presented("Network.aside")
        slots = {"start", "forward"} if purpose == EVALUATION else {"start", "forward", "feedback"}
        own = {id(obj) for obj in (self.stimulus, self.readout, *self.populations, *self.projections)}
        own |= {id(part) for population in self.populations for part in population.contained_objects}
        state = {name: array.copy() for name, array in self.activity().items()}
        step, key, stimulus = self.step, self.key[0], self.stimulus.save()
        counts = self.readout.save()
        active = [(obj, obj.active) for obj in self.sorted_objects]
        try:
            for obj, was in active:
                obj.active = was and (obj is self.readout or (id(obj) in own and obj.when in slots))
            self.rest()
            self.key[0] = self.seed + (purpose << 32)
            self.step = 0
            self.readout.responses = self.readout.on_presentation = None
            self.readout.reset()
            yield
        finally:
            for obj, was in active:
                obj.active = was
            for name, array in self.activity().items():
                array[...] = state[name]
            self.step, self.key[0] = step, key
            self.stimulus.restore(stimulus)
            self.readout.restore(counts)
