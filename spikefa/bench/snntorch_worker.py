"""A spiking network of the same sizes in snnTorch, a program of its own run by `bench.worker_process`.

It imports nothing of spikefa. It is what snnTorch's users write: leaky integrate-and-fire units (``snntorch.Leaky``)
with a surrogate gradient, images as spikes of Bernoulli trials, the mean squared error of the output's spike counts,
and backpropagation through all steps of an image, then plain gradient descent.

It reads one line of JSON (the sizes and constants), prints one (versions, the variants that work), and then prints the
seconds a step for each line ``{"variant": ..., "steps": n}``. An empty line ends it. Variants are ``training`` and
``testing``.
"""

import json
import os
import sys
import time
from itertools import pairwise

import snntorch
import torch
from snntorch import functional, surrogate


class Net(torch.nn.Module):
    """Fully connected layers of leaky integrate-and-fire units."""

    def __init__(self, sizes):
        super().__init__()
        self.widths = [sizes["pixels"], *sizes["hidden"], sizes["outputs"]]
        beta, slope = 1 - sizes["dt_over_tau"], surrogate.fast_sigmoid()
        self.weights = torch.nn.ModuleList(torch.nn.Linear(pre, post) for pre, post in pairwise(self.widths))
        self.units = torch.nn.ModuleList(snntorch.Leaky(beta=beta, spike_grad=slope) for _ in self.weights)

    def forward(self, images, steps):
        """Return the output's spikes, (steps, streams, units), for images (streams, pixels)."""
        potentials, spikes = [units.init_leaky() for units in self.units], []
        for _ in range(steps):
            s = torch.bernoulli(images)
            for number, (weights, units) in enumerate(zip(self.weights, self.units, strict=True)):
                s, potentials[number] = units(weights(s), potentials[number])
            spikes.append(s)
        return torch.stack(spikes)


def main():
    """Serve the parent process until it sends an empty line."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sizes = json.loads(sys.stdin.readline())
    torch.set_num_threads(sizes["threads"])
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    net, shown, streams = Net(sizes), sizes["steps_per_image"], sizes["streams"]
    lit = torch.rand(20, streams, sizes["pixels"]) < 0.191
    images = torch.empty(lit.shape).uniform_(0.36, 1) * lit
    labels = torch.randint(0, sizes["classes"], (20, streams))
    loss_of = functional.mse_count_loss(
        correct_rate=0.8, incorrect_rate=0.2, population_code=True, num_classes=sizes["classes"]
    )
    optimizer = torch.optim.SGD(net.parameters(), lr=sizes["eta"])

    def training(number):
        optimizer.zero_grad()
        loss_of(net(images[number], shown), labels[number]).backward()
        optimizer.step()

    def testing(number):
        with torch.inference_mode():
            net(images[number], shown).sum(0).view(streams, sizes["classes"], -1).sum(2).argmax(1)

    variants = {"training": training, "testing": testing}
    for run in variants.values():
        run(0)
    versions = {"snnTorch": snntorch.__version__, "PyTorch": torch.__version__}
    print(json.dumps({"versions": versions, "working": list(variants)}), file=out, flush=True)
    while line := sys.stdin.readline().strip():
        asked = json.loads(line)
        run = variants[asked["variant"]]
        run(0)
        batches = max(1, asked["steps"] // shown)
        began = time.perf_counter()
        for number in range(batches):
            run(number % 20)
        print(json.dumps((time.perf_counter() - began) / (batches * shown)), file=out, flush=True)


if __name__ == "__main__":
    main()
