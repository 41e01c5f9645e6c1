"""A small network of maps, image -> convolution -> pooling -> convolution -> output, and the same by plain loops."""

import math

import naive
import numpy as np

import spikefa as fa

ETA = 0.1
#: Name of the layer -> its projection: field, stride, padding.
WINDOWS = {"h1": (3, 1, 1), "p1": (2, 1, 0), "h2": (2, 2, 1)}
MAPS = {"image": (2, 4, 3), "h1": (2, 4, 3), "p1": (2, 3, 2), "h2": (3, 2, 2)}
TANH, LINEAR = "psi = 1 - y**2 : 1", "psi = 1 : 1"
STRINGS = {
    "error": "target : 1\ndelta : 1",
    "feedback": "J : 1\ndelta : 1",
    "emit": "delta = J * layer_psi",
    "emit_error": "delta = (layer_y - target) * layer_psi",
}


def map_network(pathway, kind="max", streams=2, plasticity=None, **options):
    """Return a network; layers h1 and h2 are tanh, p1 and the output linear."""
    net = fa.Network(streams=streams, dtype="float64", target="numpy", seed=3)
    fa.Input(net, "image", MAPS["image"], "x : 1\ny = x : 1", emit="", output="x", threshold=None, limits=None)
    for name, units in (*list(MAPS.items())[1:], ("output", 3)):
        emit, psi = ("y = tanh(v)", TANH) if name[0] == "h" else ("y = v", LINEAR)
        fa.Layer(net, name, units, f"v = I : 1\nI : 1\ny : 1\n{psi}", emit=emit, output="y", threshold=None)
    fa.add_pathway(net, pathway, **STRINGS | options)
    rule = plasticity or fa.Plasticity("dW = -eta * delta_post * y_pre", {"eta": ETA})
    for below, above in (("image", "h1"), ("h1", "p1"), ("p1", "h2")):
        field, stride, padding = WINDOWS[above]
        if above == "p1":
            fa.pooling(net, below, above, kind, field=field, stride=stride)
            continue
        along = dict(maps=MAPS[above][0], field=field, stride=stride, padding=padding)
        bias = np.linspace(-0.1, 0.1, MAPS[above][0])
        fa.convolution(net, below, above, fa.uniform(0.6), bias=bias, plasticity=rule, **along)
    fa.Projection(net, "h2", "output", fa.uniform(0.6), plasticity=rule)
    fa.classification_task(net, 1, 3)
    return net


def show(net, seed=1):
    """Give every stream an input and a target of its own; they stay."""
    rng = np.random.default_rng(seed)
    net.input.view("x")[:] = rng.normal(size=(net.input.units, net.streams))
    net.error.view("target")[:] = rng.uniform(-0.8, 0.8, (net.error.units, net.streams))


def maps_of(rows, grid):
    """[unit][stream] -> [map][y][x][stream]."""
    return np.reshape(rows, (*grid, -1)).tolist()


def rows_of(maps):
    """[map][y][x][stream] -> [unit][stream]."""
    return np.reshape(maps, (-1, np.shape(maps)[-1])).tolist()


class PlainLoops:
    """The network of `map_network` and its learning, one synapse at a time.

    `pathway` is "backprop", "direct", whose B are matrices from the output by the layers' names, or "alignment", whose
    B are (output, h2) and (maps of h2, field, field, maps of p1).
    """

    def __init__(self, net, pathway, kind, B=None):
        self.W = {name: net[name].W.tolist() for name in ("image_to_h1", "p1_to_h2", "h2_to_output")}
        self.b = {name: net[name].b.tolist() for name in self.W}
        self.x, self.target = (net[n].view(v).tolist() for n, v in (("image", "x"), ("error_output", "target")))
        self.pathway, self.kind, self.B = pathway, kind, B

    def step(self):
        """Propagate, send the error back and learn; return delta of each layer, [unit][stream]."""
        x = maps_of(self.x, MAPS["image"])
        h1 = self._convolved("image_to_h1", x, "h1")
        p1, shares = naive.pool(h1, *MAPS["p1"][1:], *WINDOWS["p1"][:2], self.kind)
        h2 = self._convolved("p1_to_h2", p1, "h2")
        y = naive.propagate(self.W["h2_to_output"], rows_of(h2), self.b["h2_to_output"])
        top = [[o - t for o, t in zip(*rows, strict=True)] for rows in zip(y, self.target, strict=True)]
        d2, d1 = self._sent_back(top, h1, p1, h2, shares)
        for name, below, delta, above in (("image_to_h1", x, d1, "h1"), ("p1_to_h2", p1, d2, "h2")):
            maps = maps_of(delta, MAPS[above])
            self.W[name] = naive.convolve_update(self.W[name], below, maps, -ETA, 1.0, *WINDOWS[above][1:])
            for m, one in enumerate(maps):
                self.b[name][m] -= ETA * sum(value for row in one for place in row for value in place)
        last = "h2_to_output"
        self.W[last] = naive.update(self.W[last], rows_of(h2), top, -ETA, 1.0)
        self.b[last] = [b - ETA * sum(row) for b, row in zip(self.b[last], top, strict=True)]
        return {"h1": d1, "h2": d2, "output": top}

    def _convolved(self, name, x, layer):
        v = naive.convolve(self.W[name], x, self.b[name], *MAPS[layer][1:], *WINDOWS[layer][1:])
        return [[[[math.tanh(value) for value in place] for place in row] for row in one] for one in v]

    def _sent_back(self, top, h1, p1, h2, shares):
        if self.pathway == "direct":
            to_h2, to_h1 = (naive.propagate(self.B[n], top, [0.0] * len(self.B[n][0])) for n in ("h2", "h1"))
            return naive.gated(to_h2, rows_of(h2)), naive.gated(to_h1, rows_of(h1))
        if self.pathway == "backprop":
            dense, shared = naive.transposed(self.W["h2_to_output"]), self.W["p1_to_h2"]
        else:
            dense, shared = self.B[0], np.swapaxes(self.B[1], 0, 3).tolist()
        d2 = naive.gated(naive.propagate(dense, top, [0.0] * len(dense[0])), rows_of(h2))
        to_p1 = naive.convolve_back(shared, p1, maps_of(d2, MAPS["h2"]), *WINDOWS["h2"][1:])
        return d2, naive.gated(rows_of(naive.pool_back(h1, to_p1, shares)), rows_of(h1))
