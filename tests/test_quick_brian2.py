"""What `quick_brian2` puts in the place of Brian2's own is as good."""

import quick_brian2
from brian2 import NeuronGroup, ms
from brian2.utils import caching


def test_keys_of_brian2s_caches_are_its_own(monkeypatch):
    group = NeuronGroup(2, "dv/dt = (1 - v) / (2*ms) : 1\nw : 1 (shared)", threshold="v > 0.5", name="group")
    values = [dict(group.variables), group.equations, [1, 2.5, "x", None], {"a": (3 * ms, {"b"})}]
    quick = [quick_brian2.hashable(value) for value in values]
    monkeypatch.setattr(caching, "_hashable", quick_brian2._hashable)  # which calls itself by this name
    monkeypatch.setattr(caching.CacheKey, "_state_tuple", property(quick_brian2._state_tuple))
    own = [caching._hashable(value) for value in values]
    assert quick == own and list(map(hash, quick)) == list(map(hash, own))
    for variable in group.variables.values():
        if isinstance(variable, caching.CacheKey):
            assert quick_brian2.state_tuple(variable) == quick_brian2._state_tuple(variable)


def test_automatic_names_are_unique_and_own_ones_are_kept():
    groups = [NeuronGroup(1, "v : 1") for _ in range(3)]
    assert len({group.name for group in groups}) == 3
    assert quick_brian2.find_name("mine") == "mine" and quick_brian2.find_name("x*", {"x"}) == "x_1"


def test_where_an_object_was_made_is_said():
    assert "NeuronGroup" in NeuronGroup(1, "v : 1")._creation_stack
