"""A projection whose states stay as they are set, rules, and plain loops that apply them."""

import math

import numpy as np

import spikefa as fa

BASE = "dW = -eta * delta_post * psi_post * s_pre - gamma * W"


CONSTANTS = {"eta": 0.1, "gamma": 0.01, "theta": 0.3}


SIDE = "I : 1\nv : 1\ns : 1\nd : 1\npsi = v * (1 - v) : 1"


#: rule, and the change of one synapse in one stream from its variables as plain Python
RULES = {
    "three factors": (BASE, lambda x, y, W: -0.1 * y["d"] * y["psi"] * x["s"], lambda W: -0.01 * W),
    "centred": (
        "dW = -eta * d_post * psi_post * (s_pre - 0.5)",
        lambda x, y, W: -0.1 * y["d"] * y["psi"] * (x["s"] - 0.5),
        lambda W: 0,
    ),
    "derivative spelt out": (
        "dW = eta * d_post * v_post * (1 - v_post) * s_pre",
        lambda x, y, W: 0.1 * y["d"] * y["v"] * (1 - y["v"]) * x["s"],
        lambda W: 0,
    ),
    "two products": (
        "dW = eta * (s_pre * v_post - v_pre * s_post)",
        lambda x, y, W: 0.1 * (x["s"] * y["v"] - x["v"] * y["s"]),
        lambda W: 0,
    ),
    "a constant inside": (
        "dW = eta * exp(-theta * v_pre) * d_post",
        lambda x, y, W: 0.1 * math.exp(-0.3 * x["v"]) * y["d"],
        lambda W: 0,
    ),
    "presynaptic only": ("dW = eta * s_pre", lambda x, y, W: 0.1 * x["s"], lambda W: 0),
    "decay only": ("dW = -gamma * W", lambda x, y, W: 0, lambda W: -0.01 * W),
    "soft bounds": (
        "dW = eta * d_post * s_pre * (1 - W) - gamma * W",
        lambda x, y, W: 0.1 * y["d"] * x["s"] * (1 - W),
        lambda W: -0.01 * W,
    ),
    "functions of the presynaptic side": (
        "dW = eta * d_post * int(v_pre > 0.5) * sqrt(v_pre)",
        lambda x, y, W: 0.1 * y["d"] * (x["v"] > 0.5) * math.sqrt(x["v"]),
        lambda W: 0,
    ),
    "inverse functions": (
        "dW = eta * arctan(W) * s_pre * exprel(v_post)",
        lambda x, y, W: 0.1 * math.atan(W) * x["s"] * math.expm1(y["v"]) / y["v"],
        lambda W: 0,
    ),
    "Oja": (
        "dW = eta * (s_post * s_pre - s_post**2 * W)",
        lambda x, y, W: 0.1 * (y["s"] * x["s"] - y["s"] ** 2 * W),
        lambda W: 0,
    ),
    "not separable": (
        "dW = eta * tanh(v_pre - v_post)",
        lambda x, y, W: 0.1 * math.tanh(x["v"] - y["v"]),
        lambda W: 0,
    ),
    "covariance": (
        "dW = (s_pre - theta) * (v_post - gamma) - gamma * W",
        lambda x, y, W: (x["s"] - 0.3) * (y["v"] - 0.01),
        lambda W: -0.01 * W,
    ),
    "both absent": (
        "dW = eta * (1 - s_pre) * (1 - v_post)",
        lambda x, y, W: 0.1 * (1 - x["s"]) * (1 - y["v"]),
        lambda W: 0,
    ),
    "toward a rate": ("dW = eta * (theta - v_post)", lambda x, y, W: 0.1 * (0.3 - y["v"]), lambda W: 0),
    "a sign before brackets": ("dW = -(v_post - theta)", lambda x, y, W: -y["v"], lambda W: 0.3),
    "toward a weight": (
        "dW = -(gamma * W + theta) + eta * (1 - v_post) * (s_pre - W)",
        lambda x, y, W: 0.1 * (1 - y["v"]) * (x["s"] - W),
        lambda W: -0.01 * W - 0.3,
    ),
    "bracket with decay": (
        "dW = eta * (s_pre * v_post - theta * W)",
        lambda x, y, W: 0.1 * (x["s"] * y["v"] - 0.3 * W),
        lambda W: 0,
    ),
    "constant drift": (
        "dW = eta * s_pre * s_post - theta",
        lambda x, y, W: 0.1 * x["s"] * y["s"],
        lambda W: -0.3,
    ),
}
RULES["three factors"] = (BASE.replace("delta", "d"), *RULES["three factors"][1:])


def optimizer(momentum=0.0, rmsprop=0.0):
    return fa.Momentum(momentum) if momentum else fa.RMSprop(rmsprop) if rmsprop else fa.SGD()


def network(rule, streams, momentum=0.0, dtype="float64", rmsprop=0.0, **constants):
    net = fa.Network(streams=streams, dtype=dtype, target="numpy")
    fa.Layer(net, "a", 6, SIDE, emit="s = s")
    fa.Layer(net, "b", 5, SIDE, emit="s = s")
    rule = fa.Plasticity(rule, CONSTANTS | constants, optimizer(momentum, rmsprop))
    W = np.random.default_rng(1).uniform(0.1, 0.9, (6, 5))
    projection = fa.Projection(net, "a", "b", W, bias=np.full(5, 0.2), plasticity=rule)
    rng = np.random.default_rng(2)
    for layer in net.layers:
        layer.view("v")[...] = rng.random((layer.units, streams))
        layer.view("d")[...] = rng.normal(size=(layer.units, streams))
        layer.view("s")[...] = rng.random((layer.units, streams)) < 0.5
    return net, projection


def naive_steps(net, projection, summed, local, steps, momentum=0.0, rate=1.0, rmsprop=0.0):
    W, b = projection.W.tolist(), projection.b.tolist()
    vW, vb = np.zeros((6, 5)).tolist(), [0.0] * 5
    names = ("v", "s", "d")
    values = {layer.name: {n: layer.view(n) for n in names} for layer in net.layers}
    one = dict.fromkeys((*names, "psi"), 1.0)

    def at(layer, unit, k):
        x = {n: float(values[layer][n][unit, k]) for n in names}
        return x | {"psi": x["v"] * (1 - x["v"])}

    def moved(change, memory, local):
        if rmsprop:
            square = rmsprop * memory + (1 - rmsprop) * (change + local) ** 2
            return square, rate * (change + local) / (math.sqrt(square) + 1e-8)
        return (momentum * memory + rate * change + local,) * 2

    for _ in range(steps):
        for j in range(5):
            change = sum(summed(one, at("b", j, k), b[j]) for k in range(net.streams))
            vb[j], step = moved(change, vb[j], local(b[j]))
            b[j] += step
            for i in range(6):
                change = sum(summed(at("a", i, k), at("b", j, k), W[i][j]) for k in range(net.streams))
                vW[i][j], step = moved(change, vW[i][j], local(W[i][j]))
                W[i][j] += step
    return np.array(W), np.array(b)
