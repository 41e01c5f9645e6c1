"""A spiking network of the same sizes in ngc-learn, a program of its own run by `bench.worker_process`.

It imports nothing of spikefa. It is the broadcast feedback alignment of Samadi, Lillicrap & Tweed (2017) in ngc-learn's
components: images as spikes of Bernoulli trials, simplified leaky integrate-and-fire units with a surrogate derivative,
fixed random weights from the output's error to each hidden layer, and weights that learn in each step.

It reads one line of JSON (the sizes and constants), prints one (versions, the variants that work), and then prints the
seconds a step for each line ``{"variant": ..., "steps": n}``. An empty line ends it. Variants are ``training`` and
``testing``.
"""

import json
import os
import sys
import time
from importlib.metadata import version
from itertools import pairwise

import jax
import numpy as np
from ngclearn import Context, MethodProcess
from ngclearn.components.input_encoders import BernoulliCell
from ngclearn.components.neurons.graded import GaussianErrorCell
from ngclearn.components.neurons.spiking import SLIFCell
from ngclearn.components.synapses import StaticSynapse
from ngclearn.components.synapses.hebbian import HebbianSynapse
from ngclearn.utils.distribution_generator import DistributionGenerator


class Net:
    """The circuit, and its two processes."""

    def __init__(self, sizes):
        widths, batch = [sizes["pixels"], *sizes["hidden"], sizes["outputs"]], {"batch_size": sizes["streams"]}
        limits = [DistributionGenerator.uniform(-x, x) for x in (sizes["weight_range"], sizes["feedback_range"])]
        with Context("broadcast"):
            self.image = BernoulliCell("image", widths[0], **batch)
            self.error = GaussianErrorCell("error", widths[-1], **batch)
            below, forward, backward, learning = self.image.outputs, [self.image.advance_state], [], []
            for number, (pre, post) in enumerate(pairwise(widths), 1):
                learns = {"eta": sizes["eta"], "w_bound": 0.0, "sign_value": -1.0, "weight_init": limits[0]}
                W = HebbianSynapse(f"W{number}", (pre, post), **learns, **batch)
                units = SLIFCell(f"z{number}", post, tau_m=2.0, resist_m=1.0, thr=0.4, **batch)
                below >> W.inputs
                below >> W.pre
                W.outputs >> units.j
                forward += [W.advance_state, units.advance_state]
                if number == len(widths) - 1:
                    units.s >> self.error.mu
                    self.error.dmu >> W.post
                else:
                    B = StaticSynapse(f"B{number}", (widths[-1], post), weight_init=limits[1], **batch)
                    told = GaussianErrorCell(f"d{number}", post, **batch)
                    self.error.dmu >> B.inputs
                    B.outputs >> told.target
                    units.surrogate >> told.modulator
                    told.dmu >> W.post
                    backward += [B.advance_state, told.advance_state]
                learning.append(W.evolve)
                below = units.s
            self.output = below
            self.training, self.testing = MethodProcess("training"), MethodProcess("testing")
            for method in [*forward, self.error.advance_state, *backward, *learning]:
                self.training = self.training >> method
            for method in forward:
                self.testing = self.testing >> method

    def show(self, image, target):
        """Show images (streams, pixels) and what the output should answer, (streams, units)."""
        self.image.inputs.set(image)
        self.error.target.set(target)


def main():
    """Serve the parent process until it sends an empty line."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sizes = json.loads(sys.stdin.readline())
    net, shown, streams = Net(sizes), sizes["steps_per_image"], sizes["streams"]
    rng, classes = np.random.default_rng(0), sizes["classes"]
    lit = rng.random((20, streams, sizes["pixels"])) < 0.191
    images = jax.numpy.asarray(rng.uniform(0.36, 1, lit.shape) * lit, "float32")
    hot = np.eye(classes)[rng.integers(0, classes, (20, streams))]
    targets = jax.numpy.asarray(np.repeat(hot, sizes["outputs"] // classes, axis=2), "float32")

    def run(process, steps):
        for number in range(steps):
            if number % shown == 0:
                net.show(images[number // shown % 20], targets[number // shown % 20])
            process.run(t=1.0 * number, dt=1.0)
        jax.block_until_ready(net.output.get())

    variants = {"training": net.training, "testing": net.testing}
    for process in variants.values():
        run(process, 2)
    versions = {"ngc-learn": version("ngclearn"), "JAX": jax.__version__}
    print(json.dumps({"versions": versions, "working": list(variants)}), file=out, flush=True)
    while line := sys.stdin.readline().strip():
        asked = json.loads(line)
        process = variants[asked["variant"]]
        run(process, 2)
        began = time.perf_counter()
        run(process, asked["steps"])
        print(json.dumps((time.perf_counter() - began) / asked["steps"]), file=out, flush=True)


if __name__ == "__main__":
    main()
