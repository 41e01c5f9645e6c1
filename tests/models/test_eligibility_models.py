"""The models with eligibility traces: equal to Brian2's `Synapses`, in which every trace is one a synapse."""

import pytest
from test_brian2_reference import compare

from spikefa.experiments import model_file


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("eprop", {"hidden": 8}),
        ("eprop", {"hidden": 8, "filtered": True}),
        ("reward_stdp", {"hidden": (6,)}),
        ("reward_stdp", {"window": "pairs"}),
    ],
)
def test_a_model_equals_synapses_of_brian2(name, changes, digits):
    model = model_file.load(name)
    net = model.build(model.params(changes | {"dtype": "float64", "target": "numpy"}), seed=2)
    before = [(p, p.W.copy()) for p in net.projections if p.learning]
    compare(net, digits)
    assert all(abs(p.W - W).max() > 1e-4 for p, W in before)


def test_the_low_pass_of_the_eligibility_is_all_that_needs_a_state_of_each_synapse():
    model = model_file.load("eprop")
    for filtered in (False, True):
        net = model.build(model.params({"hidden": 8, "filtered": filtered, "target": "numpy"}))
        states = [p.learning.states is not None for p in net.projections if p.learning and p.post.name == "h1"]
        assert states == [filtered, filtered]
