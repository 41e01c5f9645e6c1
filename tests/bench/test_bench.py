"""`spikefa bench`: what is measured is there, finite and positive, and what it says is computed rightly.

No test asserts a speed.
"""

import dataclasses
import json
import math
import sys

import numpy as np
import pytest
from brian2 import network_operation

from spikefa import cli
from spikefa.bench import PARTS, Setting, bench, chosen, harness, memory, one_stream, products, profile, report, targets
from spikefa.bench import pytorch as pytorch_part
from spikefa.bench.harness import Part, Spread, StepTimer, mean_seconds, synthetic_images, take_turns
from spikefa.experiments import model_file


@pytest.fixture(scope="module")
def setting(model):
    return Setting.quickly(model)


#: Keys that each part always has, in quick mode.
KEYS = {
    "a": "step busy own scipy/units_x_streams scipy/streams_x_units ratio remainder profile/propagation "
    "profile/updates profile/integration profile/emission profile/post_factors "
    "profile/stimulus profile/readout profile/no_product",
    "b": "train test epoch test_set",
    "c": "step busy bytes bandwidth bound ratio profile/propagation profile/no_product",
    "d": "stock spikefa spikefa_one ratio ratio_one",
    "e": "pytorch",
    "f": "imports training with_data arrays",
    "g": "streams/1 streams/20/image width/20 width/50/ratio threads/1 threads/1/speedup crossover/1/events "
    "crossover/1/batched crossover/4/tables crossover/4/dense_events crossover crossover/dense crossover/tables",
    "h": "mkl",
    "i": "step",
    "j": "pytorch",
}
#: Differences of times, and counts: may be zero or, with small sizes, negative.
ANY_SIGN = {"remainder", "crossover", "crossover/dense", "crossover/tables"}


@pytest.mark.parametrize("letter", PARTS)
def test_every_part_gives_numbers(setting, letter, tmp_path, monkeypatch):
    monkeypatch.setattr(pytorch_part.importlib.util, "find_spec", lambda name: None)  # else a minute of compiling
    file = tmp_path / "bench.json"
    told = []
    result = bench(setting, letter, file, lambda done: told.append((list(done), len(done[letter][1].rows))))
    assert json.loads(file.read_text()) == result
    assert list(result["parts"]) == [letter]
    part = result["parts"][letter]
    every = len(part["rows"])
    assert told == [([letter], count) for count in (*range(1, every + 1), every)]  # a row, a row ..., the notes
    assert part["title"] == PARTS[letter][0]
    rows = part["rows"]
    assert set(KEYS[letter].split()) <= set(rows)
    for key, row in rows.items():
        assert set(row) == {"what", "unit", "median", "low", "high", "turns", "note"}
        if row["median"] is None:
            assert letter in "ehij" and row["note"], f"{key} has no reason"
            continue
        assert all(math.isfinite(row[name]) for name in ("median", "low", "high")), key
        assert row["low"] <= row["median"] <= row["high"] and row["turns"] >= 1
        assert key in ANY_SIGN or row["low"] > 0, key


def test_record_names_machine_versions_threads_and_blas(setting):
    record = bench(setting, "b")
    assert record["quick"] is True and record["model"] == setting.model.name
    assert record["params"]["pixels"] == harness.QUICK_SIZES["pixels"]
    assert record["threads"] >= 1 and record["machine"]["cores"] >= 1
    assert {"spikefa", "python", "brian2", "numpy", "numba", "scipy"} <= set(record["versions"])
    assert any("openblas" in b["internal_api"] or "mkl" in b["internal_api"] for b in record["blas"])
    assert record["numba_threading_layer"] != "not started"
    words = report.in_words(record)
    assert record["machine"]["processor"] in words and record["versions"]["numpy"] in words
    assert [t["row"] for t in record["targets"]] == [t.row for t in targets.TARGETS]
    assert all(t["met"] is None for t in record["targets"])  # quick: no judgement


def test_a_model_wired_by_its_images_is_measured_with_synthetic_ones(model):
    network = dataclasses.replace(Setting.quickly(model), streams=5).network(receptive_field_size=12)
    assert ((network["image_to_h1"].W != 0).sum(0) == 12).all()


@pytest.mark.parametrize("letter", ["b", "f"])
def test_a_preset_is_measured_and_named_whatever_it_learns(letter):
    """A regression, with the sizes of its preset."""
    record = bench(Setting.quickly(model_file.load("lillicrap2016_rate"), "fig3d_4"), letter)
    assert record["preset"] == "fig3d_4" and record["params"]["sizes"] == [30, 20, 10, 10]
    rows = record["parts"][letter]["rows"]
    assert all(row["median"] is not None for row in rows.values())
    assert rows["test" if letter == "b" else "arrays"]["median"] > 0


def test_turns_are_interleaved(setting):
    order = []

    def job(name):
        return lambda: order.append(name) or len(order)

    values = take_turns({name: job(name) for name in "ABC"}, dataclasses.replace(setting, turns=3))
    assert "".join(order) == "ABCABCABC"
    assert {name: list(v) for name, v in values.items()} == {"A": [1, 4, 7], "B": [2, 5, 8], "C": [3, 6, 9]}


def test_median_and_quartiles_of_known_values():
    assert Spread.of([7.0, 1.0, 3.0, 5.0, 9.0]) == Spread(5.0, 3.0, 7.0, 5)
    assert Spread.of([2.0]) == Spread(2.0, 2.0, 2.0, 1)
    part = Part()
    part.add("x", "x", "ms", [0.001, 0.003])
    part.add("y", "y", "GB/s", 2e9)
    assert part.rows["x"].spread == Spread(2.0, 1.5, 2.5, 2)
    assert part.rows["y"].spread.median == 2.0


def test_mean_seconds_leaves_out_the_first_call(monkeypatch):
    calls = []
    now = iter([10.0, 16.0])
    monkeypatch.setattr(harness.time, "perf_counter", lambda: next(now))
    assert mean_seconds(lambda: calls.append(0), 3) == 2.0
    assert len(calls) == 4


def test_timer_measures_the_steps_after_the_first_and_counts_activity(setting):
    net = setting.network(1)
    timer = StepTimer(net, [net.input.array("s"), net.layers[0].array("I")])
    step = net.step
    assert timer.mean_of(7) > 0
    assert len(timer.spans) == 7 and net.step == step + 8
    assert 0 < timer.cores_busy < 1000
    spikes, currents = timer.mean_active
    assert 0 < spikes < net.input.units
    assert currents == net.layers[0].units
    assert timer.mean_again[0] < spikes and timer.mean_again[1] == currents


def test_timer_counts_what_is_active_in_two_steps_running(setting):
    net = setting.network(1)
    flags = np.zeros(4)
    timer = StepTimer(net, [flags])
    patterns = iter([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 1], [0, 0, 1, 1]])

    @network_operation(clock=net.clock, when="end", order=0)
    def change():
        flags[:] = next(patterns)

    net.add(change)
    timer.mean_of(3)
    assert timer.active_counts == [2 + 3 + 2] and timer.again_counts == [1 + 2 + 2]


def test_images_have_the_statistics_of_mnist():
    images = synthetic_images(500, 784)
    assert images.shape == (500, 784) and images.dtype == np.uint8
    assert np.mean(images > 0) == pytest.approx(0.191, abs=0.005)
    assert images.mean() / 255 == pytest.approx(0.1306, abs=0.005)
    assert np.array_equal(images, synthetic_images(500, 784))


@pytest.mark.parametrize("pathway", ["alignment", "transpose"])
def test_products_alone_are_the_steps_own_products(setting, pathway):
    """SciPy's products give the same currents, in both layouts, and the weights do not move."""
    net = setting.network(pathway=pathway)
    currents = {p.name: p.post.view(p.post.current_variable) for p in net.projections}
    expected = {p.name: p.pre.view(p.pre.output_variable).T @ p.W for p in net.projections}
    weights = {p.name: p.W.copy() for p in net.projections}
    jobs = {"own": products.own_products(net, 1), "scipy": products.scipy_products(net, 1, "units_x_streams")}
    for name, job in jobs.items():
        for current in currents.values():
            current[...] = 5  # must be overwritten
        assert job() > 0
        for p in net.projections:
            bias = p.b if name == "own" else 0
            np.testing.assert_allclose(currents[p.name].T, expected[p.name] + bias, atol=1e-5)
            np.testing.assert_allclose(p.W, weights[p.name], rtol=0, atol=1e-8)
    assert products.scipy_products(net, 1, "streams_x_units")() > 0
    learning = sum(p.W.size for p in net.projections if p.learning)
    total = sum(p.W.size for p in net.projections)
    assert products.operations(net) == 2 * net.streams * (total + learning)


def test_every_object_of_a_network_has_a_category(setting):
    net = setting.network()
    found = {obj.name: profile.category_of(obj) for obj in net.sorted_objects}
    assert set(found.values()) == set(profile.CATEGORIES)
    assert found["h1_emit"] == "emission" and found["h1_to_h2"] == "propagation"
    assert found["h1_to_h2_learning"] == "updates"


def test_bytes_by_hand(setting):
    net = setting.network(1)
    pixels, (h1, h2), out = 64, (40, 40), 20
    active = {p.name: 0.0 for p in net.projections} | {"image_to_h1": 10.0, "h1_to_h2": 3.0}
    feedback = next(p for p in net.projections if p.pre is net.error)
    active[feedback.name] = out
    net.run_steps(1)
    assert all(p.learning is None or p.learning.waits for p in net.projections)
    counts = np.array([active[p.name] for p in net.projections])
    again = np.array([2.0 * (p.name == "h1_to_h2") for p in net.projections])
    touched = one_stream.bytes_touched(net, counts, again)
    assert net.input.units == pixels and feedback.shape == (out, h2)
    assert touched["propagation"] == 4 * (10 * h1 + (3 - 2) * h2 + out * h2)
    assert touched["plasticity"] == 4 * 2 * (10 * h1 + 3 * h2)


def test_copy_copies():
    source, target = np.arange(1001, dtype=np.float32), np.zeros(1001, np.float32)
    one_stream._copy(source, target, 3)
    assert np.array_equal(source, target)


def test_targets_are_judged_by_the_median(setting):
    def done(**rows):
        part = Part()
        for key, value in rows.items():
            part.add(key, key, "x", [value / 2, value, 10 * value])
        return {"d": ("d", part), "a": ("a", part)}

    full = dataclasses.replace(setting, quick=False)
    judged = {t["row"]: t for t in report.judge(done(ratio=1.1), full)}
    assert judged["a.ratio"]["met"] is True and judged["d.ratio"]["met"] is False
    assert judged["a.ratio"]["measured"] == 1.1 and judged["a.ratio"]["target"] == "<= 1.2 x"
    assert judged["f.training"]["met"] is None and judged["f.training"]["measured"] is None
    assert {t["row"]: t["met"] for t in report.judge(done(ratio=60), full)}["d.ratio"] is True


def test_parts_are_chosen_in_order_and_bad_ones_refused(setting):
    assert chosen(None) == list("abcdefghij")
    assert chosen("c, a") == ["a", "c"]
    for bad in ("z", "a,zz", "", ","):
        with pytest.raises(ValueError, match="--only takes letters from a,b,c,d,e,f,g,h,i,j, got"):
            chosen(bad)


def test_a_file_that_cannot_be_written_is_refused_at_once(setting, tmp_path):
    with pytest.raises(OSError, match="cannot write the measurements"):
        bench(setting, "a", tmp_path / "nowhere" / "bench.json", lambda *part: pytest.fail("measured first"))


def test_rows_measured_before_an_interruption_are_kept(setting, tmp_path, monkeypatch):
    def interrupted(setting, part):
        part.add("step", "a step", "ms", [0.5])
        raise KeyboardInterrupt

    monkeypatch.setitem(PARTS, "a", ("A", interrupted))
    with pytest.raises(KeyboardInterrupt):
        bench(setting, "a", tmp_path / "bench.json")
    assert json.loads((tmp_path / "bench.json").read_text())["parts"]["a"]["rows"]["step"]["median"] == 500


def test_failing_process_is_named(setting, monkeypatch):
    monkeypatch.setattr(memory, "CHILD", "raise SystemExit('out of luck')")
    part = Part()
    memory.peak_memory(setting, part)
    row = part.rows["training"]
    assert row.spread is None and row.note == "the process that measures memory failed: out of luck"


def test_pytorch_that_dies_is_a_row(setting, tmp_path, monkeypatch):
    fake = tmp_path / "torch_worker.py"
    fake.write_text("import sys; sys.exit('no torch today')")
    monkeypatch.setattr(pytorch_part, "WORKER", fake)
    monkeypatch.setattr(pytorch_part.importlib.util, "find_spec", lambda name: True)
    part = Part()
    pytorch_part.against_pytorch(setting, part)
    row = part.rows["pytorch"]
    assert row.spread is None and row.note == "PyTorch stopped with code 1: no torch today"


def test_command(tmp_path, monkeypatch, capsys):
    file = tmp_path / "b.json"
    monkeypatch.setattr(sys, "argv", ["spikefa", "bench", "--quick", "--only", "b", "--json", str(file)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert "Targets" in out and "the numbers mean nothing" in out and str(file.name) in out.replace("\n", "")
    assert set(json.loads(file.read_text())["parts"]) == {"b"}


def test_command_refuses_unknown_parts(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["spikefa", "bench", "--quick", "--only", "a,q"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert "--only takes letters from a,b,c,d,e,f,g,h,i,j, got 'a,q'" in capsys.readouterr().out
