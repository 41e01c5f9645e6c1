"""Kinds of work in a step."""

from spikefa.bench import profile


def test_every_object_of_a_network_has_a_category(setting):
    net = setting.network()
    found = {obj.name: profile.category_of(obj) for obj in net.sorted_objects}
    assert set(found.values()) == set(profile.CATEGORIES)
    assert found["h1_emit"] == "emission" and found["h1_to_h2"] == "propagation"
    assert found["h1_to_h2_learning"] == "updates"
