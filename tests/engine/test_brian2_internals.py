"""What spikefa relies on inside Brian2: each test fails with a sentence when a version of Brian2 changes it."""

import gc

import numpy as np
import pytest
from brian2 import BrianObject, Clock, Network, NetworkOperation, NeuronGroup, SpikeMonitor, Synapses, ms
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.core.base import BrianObjectException
from brian2.core.functions import Function
from brian2.groups.neurongroup import StateUpdater

from spikefa.core.part import Part
from spikefa.engine import brian2_internals
from spikefa.engine.brian2_target.target import NumbaCodeObject

NOISY = "dx/dt = -x / (10*ms) + 0.1 * xi / (10*ms)**.5 : 1"


def group(equations="dx/dt = -x / (10*ms) : 1", **options):
    made = NeuronGroup(3, equations, method="euler", codeobj_class=NumpyCodeObject, **options)
    made.x = 1.5
    return made


def test_events_lie_where_they_did():
    spiking = group(threshold="x > 1", reset="x = 0")
    events = spiking.variables[brian2_internals.EVENTS].get_value()
    found = []

    class Look(BrianObject):
        def run(self):
            found.append(events.copy())

    look = Look(clock=spiking.clock, when="after_thresholds")
    Network(spiking, look).run(spiking.clock.dt)
    assert events.dtype == np.int32 and events.shape == (4,)
    assert found[0].tolist() == [0, 1, 2, 3], "Brian2 does not put the events first and their count last any more"
    assert events[-1] == 0, "Brian2 does not forget the events at the end of a run any more"


def test_a_clock_can_be_set():
    obj, clock = BrianObject(name="with_a_clock"), Clock(dt=3 * ms)
    brian2_internals.set_clock(obj, clock)
    assert obj.clock is clock, "Brian2 keeps an object's clock elsewhere"


def test_a_part_leads_to_its_whole_group_while_that_is_there():
    whole = group()
    part = whole[1:3]
    assert brian2_internals.whole_group(part) is whole, "Brian2 keeps the group of a subgroup elsewhere"
    assert brian2_internals.whole_group(group()[1:3]) is None, "Brian2's subgroups hold their group by now"


def test_an_object_knows_the_network_it_ran_in():
    obj = group()
    assert brian2_internals.network_of(obj) is None
    network = Network(obj)
    network.run(obj.clock.dt)
    assert brian2_internals.network_of(obj) == network.id, "Brian2 keeps an object's network elsewhere"


def test_spikes_under_way_can_be_kept_and_set():
    source = group(threshold="x > 1", reset="x = 0")
    synapses = Synapses(source, source, on_pre="x_post += 0.2", delay=1 * ms, codeobj_class=NumpyCodeObject)
    synapses.connect(j="i")
    network = Network(source, synapses)
    network.run(0.5 * ms)
    spikes = brian2_internals.spikes_under_way(synapses.pre)
    brian2_internals.set_spikes_under_way(synapses.pre, None)
    network.run(1 * ms)
    assert not np.array(source.x).any(), "Brian2 delivers spikes that were taken away"
    brian2_internals.set_spikes_under_way(synapses.pre, spikes)
    network.run(1 * ms)
    assert np.array(source.x).all(), "Brian2 does not deliver spikes that were given back"


@pytest.mark.parametrize("method", ["euler", "heun", "milstein"])
def test_noise_is_one_line_of_the_code(method):
    noisy = NeuronGroup(3, NOISY, method=method, codeobj_class=NumpyCodeObject)
    Network(noisy).run(0 * ms)
    code = noisy.state_updater.abstract_code
    assert "xi = dt**.5 * randn()" in code, f"Brian2 writes noise otherwise: {code}"
    assert brian2_internals.with_noise("x", code, {"xi": "randn_7()"}).count("randn_7()") == 1


def test_noise_that_is_written_otherwise_is_refused():
    with pytest.raises(NotImplementedError, match="x_stateupdater: no draw of the noise 'xi' in Brian2's code"):
        brian2_internals.with_noise("x_stateupdater", "xi = sqrt(dt) * randn()", {"xi": "randn_0()"})


def test_a_group_has_one_state_updater_of_the_known_class():
    noisy = group(NOISY)
    assert type(noisy.state_updater) is StateUpdater, "Brian2 makes another state updater"
    brian2_internals.seed_noise(noisy, {"xi": "2.0"})
    before = np.array(noisy.x[:])
    Network(noisy).run(noisy.clock.dt)
    dt, tau = float(noisy.clock.dt), 10e-3
    np.testing.assert_allclose(noisy.x[:], before * (1 - dt / tau) + 0.1 * 2.0 * dt**0.5 / tau**0.5, rtol=1e-12)
    with pytest.raises(NotImplementedError, match="state updater is a _SeededStateUpdater"):
        brian2_internals.seed_noise(noisy, {})


@pytest.mark.parametrize("stated", [False, 2 * ms, "v > 0"], ids=str)
def test_a_group_keeps_how_long_it_is_refractory(stated):
    group = NeuronGroup(2, "v : 1", threshold="v > 1", refractory=stated, codeobj_class=NumpyCodeObject)
    assert brian2_internals.refractoriness(group) == stated


def test_runners_know_their_code_objects():
    monitored = group(threshold="x > 2", reset="")
    monitor = SpikeMonitor(monitored)
    Network(monitored, monitor).run(0 * ms)
    for runner in (monitored.state_updater, monitor):
        assert [code.class_name for code in brian2_internals.code_objects(runner)] == ["numpy"]


def test_brian2_tells_only_of_objects_that_belong_to_no_network(caplog):
    lonely, owned = group(name="lonely"), group(name="owned")
    brian2_internals.belongs_to(owned, "some network")
    del lonely, owned
    gc.collect()
    told = [record.getMessage() for record in caplog.records if "never included in a network" in record.getMessage()]
    assert any("'lonely'" in message for message in told), "Brian2 says it otherwise, or no more"
    assert not any("'owned'" in message for message in told), "Brian2 tells of objects that belong to a network"


def test_an_error_names_the_object_that_failed():
    with pytest.raises(BrianObjectException) as caught:
        Network(group("dx/dt = -x / nothing : 1", name="broken")).run(0 * ms)
    assert brian2_internals.failed_object(caught.value).startswith("broken")


def test_steps_that_are_left():
    clock, found = Clock(dt=1 * ms), []

    class Count(BrianObject):
        def run(self):
            found.append(int(brian2_internals.steps_left(clock)))

    Network(Count(clock=clock)).run(3 * ms)
    assert found == [3, 2, 1]


def test_the_numba_target_takes_any_python_function():
    double = Function(lambda x: 2 * x, arg_units=[1], return_unit=1)
    doubled = NeuronGroup(3, "y : 1", codeobj_class=NumbaCodeObject, namespace={"double": double}, name="doubled")
    doubled.y = 1.0
    doubled.run_regularly("y = double(y)")
    Network(doubled).run(2 * doubled.clock.dt)
    assert doubled.y[:].tolist() == [4.0, 4.0, 4.0], "Brian2 refuses Python functions for other targets than its own"


def test_objects_are_stored_and_restored_by_their_own_methods():
    class Counter(Part, BrianObject):
        def __init__(self):
            super().__init__(name="counter")
            self.count = np.zeros(1)

        def state_arrays(self):
            return {"count": self.count}

        def run(self):
            self.count += 1

    counter = Counter()
    net = Network(counter)
    net.run(2 * counter.clock.dt)
    net.store()
    net.run(3 * counter.clock.dt)
    net.restore()
    assert counter.count[0] == 2, "Brian2 calls other methods than _full_state and _restore_from_full_state"


def test_values_are_checked_by_a_method_that_a_group_may_override():
    seen = []

    class Watched(NeuronGroup):
        def _check_for_invalid_values(self, k, v):
            seen.append(k)

    watched = Watched(2, "dx/dt = -x / (10*ms) : 1", method="euler", codeobj_class=NumpyCodeObject)
    Network(watched).run(watched.clock.dt)
    assert "x" in seen, "Brian2 calls another method than _check_for_invalid_values"


def test_a_run_that_failed_can_be_ended():
    def fail():
        raise RuntimeError

    with pytest.raises((BrianObjectException, RuntimeError)):
        Network(group(), NetworkOperation(fail)).run(1 * ms)
    brian2_internals.run_has_ended()
    assert Network._globally_running is False, "Brian2 keeps in another place that a network runs"


def test_right_sides_are_found_before_anything_is_evaluated():
    equations = "dx/dt = 9**9**9 *\n  x / ms : 1 (unless refractory)  # a : b\ny = 2*x : volt\nz : 1"
    found = brian2_internals.right_sides(equations)
    expected = {"x": ("9**9**9 * x / ms", False), "y": ("2*x", True)}
    assert found == expected, "Brian2's grammar of equations has other names"
    assert brian2_internals.right_sides("x = y") is None
