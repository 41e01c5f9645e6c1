"""Input, error and feedback populations: what they must have."""

import pytest
from layered_networks import build_with

import spikefa as fa
from spikefa.errors import ArgumentError

BAD_ROLES = [
    (
        lambda n: fa.FeedbackPopulation(n, "f", "h", "u = layer_q : 1\ndelta : 1"),
        r"'layer_q' needs a variable 'q' of layer 'h', which has \['I', 'N'",
    ),
    (
        lambda n: fa.ErrorPopulation(n, "e", "h", "u : 1\ndelta : 1"),
        r"ErrorPopulation 'e': the equations must have the parameter 'target'",
    ),
]


@pytest.mark.parametrize(("what", "message"), BAD_ROLES)
def test_bad_roles_are_refused(what, message):
    with pytest.raises(ArgumentError, match=message):
        build_with(what)
