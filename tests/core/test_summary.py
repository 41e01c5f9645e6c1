"""The summary of a network: sizes, synapses, memory and rules, as text and HTML."""

from dataclasses import replace

import numpy as np

import spikefa as fa


def small():
    net = fa.Network(streams=4, target="numpy")
    fa.Input(net, "image", 6, emit="s = x", threshold=None)
    layer = "I : 1\npsi : 1\ns : 1"
    for name, units in (("h1", 5), ("output", 2)):
        fa.Layer(net, name, units, layer, emit="s = I", threshold=None)
    error, feedback = "u = layer_s - target : 1\ntarget : 1\ndelta : 1", "J : 1\ndelta : 1"
    fa.backprop(net, error=error, emit_error="delta = u", feedback=feedback, emit="delta = J")
    rule = fa.Plasticity("dW = -0.1 * delta_post * s_pre")
    fa.Projection(net, "image", "h1", np.eye(6, 5), mask=np.eye(6, 5, dtype=bool), plasticity=rule)
    fa.Projection(net, "h1", "output", np.ones((5, 2)), plasticity=rule)
    return net


def test_it_counts_synapses_and_bytes_and_names_rules():
    net = small()
    found = net.summary()
    by_name = {row["name"]: row for row in found.projections}
    assert by_name["image_to_h1"]["synapses"] == 5 and by_name["h1_to_output"]["synapses"] == 10
    assert by_name["h1_to_output"]["rule"] == "dW = -0.1 * delta_post * s_pre"
    (tied,) = [row for row in found.projections if row["rule"] == "weights of h1_to_output"]
    assert tied["synapses"] == tied["bytes"] == 0 and found.synapses == 15
    assert found.bytes == sum(array.nbytes for array in (*net.parameters().values(), *net.state().values()))
    assert [row["units"] for row in found.populations] == [6, 5, 2, 2, 5]


def test_its_text_is_a_table_and_html_which_is_escaped():
    found = small().summary()
    lines = str(found).splitlines()
    assert lines[0].startswith("Network of 4 streams, seed 0, float32, dt = ") and "15 synapses" in lines[-1]
    assert any(line.split()[:4] == ["h1", "Layer", "5", "320"] for line in lines), str(found)
    page = found._repr_html_()
    assert page.count("<tr>") == 2 + len(found.populations) + len(found.projections)
    assert "<td>image_to_h1</td>" in page
    assert (
        "<td>a &lt;b&gt;</td>" in replace(found, populations=({**found.populations[0], "name": "a <b>"},))._repr_html_()
    )
