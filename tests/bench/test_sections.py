"""`spikefa bench`: what is measured is there, finite and positive, and what it says is computed rightly.

No test asserts a speed.
"""

import json
import math

import numpy as np
import pytest

from spikefa.bench import Section, Setting, goals, measure
from spikefa.bench.sections import memory, one_stream, sections
from spikefa.bench.sections.epoch import Watch
from spikefa.experiments import model_file

#: Keys that a section always has, in quick mode.
KEYS = {
    "step": "step busy own scipy/units_x_streams scipy/streams_x_units ratio remainder profile/propagation "
    "profile/updates profile/integration profile/emission profile/post_factors "
    "profile/stimulus profile/readout profile/no_product step/bfloat16 speedup/bfloat16 step/int8 speedup/int8",
    "floors": "step multiply_adds additions bandwidth floor/propagation_in_float floor/updates_in_float floor ratio "
    "integers int8/step int8/floor/propagation_in_int8 int8/floor int8/ratio",
    "images": "train test epoch test_set",
    "epoch": "total learning test checkpoint recording",
    "one-stream": "step busy bytes bandwidth bound ratio profile/propagation profile/no_product "
    "int8/step int8/bytes int8/ratio",
    "brian2": "stock spikefa spikefa_one ratio ratio_one",
    "convolution": "forward back update",
    "delays": "none delayed ratio none_one delayed_one ratio_one",
    "lif": "numpy spikefa spikefa_one ratio/numpy ratio_one/numpy",
    "pytorch": "pytorch",
    "snntorch": "snntorch",
    "ngclearn": "ngclearn",
    "memory": "imports training with_data arrays",
    "scaling": "streams/1 streams/20/image streams/2/rate streams/gain width/20 width/50/ratio threads/1 "
    "threads/1/speedup crossover/1/events crossover/1/batched crossover/4/tables crossover/4/dense_events "
    "crossover/1/few crossover/4/dense_few crossover/events crossover/dense_events crossover/few "
    "crossover/dense_few crossover/tables",
    "mkl": "mkl",
    "start": "help import first_row/warm",
    "gpu": "step",
    "gpu-pytorch": "pytorch",
}


#: Differences of times, and counts: may be zero or, with small sizes, negative.
ANY_SIGN = {"remainder", *(f"crossover/{kind}" for kind in ("events", "dense_events", "few", "dense_few", "tables"))}


#: Sections that say why they cannot measure, where a package or a GPU is missing.
MAY_BE_MISSING = {"convolution", "pytorch", "snntorch", "ngclearn", "mkl", "gpu", "gpu-pytorch"}


#: Those that start processes of their own, each of which compiles.
LONG = {"memory", "start"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in sections]
)
def test_every_section_gives_numbers(setting, name, tmp_path):
    file = tmp_path / "bench.json"
    reported = []
    result = measure(setting, name, file, lambda done: reported.append((list(done), len(done[name][1].rows))))
    assert json.loads(file.read_text()) == result
    assert list(result["sections"]) == [name]
    section = result["sections"][name]
    every = len(section["rows"])
    assert reported == [([name], count) for count in (*range(1, every + 1), every)]  # a row, a row ..., the notes
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


def test_goals_are_of_sections_that_there_are():
    assert {goal.row.partition(".")[0] for goal in goals.GOALS} <= set(sections)


@pytest.mark.parametrize("section", ["images", pytest.param("memory", marks=pytest.mark.slow)])
def test_a_preset_is_measured_and_named_whatever_it_learns(section):
    """A regression, with the sizes of its preset."""
    record = measure(Setting.quickly(model_file.load("lillicrap2016_rate"), "fig3d_4"), section)
    assert record["preset"] == "fig3d_4" and record["params"]["sizes"] == [30, 20, 10, 10]
    rows = record["sections"][section]["rows"]
    assert all(row["median"] is not None for row in rows.values())
    assert rows["test" if section == "images" else "arrays"]["median"] > 0


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


def test_failing_process_is_named(setting):
    section = Section()
    memory.peak_memory(setting, section, ("-c", "raise SystemExit('out of luck')"))
    row = section.rows["training"]
    assert row.spread is None and row.note == "the process that measures memory failed: out of luck"


def test_a_watch_counts_each_part_without_those_inside_it():
    watch, now = Watch(), [0.0]

    def work(seconds, *inside):
        now[0] += seconds
        for call in inside:
            call()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("spikefa.bench.sections.epoch.time.perf_counter", lambda: now[0])
        save = watch.timed("checkpoint", lambda: work(2.0))
        learn = watch.timed("learning", lambda: work(5.0, save, watch.begin, save, save))
        watch.timed("recording", lambda: work(1.0, save, learn))()
    assert watch.spent == {"checkpoint": 4.0, "learning": 0.0, "recording": 0.0}
    assert watch.calls == {"checkpoint": 2, "learning": 1, "recording": 1}
