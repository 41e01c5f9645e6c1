"""The published spiking network in plain PyTorch, run as a program of its own by `bench.worker_process`.

It imports nothing of spikefa: the equations are written by hand, those of Lillicrap et al. (2016, Fig. 4)::

    v <- v + a (s_below W + b - v);  p = 1 / (1 + exp(-v));  s = rand < p
    u_top <- u_top + a (s - target - u_top);  u <- u + a (delta_above B - u);  delta = tanh(u)
    W <- (1 - gamma) W - eta s_below^T (delta p (1 - p))

It reads one line of JSON (the sizes and constants), prints one (versions, the variants that work), and then
prints the seconds a step for each line ``{"variant": ..., "steps": n}``. An empty line ends it.

Variants: ``eager/LAYOUT`` and ``compiled/LAYOUT``, where the layout is that of activities in memory; on a GPU also
``graph/LAYOUT``, a presentation of compiled steps as one CUDA graph.
"""

import json
import os
import sys
import time
from itertools import pairwise

import torch

LAYOUTS = {"units_x_streams": True, "streams_x_units": False}


class Net:
    """State and one step, without gradients, in place wherever PyTorch can."""

    def __init__(self, sizes, units_first):
        torch.manual_seed(0)
        self.c, self.units_first = sizes, units_first
        widths = [sizes["pixels"], *sizes["hidden"], sizes["outputs"]]
        self.streams = sizes["streams"]

        def matrix(n_pre, n_post, limit):
            shape = (n_post, n_pre) if units_first else (n_pre, n_post)
            return torch.empty(shape).uniform_(-limit, limit)

        def activity(units):
            return torch.zeros((units, self.streams) if units_first else (self.streams, units))

        pairs = list(pairwise(widths))
        self.W = [matrix(pre, post, sizes["weight_range"]) for pre, post in pairs]
        self.b = [torch.zeros((n, 1) if units_first else n) for n in widths[1:]]
        self.B = [matrix(post, pre, sizes["feedback_range"]) for pre, post in pairs[1:]]
        self.v, self.u = [[activity(n) for n in widths[1:]] for _ in range(2)]
        self.x, self.target = activity(widths[0]), activity(widths[-1])
        self.counts = torch.zeros(sizes["classes"], self.streams)
        lit = torch.rand(20, *self.x.shape) < 0.191
        self.images = torch.empty(20, *self.x.shape).uniform_(0.36, 1) * lit
        self.labels = torch.randint(0, sizes["classes"], (20, self.streams))
        self.shown = 0
        self.unit_class = torch.arange(widths[-1]) // (widths[-1] // sizes["classes"])

    def switch(self):
        """Show the next images, after a prediction of those before."""
        self.counts.argmax(0)
        self.counts.zero_()
        self.shown = (self.shown + 1) % 20
        labels = self.labels[self.shown]
        self.x.copy_(self.images[self.shown])
        hot = self.unit_class[:, None] == labels[None, :]
        self.target.copy_(hot if self.units_first else hot.T)

    def step(self):
        """Take one step: forward, feedback, plasticity."""
        c, first = self.c, self.units_first
        a, eta, kept = c["dt_over_tau"], c["eta"], 1 - c["gamma"]
        s = (torch.rand_like(self.x) < self.x.clamp(0, c["max_spike_probability"])).to(self.x.dtype)
        spikes, probabilities = [s], []
        for W, b, v in zip(self.W, self.b, self.v, strict=True):
            v.lerp_(torch.addmm(b, W, s) if first else torch.addmm(b, s, W), a)
            p = torch.sigmoid(v)
            s = (torch.rand_like(p) < p).to(p.dtype)
            spikes.append(s)
            probabilities.append(p)
        classes = c["classes"]
        if first:
            self.counts += s.view(classes, -1, self.streams).sum(1)
        else:
            self.counts += s.view(self.streams, classes, -1).sum(2).T
        self.u[-1].lerp_(s - self.target, a)
        deltas = [torch.tanh(self.u[-1])]
        for B, u in zip(reversed(self.B), reversed(self.u[:-1]), strict=True):
            u.lerp_(B @ deltas[0] if first else deltas[0] @ B, a)
            deltas.insert(0, torch.tanh(u))
        for W, b, below, p, delta in zip(self.W, self.b, spikes[:-1], probabilities, deltas, strict=True):
            g = delta * (p * (1 - p))
            if first:
                W.addmm_(g, below.T, beta=kept, alpha=-eta)
                b.mul_(kept).sub_(g.sum(1, keepdim=True), alpha=eta)
            else:
                W.addmm_(below.T, g, beta=kept, alpha=-eta)
                b.mul_(kept).sub_(g.sum(0), alpha=eta)


def captured(step, steps):
    """Return what does so many steps as one CUDA graph."""
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(steps):
            step()
    return graph.replay


def main():
    """Serve the parent process until it sends an empty line."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # compilers may print
    sizes = json.loads(sys.stdin.readline())
    torch.set_num_threads(sizes["threads"])
    torch.set_flush_denormal(True)
    torch.set_default_device(sizes["device"])
    on_gpu, shown = sizes["device"] == "cuda", sizes["steps_per_image"]
    finish = torch.cuda.synchronize if on_gpu else lambda: None
    hows = ["eager", *(["compiled"] if sizes["compile"] else []), *(["graph"] if on_gpu and sizes["compile"] else [])]
    working, failed = {}, {}
    with torch.inference_mode():
        for how in hows:
            for layout, units_first in LAYOUTS.items():
                name = f"{how}/{layout}"
                try:
                    net = Net(sizes, units_first)
                    step = net.step if how == "eager" else torch.compile(net.step, dynamic=False)
                    for _ in range(3):
                        net.switch()
                        step()
                    finish()
                    working[name] = (net, captured(step, shown), shown) if how == "graph" else (net, step, 1)
                except Exception as error:  # no compiler, or one that PyTorch cannot use
                    failed[name] = f"{type(error).__name__}: {error}".strip().splitlines()[0][:200]
        reply = {"torch": torch.__version__, "mkl": torch.backends.mkl.is_available()}
        reply |= {"threads": torch.get_num_threads(), "working": list(working), "failed": failed}
        print(json.dumps(reply), file=out, flush=True)
        while line := sys.stdin.readline().strip():
            asked = json.loads(line)
            net, run, length = working[asked["variant"]]
            run()
            finish()
            began = time.perf_counter()
            for number in range(0, asked["steps"], length):
                if number % shown == 0:
                    net.switch()
                run()
            finish()
            print(json.dumps((time.perf_counter() - began) / asked["steps"]), file=out, flush=True)


if __name__ == "__main__":
    main()
