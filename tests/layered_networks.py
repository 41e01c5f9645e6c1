"""Networks of one or two populations, for tests of what is refused."""

import spikefa as fa

LAYER = "dv/dt = (I - v) / tau : 1\nI : 1\ns : 1"


def build(equations=LAYER, emit="s = int(rand() < v)", **options):
    net = fa.Network(streams=2, seed=0)
    fa.Layer(net, "h1", 3, equations, emit=emit, namespace={"tau": net.clock.dt / 0.9}, **options)
    return net


PLAIN = "dv/dt = (I - v) / (1*ms) : 1\nI : 1\ns : 1"


def valid(**changes):
    arguments = {"streams": 1, "seed": 0, "dtype": "float32", "target": "numba"} | changes
    return fa.Network(**arguments)


def build_with(what):
    net = valid()
    fa.Input(net, "image", 4)
    fa.Layer(net, "h", 3, PLAIN, emit="s = int(rand() < 0.5)")
    what(net)
    return net
