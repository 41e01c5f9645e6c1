"""Networks for the diagnostics, and dense backpropagation to compare with."""

from pathway_networks import (
    ETA,
    STRINGS,
    forward,
    show,
)

import spikefa as fa

BIG = (6, 60, 50, 40)  # large enough for the Gram matrices with few streams, small enough for dense ones with many


def measured(net, rng, steps=1, **options):
    show(net, rng)
    monitor = fa.GradientAlignment(net, **options)
    net.run_steps(steps)
    return monitor


def with_rule(
    text, streams=3, mask=None, momentum=0.0, sizes=BIG, flipped=(), knows="", skips=(), direct=False, **constants
):
    """A network with hidden tanh units whose feedback lacks the derivative, so that a rule has to have it.

    Units know more by the equations `knows`; `skips` are further projections, as pairs of names.
    """
    net = fa.Network(streams=streams, seed=1, dtype="float64", target="numpy")
    tau = {"tau": 2 * net.clock.dt}
    fa.Input(
        net,
        "image",
        sizes[0],
        "x : 1\n" + knows.replace("y", "x"),
        emit="",
        output="x",
        threshold=None,
        limits=None,
        namespace=tau,
    )
    names = [f"h{number}" for number in range(1, len(sizes) - 1)] + ["output"]
    for name, units in zip(names, sizes[1:], strict=True):
        fa.Layer(
            net,
            name,
            units,
            "v = I : 1\nI : 1\ny : 1\npsi = 1 - y**2 : 1\n" + knows,
            emit="y = tanh(v)",
            output="y",
            threshold=None,
            namespace=tau,
        )
    strings = STRINGS | {"emit": "delta = J", "emit_error": "delta = layer_y - target"}
    pathway = fa.direct_feedback_alignment if direct else fa.feedback_alignment
    pathway(net, **strings, B=fa.uniform(0.5))
    for below, above in [*zip(["image", *names], names, strict=False), *skips]:
        pre = "x" if below == "image" else "y"
        eta = -ETA if above in flipped else ETA
        rule = fa.Plasticity(
            text.replace("y_pre", f"{pre}_pre"),
            {"eta": eta} | constants,
            fa.Momentum(momentum) if momentum else fa.SGD(),
        )
        fa.Projection(net, below, above, fa.uniform(0.6), mask=mask, plasticity=rule)
    fa.classification_task(net, 1, 2)
    return net


def dense(net, activity, W_before, error):
    """Backpropagation's updates, by plain matrix products: D = (W D) psi from the top."""
    updates, D = {}, {"output": error}
    weights = dict(zip(forward(net), W_before, strict=True))
    for layer in net.hidden[::-1]:
        received = sum(W @ D[p.post.name] for p, W in weights.items() if p.pre is layer)
        D[layer.name] = received * (1 - activity[layer.name] ** 2)
    for projection in weights:
        updates[projection.name] = -ETA * activity[projection.pre.name] @ D[projection.post.name].T
    return updates
