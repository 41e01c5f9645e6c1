"""Kernels that are made from text: written once, compiled once, made anew where what they call has changed."""

import types

import numpy as np

from spikefa.engine import generated
from spikefa.engine.kernels.synapse_loop import compile_loop


def test_a_spoiled_source_is_written_anew(empty_cache):
    source = "kernel = abs\n"
    assert generated.load_kernel(source) is abs
    (path,) = empty_cache.glob("*.py")
    path.write_text("raise RuntimeError")
    generated.clear()
    assert generated.load_kernel(source) is abs
    assert path.read_text() == source


def loop_and_cache():
    """Run a rule's loop; return the weights after it, and how often its machine code was found and was not."""
    generated.clear()
    summed = "clip(s_pre, 0, 1) * (s_post + sign(-s_pre) + clip(s_post, 3, 4)) * W"
    loop = compile_loop(summed, "-decay * W", ["s_pre"], ["s_post"], ["decay"])
    W, ones = np.ones((3, 2), np.float32), np.ones((3, 4), np.float32)
    loop(W, 0.5, 5 * ones, 2 * ones[:2], 0.25)
    return W, *(sum(times.values()) for times in (loop.stats.cache_hits, loop.stats.cache_misses))


def test_the_loop_of_a_rule_is_compiled_for_later_processes_too(empty_cache):
    for hits in (0, 1):
        W, *found = loop_and_cache()
        assert found == [hits, 1 - hits]
        np.testing.assert_array_equal(W, 1 + 0.5 * 4 * (2 - 1 + 3) - 0.25)  # four streams


def test_without_a_folder_it_is_compiled_anew(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPIKEFA_CACHE", str(tmp_path / "file"))
    W, *found = loop_and_cache()
    generated.clear()
    assert found == [0, 1] and (W == 8.75).all()


def test_a_kernel_is_made_anew_where_a_module_that_it_calls_has_changed(empty_cache, tmp_path):
    path = tmp_path / "called.py"
    for text in ("one", "other", "one"):
        path.write_text(text)
        module = types.ModuleType("called")
        module.__file__ = str(path)
        generated.clear()
        generated.load_kernel("kernel = abs\n", (module,))
    assert len(list(empty_cache.glob("*.py"))) == 2


def test_variables_may_have_the_names_that_a_loop_uses(empty_cache):
    names = ["share", "one", "compiled", "number", "total", "kernel", "exp", "lr", "w"]
    summed = " * ".join([f"{name}_pre" for name in names] + [f"exp({name}_post)" for name in names])
    pre, post = ([f"{name}_{side}" for name in names] for side in ("pre", "post"))
    loop = compile_loop(summed, f"-({' + '.join(names)}) * W", pre, post, names)
    count = len(names)
    W, ones, zeros, constants = np.ones((3, 2)), np.ones((3, 1)), np.zeros((2, 1)), count * [0.0625]
    loop(W, 1, *count * [ones], *count * [zeros], *constants)
    np.testing.assert_array_equal(W, 1 + 1 - count / 16)
