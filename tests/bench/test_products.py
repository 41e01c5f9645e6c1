"""The matrix products of a step, done alone."""

import numpy as np
import pytest

from spikefa.bench import products


@pytest.mark.parametrize("pathway", ["alignment", "backprop"])
def test_products_alone_are_the_steps_own_products(setting, pathway):
    """SciPy's products give the same currents, in both layouts, and the weights do not move."""
    net = setting.network(pathway=pathway)
    currents = {p.name: p.post.view(p.post.current_variable) for p in net.projections}
    expected = {p.name: p.pre.view(p.pre.output_variable).T @ p.W for p in net.projections}
    weights = {p.name: p.W.copy() for p in net.projections}
    jobs = {"own": products.own_products(net, 1), "scipy": products.scipy_products(net, 1, "units_x_streams")}
    for name, job in jobs.items():
        for current in currents.values():
            current[...] = 5  # must be overwritten
        assert job() > 0
        for p in net.projections:
            bias = p.b if name == "own" else 0
            np.testing.assert_allclose(currents[p.name].T, expected[p.name] + bias, atol=1e-5)
            np.testing.assert_allclose(p.W, weights[p.name], rtol=0, atol=1e-8)
    assert products.scipy_products(net, 1, "streams_x_units")() > 0
    learning = sum(p.W.size for p in net.projections if p.learning)
    total = sum(p.W.size for p in net.projections)
    assert products.operations(net) == 2 * net.streams * (total + learning)
