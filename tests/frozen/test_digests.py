"""What small networks compute is, to the bit, what was recorded in ``digests.json``.

The quick set has a case of every model's every pathway on numba and numpy, and some of all else; ``-m slow`` has all.
Where the libraries or the processor are others than those that were recorded, it is skipped.
"""

import adapter
import cases
import digests
import numpy as np
import pytest

QUICK = [group for group, long in digests.GROUPS.items() if not long]


def compare(group, **options):
    reason = digests.why_not(group)
    if reason is not None:
        pytest.skip(reason)
    found, _ = digests.compute(group, **options)
    lines = digests.differences(found, digests.recorded())
    assert found and not lines, "\n".join(lines)


@pytest.mark.parametrize("group", QUICK)
def test_quick_set(group):
    compare(group, quick=True, threads=2 if group == "threads" else 1)


@pytest.mark.slow
@pytest.mark.parametrize("group", digests.GROUPS)
def test_everything(group):
    """With the target cython it compiles for half an hour where nothing was compiled before."""
    compare(group)


def test_the_record_has_every_label():
    assert list(cases.GROUPS) == list(digests.GROUPS)
    labels = {label for group in cases.GROUPS.values() for label in group()}
    assert digests.load(), "there is no record"
    for recorded in digests.load().values():
        assert {label for label in labels if recorded["compiler"] or not label.endswith("/cython")} == set(
            recorded["digests"]
        )


@pytest.fixture(scope="module")
def network():
    return cases.of_model("lillicrap2016_spiking", target="numpy", momentum=0.5, average=20)


def arrays_of(state):
    _, named, nameless = state
    return [array for _, _, array in named] + [array for _, arrays in nameless for array in arrays]


def test_one_bit_changes_the_digest(network):
    """In each array of the state by itself, its last place or its count."""
    state = adapter.state(network)
    before = digests.digest_of_state(*state)
    assert digests.digest_of_state(state[0] + 1, *state[1:]) != before
    changed = 0
    for array in (array for array in arrays_of(state) if array.size and array.flags.writeable):
        first = (0,) * array.ndim
        kept = array[first].copy()
        array[first] = np.nextafter(kept, np.inf, dtype=array.dtype) if array.dtype.kind == "f" else kept + 1
        assert digests.digest_of_state(*state) != before
        array[first] = kept
        changed += 1
    assert changed > 30 and digests.digest_of_state(*state) == before


def test_names_of_the_package_do_not_count_and_those_of_the_network_do(network):
    step, named, nameless = adapter.state(network)
    before = digests.digest_of_state(step, named, nameless)
    turned = [(owner, arrays[::-1]) for owner, arrays in nameless[::-1]]
    assert digests.digest_of_state(step, named[::-1], turned) == before
    other = [("another", name, array) if owner == "h1" else (owner, name, array) for owner, name, array in named]
    assert digests.digest_of_state(step, other, nameless) != before
    assert digests.digest_of_state(step, named[:-1], nameless) != before
    wider = [(owner, name, array.astype("f8")) for owner, name, array in named]
    assert digests.digest_of_state(step, wider, nameless) != before


def test_a_network_that_says_nothing_is_refused(network):
    step, named, nameless = adapter.state(network)
    with pytest.raises(ValueError, match="must be finite"):
        digests.check((step, [("h1", "v", np.array([np.nan]))], nameless))
    with pytest.raises(ValueError, match="no projection has weights that differ"):
        digests.check((step, [(owner, name, 0 * array) for owner, name, array in named], nameless))


def test_differences_name_the_labels():
    one, other = "0" * 64, "1" * 64
    found = {"a": one, "b": one, "c": "ValueError: no", "d": one}
    lines = digests.differences(found, {"a": one, "b": other, "c": one})
    assert lines == ["c: ValueError: no", "b: differs", "d: is not recorded"]


def test_where_bits_may_differ_it_says_why(monkeypatch):
    record = {"versions": digests.versions() | {"numpy": "0.1"}, "compiler": None, "digests": {}}
    monkeypatch.setattr(digests, "load", lambda: {digests.python(): record})
    monkeypatch.setattr(digests, "wrong_machine", lambda: None)
    assert digests.why_not() == f"recorded with numpy 0.1, here {np.__version__}"
    record["versions"] = digests.versions()
    assert digests.why_not() is None and "cython" in digests.why_not("models, cython")
    monkeypatch.setattr(digests, "load", lambda: {"2.7": record})
    assert digests.why_not() == f"digests were recorded for Python 2.7, here {digests.python()}"
    monkeypatch.undo()
    monkeypatch.setattr(digests, "processor_flags", set)
    assert "needs Linux on x86-64 with AVX2" in digests.why_not()
