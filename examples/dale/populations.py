"""Dale's law: 80 % excitatory and 20 % inhibitory neurons, with lateral inhibition, learn the digits.

Each neuron has one sign for all its synapses (Dale 1935; Eccles 1976, https://doi.org/10.1098/rspb.1976.0099). Hidden
neurons are integrate-and-fire, with two ports: excitatory and inhibitory currents that decay at their own speeds.
Excitatory neurons excite the next layer and the inhibitory neurons of their own; these inhibit the excitatory ones of
their layer, which is lateral inhibition. Feedback alignment teaches every synapse onto excitatory and output neurons.

Shows: (a) spikes of excitatory and inhibitory neurons before and after learning. (b) Test errors with plain updates,
momentum and Adam, and with hidden weights that do not learn. (c) The weights after learning: none has the wrong sign.
Arguments: figure (``populations.png``) and seeds (3).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _entries import check_or_write
from _study import QUICK, mean_sd, save, tidy
from brian2 import ms
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import spikefa as fa
from spikefa.plotting.style import BLUE, INK, ORANGE, PURPLE, STYLE, VERMILLION

SEEDS = 1 if QUICK else int([*sys.argv, "3"][2 if len(sys.argv) > 2 else -1])
EPOCHS, TRAIN, TEST = (1, 200, 100) if QUICK else (12, 1420, 360)
EXCITATORY, INHIBITORY, STREAMS, STEPS = 160, 40, 20, 50
NEURON = """
dv/dt = (0.2 + ge - gi - v) / (10*ms) : 1 (unless refractory)
dge/dt = -ge / (5*ms) : 1      # excitatory current
dgi/dt = -gi / (10*ms) : 1     # inhibitory current
psi = 1 / (1 + abs(v - 1))**2 : 1
s : 1
"""
SPIKES = {"threshold": "v > 1", "reset": "v = 0", "refractory": 2 * ms, "initial": {"v": "rand()"}}
ERROR = "du/dt = (layer_s * 10 - target - u) / (10*ms) : 1\ntarget : 1\ndelta : 1"  # target: 100 Hz
FEEDBACK = "du/dt = (J - u) / (10*ms) : 1\nJ : 1\ndelta : 1"
RULE = "dW = {} * eta * delta_post * psi_post * s_pre"
OPTIMIZERS = {  # name -> (label, optimizer, eta, colour)
    "sgd": ("plain", fa.SGD(), 1e-3, INK),
    "momentum": ("momentum", fa.Momentum(0.9), 1e-4, BLUE),
    "adam": ("Adam", fa.Adam(), None, ORANGE),
    "frozen": ("hidden layer fixed", None, 1e-3, PURPLE),
}
ADAM_LR = 3e-3
if QUICK:
    OPTIMIZERS = {name: OPTIMIZERS[name] for name in ("sgd", "adam")}


def rule(sign, optimizer, eta):
    """Return the rule; an inhibitory synapse moves the other way, as its weight counts with a minus."""
    constants, lr = ({"eta": eta}, 1.0) if eta is not None else ({"eta": 1.0}, ADAM_LR)
    return fa.Plasticity(RULE.format("-1" if sign == "excitatory" else "1"), constants, optimizer, lr)


def build(name, seed):
    """Return the network: input, 160 excitatory and 40 inhibitory neurons, 100 output neurons."""
    _, optimizer, eta, _ = OPTIMIZERS[name]
    net = fa.Network(streams=STREAMS, seed=seed, dt=1 * ms)
    fa.Input(net, "image", 64, emit="s = 0.1 * x", threshold=None)  # the mean of 100 Hz
    fa.Layer(net, "excitatory", EXCITATORY, NEURON, **SPIKES)
    fa.Population(net, "inhibitory", INHIBITORY, NEURON, **SPIKES)
    fa.Layer(net, "output", 100, NEURON, **SPIKES)
    fa.feedback_alignment(net, error=ERROR, feedback=FEEDBACK, B=fa.uniform(0.09))

    def project(pre, post, low, high, into, learns):
        # Inhibition is stated by weights of at least 0 into gi, which the potential counts with a minus.
        plasticity = (
            rule("excitatory" if into == "ge" else "inhibitory", optimizer or fa.SGD(), eta) if learns else None
        )
        name = f"{pre}_to_{post}_{into}"
        weights = fa.uniform(low, high)
        options = {"into": into, "sign": "excitatory", "name": name, "learn_bias": False}
        return fa.Projection(net, pre, post, weights, plasticity=plasticity, **options)

    hidden = optimizer is not None
    project("image", "excitatory", 0, 0.6, "ge", hidden)
    project("image", "inhibitory", 0, 0.3, "ge", False)
    project("excitatory", "inhibitory", 0, 0.05, "ge", False)
    project("inhibitory", "excitatory", 0, 0.3, "gi", hidden)
    project("excitatory", "output", 0, 0.2, "ge", True)
    project("inhibitory", "output", 0, 0.4, "gi", True)
    fa.classification_task(net, STEPS, 10)
    return net


def spikes_of(net, images):
    """Return times and units of spikes of stream 0, over some images."""
    rows = []
    with fa.sandboxed(net, "recording"):
        net.stimulus.show_images(images)
        for step in range(STEPS * len(images) // net.streams):
            net.run_steps(1)
            for offset, name in ((0, "excitatory"), (EXCITATORY, "inhibitory")):
                rows += [(step, offset + unit) for unit in np.flatnonzero(net[name].view("s")[:, 0])]
    return np.array(rows).reshape(-1, 2)


def learn(name, seed, digits):
    """Train a network; return it, its test errors, and spikes before and after."""
    net = build(name, seed)
    shown = np.repeat(digits.test_images[:3], STREAMS, axis=0)
    rng, errors, spikes = np.random.default_rng(seed), [], [spikes_of(net, shown)]
    for epoch in range(EPOCHS + 1):
        errors.append(100 * fa.error(net, digits.test_images[:TEST], digits.test_labels[:TEST], steps=STEPS))
        if epoch < EPOCHS:
            order = rng.permutation(len(digits.train_images))[:TRAIN]
            net.stimulus.show_images(digits.train_images[order], digits.train_labels[order])
            net.run_steps(STEPS * TRAIN // STREAMS)
    return net, errors, [*spikes, spikes_of(net, shown)]


digits = fa.datasets.load("digits")
learned = {name: [learn(name, seed, digits) for seed in range(SEEDS)] for name in OPTIMIZERS}
net, _, (before, after) = learned["sgd"][0]

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.6), dpi=150, layout="constrained")
    a, b, c = figure.subplots(1, 3)
    for spikes, shift, label in ((before, 0, "before"), (after, 3 * STEPS + 20, "after")):
        inhibitory = spikes[:, 1] >= EXCITATORY
        a.plot(spikes[~inhibitory, 0] + shift, spikes[~inhibitory, 1], ",", color=INK)
        a.plot(spikes[inhibitory, 0] + shift, spikes[inhibitory, 1], ",", color=VERMILLION)
        a.text(shift + 1.5 * STEPS, EXCITATORY + INHIBITORY + 4, label, ha="center")
    a.set(xlabel="Time (ms)", ylabel="Neuron (inhibitory: red)", ylim=(0, EXCITATORY + INHIBITORY))
    for name, (label, _, _, colour) in OPTIMIZERS.items():
        curves = np.array([errors for _, errors, _ in learned[name]])
        b.plot(curves.T, color=colour, linewidth=0.3, alpha=0.4)
        b.plot(curves.mean(axis=0), color=colour, label=label)
    b.set(xlabel="Epoch", ylabel="Test error (%)", xlim=(0, EPOCHS), ylim=(0, 100))
    b.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    b.legend(handlelength=1.4)
    for name, sign, colour in (("excitatory_to_output_ge", 1, INK), ("inhibitory_to_output_gi", -1, VERMILLION)):
        c.hist(sign * net[name].W.ravel(), bins=50, color=colour, alpha=0.8)
    c.set(xlabel="Weights of the output neurons", ylabel="Synapses", yscale="log")
    tidy(a, b, c)
save(figure, __file__)

for name, several in learned.items():
    errors = [errors[-1] for _, errors, _ in several]
    print(f"{OPTIMIZERS[name][0]}: test error {mean_sd(errors)} %")
    for trained, _, _ in several:
        assert all((p.W >= 0).all() for p in trained.projections if p.sign), "Dale's law"
        assert all((p.W == 0).any() for p in trained.projections if p.post.name == "output"), "the bound was reached"
if not QUICK:
    last = {name: [errors[-1] for _, errors, _ in several] for name, several in learned.items()}
    claims = {name: f"80 % excitatory, 20 % inhibitory, {label}" for name, (label, *_) in OPTIMIZERS.items()}
    command = "python examples/dale/populations.py"
    check_or_write(
        __file__, "Dale's law", "dale", last, claims, margin=8, epochs=EPOCHS, command=command, figure="populations.png"
    )
    last = {name: np.mean(values) for name, values in last.items()}
    assert max(last[name] for name in ("sgd", "momentum", "adam")) < last["frozen"]
