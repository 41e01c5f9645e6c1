"""`spikefa bench`: what is measured is there, finite and positive, and what it says is computed rightly.

No test asserts a speed.
"""

import dataclasses
import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from brian2 import network_operation

from spikefa import cli
from spikefa.bench import Section, Setting, chosen, harness, measure, products, profile, report, targets
from spikefa.bench.harness import Spread, StepTimer, mean_seconds, synthetic_images, take_turns
from spikefa.bench.sections import memory, one_stream, sections
from spikefa.bench.sections.pytorch import against_pytorch
from spikefa.bench.torch_process import INSTALL
from spikefa.errors import ArgumentError
from spikefa.experiments import model_file


@pytest.fixture(scope="module")
def setting(model):
    return dataclasses.replace(Setting.quickly(model), compiled=False)


#: Keys that a section always has, in quick mode.
KEYS = {
    "step": "step busy own scipy/units_x_streams scipy/streams_x_units ratio remainder profile/propagation "
    "profile/updates profile/integration profile/emission profile/post_factors "
    "profile/stimulus profile/readout profile/no_product",
    "images": "train test epoch test_set",
    "one-stream": "step busy bytes bandwidth bound ratio profile/propagation profile/no_product",
    "brian2": "stock spikefa spikefa_one ratio ratio_one",
    "pytorch": "pytorch",
    "memory": "imports training with_data arrays",
    "scaling": "streams/1 streams/20/image width/20 width/50/ratio threads/1 threads/1/speedup crossover/1/events "
    "crossover/1/batched crossover/4/tables crossover/4/dense_events crossover crossover/dense crossover/tables",
    "mkl": "mkl",
    "gpu": "step",
    "gpu-pytorch": "pytorch",
}
#: Differences of times, and counts: may be zero or, with small sizes, negative.
ANY_SIGN = {"remainder", "crossover", "crossover/dense", "crossover/tables"}


#: Sections that say why they cannot measure, where a package or a GPU is missing.
MAY_BE_MISSING = {"pytorch", "mkl", "gpu", "gpu-pytorch"}


@pytest.mark.parametrize("name", sections)
def test_every_section_gives_numbers(setting, name, tmp_path):
    file = tmp_path / "bench.json"
    told = []
    result = measure(setting, name, file, lambda done: told.append((list(done), len(done[name][1].rows))))
    assert json.loads(file.read_text()) == result
    assert list(result["sections"]) == [name]
    section = result["sections"][name]
    every = len(section["rows"])
    assert told == [([name], count) for count in (*range(1, every + 1), every)]  # a row, a row ..., the notes
    title = section["title"]
    assert title[0].isupper() and not title.endswith(".") and len(title) < 80
    rows = section["rows"]
    assert rows and set(KEYS.get(name, "").split()) <= set(rows)
    for key, row in rows.items():
        assert set(row) == {"what", "unit", "median", "low", "high", "turns", "note"}
        if row["median"] is None:
            assert name in MAY_BE_MISSING and row["note"], f"{key} has no reason"
            continue
        assert all(math.isfinite(row[name]) for name in ("median", "low", "high")), key
        assert row["low"] <= row["median"] <= row["high"] and row["turns"] >= 1
        assert key in ANY_SIGN or row["low"] > 0, key


def test_targets_are_of_sections_that_there_are():
    assert {target.row.partition(".")[0] for target in targets.TARGETS} <= set(sections)


def test_record_names_machine_versions_threads_and_blas(setting):
    record = measure(setting, "images")
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


@pytest.mark.parametrize("section", ["images", "memory"])
def test_a_preset_is_measured_and_named_whatever_it_learns(section):
    """A regression, with the sizes of its preset."""
    record = measure(Setting.quickly(model_file.load("lillicrap2016_rate"), "fig3d_4"), section)
    assert record["preset"] == "fig3d_4" and record["params"]["sizes"] == [30, 20, 10, 10]
    rows = record["sections"][section]["rows"]
    assert all(row["median"] is not None for row in rows.values())
    assert rows["test" if section == "images" else "arrays"]["median"] > 0


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
    section = Section()
    section.add("x", "x", "ms", [0.001, 0.003])
    section.add("y", "y", "GB/s", 2e9)
    assert section.rows["x"].spread == Spread(2.0, 1.5, 2.5, 2)
    assert section.rows["y"].spread.median == 2.0


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


@pytest.mark.parametrize("pathway", ["alignment", "backprop"])
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
    one_stream.copy(source, target, 3)
    assert np.array_equal(source, target)


def test_targets_are_judged_by_the_median(setting):
    def done(**rows):
        section = Section()
        for key, value in rows.items():
            section.add(key, key, "x", [value / 2, value, 10 * value])
        return {"brian2": ("b", section), "step": ("s", section)}

    full = dataclasses.replace(setting, quick=False)
    judged = {t["row"]: t for t in report.judge(done(ratio=1.1), full)}
    assert judged["step.ratio"]["met"] is True and judged["brian2.ratio"]["met"] is False
    assert judged["step.ratio"]["measured"] == 1.1 and judged["step.ratio"]["target"] == "<= 1.2 x"
    assert judged["memory.training"]["met"] is None and judged["memory.training"]["measured"] is None
    assert {t["row"]: t["met"] for t in report.judge(done(ratio=60), full)}["brian2.ratio"] is True


def test_sections_are_chosen_by_name():
    assert chosen(None) == list(sections)
    assert chosen("one-stream, step,one-stream") == ["one-stream", "step"]
    for none in ("", ","):
        with pytest.raises(ArgumentError, match="^benchmark: sections must be at least one of brian2, gpu, .*, got "):
            chosen(none)
    with pytest.raises(ArgumentError, match="^no benchmark section 'stp'; there are .*; did you mean 'step'"):
        chosen("step,stp")


def test_a_file_that_cannot_be_written_is_refused_at_once(setting, tmp_path):
    with pytest.raises(OSError, match="cannot write the measurements"):
        measure(setting, "step", tmp_path / "nowhere" / "bench.json", lambda *done: pytest.fail("measured first"))


def test_rows_measured_before_an_interruption_are_kept(setting, tmp_path):
    def interrupted(setting, section):
        """Begin."""
        section.add("step", "a step", "ms", [0.5])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(setting, None, tmp_path / "bench.json", known={"step": interrupted})
    written = json.loads((tmp_path / "bench.json").read_text())["sections"]["step"]
    assert written["title"] == "Begin" and written["rows"]["step"]["median"] == 500


def test_failing_process_is_named(setting):
    section = Section()
    memory.peak_memory(setting, section, ("-c", "raise SystemExit('out of luck')"))
    row = section.rows["training"]
    assert row.spread is None and row.note == "the process that measures memory failed: out of luck"


@pytest.mark.parametrize(
    ("program", "note"),
    [
        ("import sys; sys.exit('no torch today')", "PyTorch stopped with code 1: no torch today"),
        ("raise ModuleNotFoundError(\"No module named 'torch'\")", INSTALL),
    ],
)
def test_pytorch_that_dies_is_a_row(setting, tmp_path, program, note):
    (tmp_path / "program.py").write_text(program)
    section = Section()
    against_pytorch(setting, section, tmp_path / "program.py")
    row = section.rows["pytorch"]
    assert row.spread is None and row.note == note


def test_pytorchs_equations_are_not_those_of_every_model():
    section = Section()
    against_pytorch(Setting.quickly(model_file.load("lillicrap2016_rate")), section)
    assert section.rows["pytorch"].note.startswith("its equations are those of the published spiking network; the ")


def test_pytorchs_threads_wait_as_without_spikefa(tmp_path):
    """Its process has the user's own setting of OpenMP, and not the one that spikefa makes for itself."""
    program = tmp_path / "program.py"
    program.write_text(
        "import json, os, sys\nsys.stdin.readline()\n"
        "print(json.dumps([os.environ.get(n) for n in ('GOMP_SPINCOUNT', 'OMP_WAIT_POLICY')]))\n"
    )
    asking = (
        "import os, sys, json, pathlib, spikefa\n"
        "from spikefa.bench.torch_process import worker\n"
        "with worker(pathlib.Path(sys.argv[1])) as process:\n"
        "    print(json.dumps([os.environ.get('GOMP_SPINCOUNT'), process.ask({})]))\n"
    )
    plain = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    for own, expected in (
        ({}, ["3000", [None, None]]),
        ({"GOMP_SPINCOUNT": "77"}, ["77", ["77", None]]),
        ({"OMP_WAIT_POLICY": "PASSIVE"}, [None, [None, "PASSIVE"]]),
    ):
        done = subprocess.run(
            [sys.executable, "-c", asking, str(program)], env=plain | own, capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout) == expected


def run_command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["spikefa", "bench", "--quick", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return stopped.value.code


def test_command(tmp_path, monkeypatch, capsys):
    file = tmp_path / "b.json"
    assert run_command(monkeypatch, "--only", "images", "--json", file) == 0
    out = capsys.readouterr().out
    assert "Targets" in out and "the numbers mean nothing" in out and str(file.name) in out.replace("\n", "")
    assert set(json.loads(file.read_text())["sections"]) == {"images"}


def test_command_refuses_unknown_sections(monkeypatch, capsys):
    assert run_command(monkeypatch, "--only", "step,stp") == 2
    assert "no benchmark section 'stp'; there are" in capsys.readouterr().out
