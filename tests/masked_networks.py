"""Networks whose projections have masks, stored densely or sparsely."""

import numpy as np
from rule_networks import BASE, CONSTANTS, SIDE

import spikefa as fa
from spikefa.projections.connectivity import random_connectivity

#: Both ways of storing, whatever the fraction.
STORAGE = {
    name: fa.WeightPolicy(sparse_below_batched=below, sparse_below_events=below)
    for name, below in (("dense", 0.0), ("sparse", 1.1))
}


def network(mask, streams, rule=None, momentum=0.0, dtype="float64", seed=0, W=None, storage=None):
    net = fa.Network(streams=streams, dtype=dtype, target="numpy", seed=seed, weight_policy=STORAGE.get(storage))
    fa.Layer(net, "a", 6, SIDE, emit="s = s")
    fa.Layer(net, "b", 5, SIDE, emit="s = s")
    plasticity = (
        None if rule is None else fa.Plasticity(rule, CONSTANTS, fa.Momentum(momentum) if momentum else fa.SGD())
    )
    W = fa.uniform(0.9) if W is None else W
    projection = fa.Projection(net, "a", "b", W, bias=np.full(5, 0.2), mask=mask, plasticity=plasticity)
    rng = np.random.default_rng(2)
    for layer in net.layers:
        layer.view("v")[...] = rng.random((layer.units, streams))
        layer.view("d")[...] = rng.normal(size=(layer.units, streams))
        layer.view("s")[...] = rng.random((layer.units, streams)) < 0.5
    return net, projection


def naive_steps(net, projection, summed, local, steps, momentum):
    """Plain loops over the synapses that exist."""
    W, mask = projection.W.tolist(), projection.mask
    velocity = np.zeros(projection.shape).tolist()
    values = {layer.name: {n: layer.view(n) for n in ("v", "s", "d")} for layer in net.layers}

    def at(layer, unit, k):
        x = {n: float(values[layer][n][unit, k]) for n in ("v", "s", "d")}
        return x | {"psi": x["v"] * (1 - x["v"])}

    for _ in range(steps):
        for i, j in zip(*np.nonzero(mask), strict=True):
            change = sum(summed(at("a", i, k), at("b", j, k), W[i][j]) for k in range(net.streams))
            velocity[i][j] = momentum * velocity[i][j] + change + local(W[i][j])
            W[i][j] += velocity[i][j]
    return np.array(W)


def masked(
    model,
    digits,
    storage=None,
    streams=1,
    fraction=0.3,
    seed=0,
    dtype="float32",
    eta=4e-2,
    gamma=1e-6,
    momentum=0.0,
    rule=BASE,
):
    """The published model on digits, every projection with a mask, stored in one of the ways or as the policy says."""
    module, options = model.module, {"mask": random_connectivity(fraction)}
    net = fa.Network(streams=streams, seed=seed, dtype=dtype, weight_policy=STORAGE.get(storage))
    tau, probability = {"tau": net.clock.dt / 0.9}, {"max_spike_probability": 0.95}
    fa.Input(net, "image", 64, module.INPUT, emit=module.INPUT_SPIKES, namespace=probability)
    for name, units in (("h1", 30), ("h2", 20), ("output", 20)):
        fa.Layer(net, name, units, module.LAYER, emit=module.SPIKES, namespace=tau)
    above = fa.ErrorPopulation(net, "error_output", "output", module.ERROR, emit=module.MODULATION, namespace=tau)
    for name in ("h2", "h1"):
        feedback = fa.FeedbackPopulation(
            net, f"feedback_{name}", name, module.FEEDBACK, emit=module.MODULATION, namespace=tau
        )
        fa.Projection(net, above, feedback, fa.uniform(1.0), **options)
        above = feedback
    optimizer = fa.Momentum(momentum) if momentum else fa.SGD()
    plasticity = fa.Plasticity(rule, {"eta": eta, "gamma": gamma}, optimizer)
    for below, name in (("image", "h1"), ("h1", "h2"), ("h2", "output")):
        fa.Projection(net, below, name, fa.uniform(0.3), plasticity=plasticity, **options)
    fa.classification_task(net, 5, 10)
    net.stimulus.show_images(digits.train_images[: 40 * streams], digits.train_labels[: 40 * streams])
    return net, [p.mask for p in net.projections]
