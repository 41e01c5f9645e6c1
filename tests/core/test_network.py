"""The network: streams, dynamics, determinism, Brian2 idioms."""

import gc
import subprocess
import sys

import naive
import numba
import numpy as np
import pytest
from brian2 import NeuronGroup, SpikeMonitor, StateMonitor, ms, network_operation, set_device
from layered_networks import build_with, valid
from pathway_networks import assert_same, state_of

import spikefa as fa
from spikefa.diagnostics import evaluation
from spikefa.engine.kernels.philox import fill_uniform, object_id
from spikefa.errors import ArgumentError, SpikefaError


def uniform_numbers(net, population, step):
    out = np.empty(population.units * population.streams, net.dtype)
    fill_uniform(out, net.seed, step, object_id(population.name), 0)
    return out.reshape(population.units, population.streams)


@pytest.mark.parametrize("streams", [1, 2, 5])
@pytest.mark.parametrize("target", ["numba", "numpy"])
def test_equals_plain_loops(small, digits, streams, target):
    """Several streams, several image switches, against one-unit-at-a-time Python."""
    net = small(streams, dtype="float64", hidden=(12, 9), outputs=10, gamma=1e-3, target=target)
    forward = [p for p in net.projections if p.learning]
    feedback = [p for p in net.projections if not p.learning]
    loops = naive.LillicrapNetwork(
        [p.W.tolist() for p in forward],
        [p.b.tolist() for p in forward],
        [p.W.tolist() for p in reversed(feedback)],
        [64, 12, 9, 10],
        streams,
        0.9,
        4e-2,
        1e-3,
    )
    shown = 3 * streams
    images, labels = digits.train_images[:shown], digits.train_labels[:shown]
    net.stimulus.steps_per_image = 4
    net.stimulus.show_images(images, labels)
    for step in range(12):
        now = slice(step // 4 * streams, (step // 4 + 1) * streams)
        random = [uniform_numbers(net, p, step) for p in (net.input, *net.layers)]
        loops.step(images[now].astype(float), labels[now], 10, random)
    net.run_steps(12)
    for number, layer in enumerate(net.layers):
        assert np.array_equal(layer.view("s"), loops.s[number + 1])
        np.testing.assert_allclose(layer.view("v"), loops.v[number], rtol=0, atol=1e-10)
    for number, projection in enumerate(forward):
        np.testing.assert_allclose(projection.W, loops.W[number], rtol=0, atol=1e-10)
        np.testing.assert_allclose(projection.b, loops.b[number], rtol=0, atol=1e-10)


@pytest.mark.parametrize("hidden", [(7,), (5, 4, 3, 2)])
def test_any_number_and_size_of_layers(small, digits, hidden):
    net = small(3, hidden=hidden)
    net.stimulus.show_images(digits.train_images[:6], digits.train_labels[:6])
    net.run_steps(10)
    assert [layer.units for layer in net.layers] == [*hidden, 20]
    assert np.isfinite(net.projections[-1].W).all()


def test_a_thousand_streams(small, digits):
    net = small(1000)
    net.stimulus.show_images(digits.train_images[:1000], digits.train_labels[:1000])
    net.run_steps(5)
    assert net["h1"].view("s").shape == (30, 1000)
    assert net.readout.shown == 1000


def test_spike_probability_is_the_logistic_of_v(small, digits):
    """Pooled over 800,000 draws; false alarm 6e-7 (5 sigma). A probability 2 % off is 18 sigma."""
    net = small(1000, eta=0.0)
    one = np.repeat(digits.train_images[:1], 1000, axis=0)
    net.stimulus.steps_per_image = 40
    net.stimulus.show_images(one)
    monitor = StateMonitor(net["h1"], ("v", "s"), record=np.arange(20 * 1000), when="end")
    net.add(monitor)
    net.run_steps(40)
    p = 1 / (1 + np.exp(-monitor.v.astype(float)))
    deviation = np.sqrt((p * (1 - p)).sum())
    assert abs((monitor.s - p).sum() / deviation) < 5
    assert abs((monitor.s - 1.02 * p).sum() / deviation) > 5


def test_stock_monitors_agree_with_the_state(small, digits):
    net = small(4)
    populations = [net["image"], net["h1"], net["output"]]
    spikes = [SpikeMonitor(p) for p in populations]
    states = [StateMonitor(p, "s", record=True, when="end") for p in populations]
    delta = StateMonitor(net["h1"], "delta", record=[0], when="end")
    net.add(spikes, states, delta)
    net.stimulus.show_images(digits.train_images[:8], digits.train_labels[:8])
    net.run(10 * ms)
    for spike, state in zip(spikes, states, strict=True):
        unit, step = np.nonzero(state.s)
        assert sorted(zip(np.round(spike.t / ms).astype(int), spike.i, strict=True)) == sorted(
            zip(step, unit, strict=True)
        )
    assert delta.delta[0][-1] == net["feedback_h1"].view("delta")[0, 0] != 0


def test_same_seed_same_bits_however_it_is_run(small, digits):
    images, labels = digits.train_images[:40], digits.train_labels[:40]

    def run(chunks, threads=numba.config.NUMBA_NUM_THREADS, seed=0):
        numba.set_num_threads(threads)
        net = small(4, seed=seed)
        net.stimulus.show_images(images, labels)
        for steps in chunks:
            net.run_steps(steps)
        return state_of(net)

    whole = run([50])
    assert_same(whole, run([1, 20, 29]))
    assert_same(whole, run([50], threads=1))
    other = run([50], seed=1)
    assert not np.array_equal(whole["h1.s"], other["h1.s"])
    assert not np.array_equal(whole["image_to_h1.W"], other["image_to_h1.W"])


def test_adding_a_monitor_or_evaluating_changes_nothing(small, digits):
    def run(evaluate):
        net = small(4)
        net.stimulus.show_images(digits.train_images[:40], digits.train_labels[:40])
        monitor = SpikeMonitor(net["h1"])
        if evaluate:
            net.add(monitor)
        net.run_steps(23)
        if evaluate:
            before = monitor.num_spikes
            evaluation.error(net, digits.test_images[:30], digits.test_labels[:30], 5)
            assert monitor.num_spikes == before and net.step == 23
        net.run_steps(27)
        return state_of(net)

    assert_same(run(False), run(True))


@pytest.mark.parametrize("streams", [1, 2])
def test_weights_are_up_to_date_whenever_they_are_looked_at(small, digits, streams):
    """With few streams an update waits for the next pass over the rows; nobody may see that it does."""
    watched, free = small(streams), small(streams)
    held = [p.W for p in watched.projections]  # views that a user keeps
    seen = []

    @network_operation(clock=watched.clock, when="end")
    def look():
        seen.append([W.copy() for W in held])

    watched.add(look)
    for net in (watched, free):
        net.stimulus.show_images(digits.train_images[: 4 * streams], digits.train_labels[: 4 * streams])
    for step in range(12):
        free.run_steps(1)
        assert np.array_equal(held[0], watched.projections[0].W)
        watched.run_steps(1)
        for now, W, projection in zip(seen[step], held, free.projections, strict=True):
            assert np.array_equal(now, W) and np.array_equal(now, projection.W)
    together = small(streams)
    kept = together.projections[-1].W
    together.stimulus.show_images(digits.train_images[: 4 * streams], digits.train_labels[: 4 * streams])
    together.run_steps(12)
    assert np.array_equal(kept, free.projections[-1].W)
    assert_same(state_of(together), state_of(free))


@pytest.mark.parametrize("streams", [1, 5])
def test_a_network_that_does_not_learn_acts_as_before_and_goes_on_learning_later(small, digits, streams):
    net = small(streams, averaging_images=20)
    assert net.learns

    def go_on():
        net.stimulus.show_images(digits.train_images[:20], digits.train_labels[:20])
        net.run_steps(5 * 20 // streams)

    go_on()
    net.learns = False
    spikes, before = SpikeMonitor(net["h1"]), {k: x.copy() for k, x in net.parameters().items()}
    net.add(spikes)
    go_on()
    assert not net.learns and spikes.num_spikes > 0
    assert_same(net.parameters(), before)
    assert np.any(net["feedback_h1"].view("delta"))
    assert 0 <= evaluation.error(net, digits.test_images[:50], digits.test_labels[:50], steps=2) <= 1
    assert not net.learns
    net.learns = True
    go_on()
    changed = {name for name, array in net.parameters().items() if not np.array_equal(array, before[name])}
    assert changed >= {"image_to_h1.W", "image_to_h1.b", "h2_to_output.W", "average.count"}


def test_what_was_switched_off_singly_stays_so(small):
    net = small(5)
    first, second, *others = [p.learning for p in net.projections if p.learning is not None]
    first.active = False
    net.learns = True  # as it does already
    assert not first.active
    for _ in range(2):
        net.learns = False
        net.learns = False
        assert not any(part.active for part in net.parts("learning"))
        net.learns = True
        assert second.active and all(part.active for part in others) and not first.active
    net.learns = False
    first.active = True  # meanwhile
    net.learns = True
    assert all(part.active for part in net.parts("learning"))


def test_with_all_switched_off_singly_a_pause_changes_nothing(small):
    net = small(5)
    for part in net.parts("learning"):
        part.active = False
    net.learns = False
    net.learns = True
    assert not net.learns
    net.learns = True  # after no pause it means all
    assert all(part.active for part in net.parts("learning"))


def test_target_is_reached_and_learning_lowers_the_error(small, digits):
    net = small(10, hidden=(60,), outputs=50, weight_range=0.1)
    before = evaluation.error(net, digits.test_images, digits.test_labels, 10)
    images = np.concatenate([digits.train_images[:1400]] * 5)
    net.stimulus.show_images(images, np.concatenate([digits.train_labels[:1400]] * 5))
    net.run_steps(5 * len(images) // 10)
    after = evaluation.error(net, digits.test_images, digits.test_labels, 10)
    assert before > 0.7 and after < 0.2


def test_brian2_store_and_restore(small, digits):
    net = small(2)
    net.stimulus.show_images(digits.train_images[:40], digits.train_labels[:40])
    net.store()
    W = net["h1_to_h2"].W.copy()
    net.run_steps(20)
    assert not np.array_equal(W, net["h1_to_h2"].W)
    net.restore()
    assert np.array_equal(W, net["h1_to_h2"].W)


def test_standalone_devices_are_refused(small):
    net = small()
    set_device("cpp_standalone", build_on_run=False)
    try:
        with pytest.raises(SpikefaError, match=r"cpp_standalone.*not supported"):
            net.run_steps(1)
    finally:
        set_device("runtime")


def test_other_brian2_objects_run_in_the_same_network(small, digits):
    net = small(2)
    group = NeuronGroup(3, "dx/dt = 1 / (10*ms) : 1", method="euler", clock=net.clock)
    net.add(group)
    net.stimulus.show_images(digits.train_images[:4], digits.train_labels[:4])
    net.run(10 * ms)
    np.testing.assert_allclose(group.x, 1.0)


def test_a_network_that_never_ran_goes_without_a_word(caplog):
    """Brian2 warns of objects in no network; a threshold's and its marker belong to ours."""

    def build(joins):
        net = fa.Network(target="numpy")
        fa.Layer(net, "h", 3, "v : 1\ns : 1", threshold="v > 0", reset="v = 0")
        return net if joins else NeuronGroup(1, "v : 1", name="alone")

    for joins, warns in ((True, False), (False, True)):
        build(joins)
        gc.collect()
        assert ("never included in a network" in caplog.text) == warns


def test_constants_are_found_where_run_is_called_as_in_brian2():
    lag = 3 * ms
    net = fa.Network(streams=2, seed=0, dt=1 * ms)
    layer = fa.Layer(net, "h1", 4, "dv/dt = (1 - v) / lag : 1\nI : 1\ns : 1", emit="s = int(rand() < v)")
    net.run(1 * ms)
    assert np.allclose(layer.view("v"), 1 / 3)
    net.run(1 * ms, namespace={"lag": lag / 2})
    assert np.allclose(layer.view("v"), 1 / 3 + 2 / 3 * 2 / 3)


def test_a_script_runs_without_functions(tmp_path):
    """Where `run` is called there may be no caller's caller."""
    script = tmp_path / "script.py"
    script.write_text(
        "from brian2 import ms\nimport spikefa as fa\nlag = 3 * ms\nnet = fa.Network(streams=1, seed=0)\n"
        'fa.Layer(net, "h1", 4, "dv/dt = (1 - v) / lag : 1\\nI : 1\\ns : 1", emit="s = int(rand() < v)")\n'
        "net.run(2 * ms)\nprint(net.step)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert done.stdout == "2\n", done.stderr


def test_a_network_shows_its_parts():
    net = fa.Network(streams=2, seed=3)
    fa.Input(net, "image", 6)
    fa.Layer(net, "h1", 5, "dv/dt = (I - v) / ms : 1\nI : 1\ns : 1", emit="s = int(rand() < v)")
    fa.Projection(
        net,
        "image",
        "h1",
        fa.uniform(0.1),
        mask=np.arange(30).reshape(6, 5) % 2 == 0,
        plasticity=fa.Plasticity("dW = eta * v_post * s_pre", {"eta": 0.1}),
    )
    assert repr(net).splitlines() == [
        "<Network of 2 streams, seed 3, float32",
        "  <Input 'image': 6 units>",
        "  <Layer 'h1': 5 units>",
        "  <Projection 'image->h1': 6 x 5, 50.0% of the synapses, learns by 'dW = eta * v_post * s_pre'>>",
    ]
    assert str(net["h1"]) == "<Layer 'h1': 5 units>"


BAD_NETWORKS = [
    ({"streams": 0}, r"streams must be a positive whole number, got 0"),
    ({"streams": 2.5}, r"streams must be a positive whole number, got 2.5"),
    ({"seed": -1}, r"seed must be a whole number from 0 to 2\*\*32 - 1, got -1"),
    ({"dtype": "float16"}, r"dtype must be one of 'float32', 'float64', got 'float16'"),
    ({"dt": 0 * ms}, r"dt must be a time above 0, such as 1\*ms, got 0\. s"),
    ({"target": "fortran"}, r"target must be one of 'cython', 'numba', 'numpy', got 'fortran'"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_NETWORKS)
def test_bad_networks_are_refused(changes, message):
    with pytest.raises(ArgumentError, match=message):
        valid(**changes)


BAD_STEPS = [
    (lambda n: n.run_steps(2.5), r"Network: steps must be a whole number, at least 0, got 2.5"),
    (lambda n: n.run_steps(-1), r"Network: steps must be a whole number, at least 0, got -1"),
]


@pytest.mark.parametrize(("what", "message"), BAD_STEPS)
def test_bad_steps_are_refused(what, message):
    with pytest.raises(ArgumentError, match=message):
        build_with(what)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("start", [10**8, 2**31 - 20, 2**32 - 60])
def test_spikes_refractory_periods_and_monitors_are_right_after_billions_of_steps(start, dtype):
    def spikes(first):
        net = fa.Network(seed=0, dtype=dtype, target="numpy")
        fa.Input(net, "image", 1)
        equations = "dv/dt = (1.2 - v) / (5*ms) : 1 (unless refractory)\ns : 1"
        fa.Layer(net, "h1", 2, equations, threshold="v > 1", reset="v = 0", refractory=5 * ms)
        monitor, values = SpikeMonitor(net["h1"]), StateMonitor(net["h1"], "v", record=[0], clock=net.clock)
        net.add(monitor, values)
        net.step = first
        net.run_steps(30)
        net.run_steps(30)
        assert net.step == first + 60 and np.array_equal(np.round(values.t / net.clock.dt) - first, np.arange(60))
        return (np.round(monitor.t / net.clock.dt) - first).tolist(), values.v[0].tolist()

    assert spikes(start) == spikes(0)


def test_more_steps_than_there_are_random_numbers_are_refused():
    net = fa.Network(target="numpy")
    fa.Input(net, "image", 1)
    net.step = 2**32 - 5
    with pytest.raises(SpikefaError, match=r"steps must be below 2\*\*32, .* got a run of 6 from step 4294967291"):
        net.run_steps(6)
    net.run_steps(5)


BAD_RUNS = [
    ((-5 * ms,), {}, r"duration must be a time of at least 0, such as 100\*ms, got -5. ms"),
    (("5 ms",), {}, r"duration must be a time of at least 0, such as 100\*ms, got '5 ms'"),
    ((float("nan") * ms,), {}, r"duration must be a time of at least 0, such as 100\*ms, got nan s"),
    ((2 * ms,), {"namespace": 3}, r"namespace must be a dict of constants such as {'tau': 10\*ms}, or None, got 3"),
]


@pytest.mark.parametrize(("arguments", "options", "message"), BAD_RUNS)
def test_bad_runs_are_refused(small, arguments, options, message):
    with pytest.raises(ArgumentError, match=f"^Network: {message}$"):
        small().run(*arguments, **options)


@pytest.mark.parametrize("what", ["run", "evaluation"])
def test_a_run_within_a_run_is_refused(small, digits, what):
    net = small(target="numpy")
    net.stimulus.show_images(digits.train_images[:4], digits.train_labels[:4])

    @network_operation(when="end")
    def within():
        net.run_steps(1) if what == "run" else evaluation.predict(net, digits.test_images[:2], 3)

    net.add(within)
    with pytest.raises(
        SpikefaError, match=r"^Network: cannot run or be evaluated within its own run, such as in an op"
    ):
        net.run_steps(2)
    net.remove(within)
    net.run_steps(1)


def test_a_part_cannot_be_removed(small):
    net = small()
    with pytest.raises(ArgumentError, match=r"Network: Projection 'image_to_h1' cannot be removed; set its"):
        net.remove(net["image_to_h1"])
    assert net["image_to_h1"] in net.objects


def test_an_uncaught_error_of_spikefa_is_no_bug_of_brian2(tmp_path):
    script = tmp_path / "wrong.py"
    script.write_text(
        "import spikefa as fa\nfrom brian2 import ms\nnet = fa.Network(target='numpy')\nfa.Input(net, 'image', 4)\n"
        "fa.Layer(net, 'h', 3, 'I : 1\\ns : 1', emit='s = 0')\nfa.Projection(net, 'image', 'h', 1.0, delay=-1*ms)\n"
    )
    said = subprocess.run([sys.executable, script], capture_output=True, text=True).stderr
    assert "spikefa.errors.ArgumentError: Projection 'image->h': delay" in said
    assert "Brian 2 encountered" not in said and "getting deleted" not in said
