"""Every public function, with one bad argument at a time, refuses it in one sentence.

The cases come from the signatures: a new function or parameter joins by itself. ``pytest -m slow tests/fuzz`` makes all
of them.
"""

import collections

import fuzz_api
import fuzz_meaning
import pytest
from fuzz_verdict import is_warm, judge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.filterwarnings("ignore")  # of numpy, about the bad values


def _faults(case):
    """Return what is wrong with the answer to a case, or nothing."""
    verdict = judge(case)
    annotation = fuzz_api.parameters(case.function)[case.parameter].annotation
    meant = {"accepted": fuzz_meaning.is_meant(case, annotation), "wrote": fuzz_meaning.is_late(case), "refused": True}
    return None if meant.get(verdict.kind) else f"{case}: {verdict.kind}: {verdict.said}"


@settings(
    max_examples=250,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.sampled_from(fuzz_api.cases()))
def test_a_bad_argument_is_refused_in_one_sentence(case):
    fault = _faults(case)
    assert fault is None, fault


@pytest.mark.slow
def test_every_bad_argument_is_refused_in_one_sentence():
    faults = [fault for fault in map(_faults, fuzz_api.cases()) if fault is not None]
    assert not faults, "\n".join([f"{len(faults)} of {len(fuzz_api.cases())}", *faults])


@pytest.mark.parametrize("name", fuzz_api.functions())
def test_valid_arguments_are_accepted(name):
    """Or the bad argument might not be what is refused."""
    assert is_warm(name) or name in fuzz_api.NEEDS_FILES


def test_every_public_name_is_a_case():
    counted = collections.Counter(case.function for case in fuzz_api.cases())
    takes_nothing = {name for name in fuzz_api.functions() if not fuzz_api.parameters(name)}
    assert set(counted) | takes_nothing == set(fuzz_api.functions())
