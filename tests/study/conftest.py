"""Studies of a tiny rate network."""

import pytest
from study_runs import study_of


@pytest.fixture
def study(tmp_path, rate):
    """A function that states a study of a tiny network on the digits; keywords change it."""

    def state(directory="study", vary=None, seeds=1, **more):
        return study_of(tmp_path / directory, rate, {"eta": [1e-3, 2e-3]} if vary is None else vary, seeds, **more)

    return state
