"""Tasks that are shared out among threads."""

import gc
import subprocess
import sys
import textwrap

import numba
import numpy as np
import pytest

from spikefa.engine.compiled import compiled
from spikefa.engine.kernels.tasks import share


@compiled(nogil=True)
def _count(task, done, which, step, twice):
    if task == which:
        raise ValueError("the task", task)
    done[task] += np.float32(2 * step if twice else step)


@compiled(nogil=True)
def _count_all(done, which, twice):
    share(_count, len(done), (done, which, 3, twice))


@pytest.mark.parametrize("count", [0, 1, 2, 7, 1000])
def test_each_task_runs_once(count):
    for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        numba.set_num_threads(threads)
        done = np.zeros(count, np.float32)
        _count_all(done, -1, True)
        assert np.all(done == 6)


@compiled(nogil=True)
def _caught(done):
    try:
        share(_count, len(done), (done, 7, 3, False))
    except Exception:
        return True
    return False


def test_what_a_task_raises_is_raised():
    for threads in range(1, numba.config.NUMBA_NUM_THREADS + 1):
        numba.set_num_threads(threads)
        done = np.zeros(20, np.float32)
        with pytest.raises(ValueError) as error:
            _count_all(done, 7, False)
        assert error.value.args == ("the task", 7)
        assert done[7] == 0 and done.sum() == 3 * 19
        _count_all(done, 20, False)
        assert done[7] == 3 and done.sum() == 6 * 20 - 3


def test_what_a_task_raises_can_be_caught():
    done = np.zeros(20, np.float32)
    assert _caught(done)
    assert done.sum() == 3 * 19 and not _caught(done[:5])


@compiled(nogil=True)
def _copy_row(task, source, target, rooms):
    row = source[task]
    half = row[: row.size // 2]
    room = half.copy()  # which owns memory of its own
    target[task, : half.size] = room
    rooms[task] = room.sum()


@compiled(nogil=True)
def _copy_rows(source):
    target, rooms = np.zeros_like(source), np.zeros(len(source))
    share(_copy_row, len(source), (source, target, rooms))
    return target, rooms


def test_tasks_slice_what_they_are_lent_and_its_owners_stay_the_same():
    source = np.random.default_rng(0).random((500, 8))
    _copy_rows(source)  # what compiles keeps its arguments for a while
    gc.collect()
    before = sys.getrefcount(source)
    for _ in range(20):
        target, rooms = _copy_rows(source)  # it made both, so that they own their memory still
    after = sys.getrefcount(source)
    assert after == before
    assert np.array_equal(target[:, :4], source[:, :4]) and not target[:, 4:].any()
    np.testing.assert_allclose(rooms, source[:, :4].sum(axis=1))


def test_code_that_is_kept_runs_in_a_later_process(tmp_path, monkeypatch):
    """Which starts numba's threads only then, whether or not the loop over tasks was kept before the kernel was."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("SPIKEFA_CACHE", raising=False)
    said = []
    for name in ("first", "second", "second", "first"):
        script = tmp_path / f"{name}.py"
        script.write_text(
            textwrap.dedent(
                """
                import numpy as np
                from spikefa.engine.compiled import compiled
                from spikefa.engine.kernels.tasks import share

                @compiled(nogil=True)
                def _add(task, to):
                    to[task] += task

                @compiled(nogil=True)
                def _add_all(to):
                    share(_add, len(to), (to,))

                @compiled(nogil=True)
                def add(to):
                    _add_all(to)

                to = np.zeros(9)
                add(to)
                print(to.sum(), sum(add.stats.cache_hits.values()))
                """
            )
        )
        said.append(subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout.split())
    assert said == [["36.0", "0"], ["36.0", "0"], ["36.0", "1"], ["36.0", "1"]]
