"""Dale's law: excitatory and inhibitory neurons, with lateral inhibition, learn digits by feedback alignment.

Of the hidden neurons 80 % excite and 20 % inhibit. Inhibitory neurons receive what the others receive, and inhibit them
and the output through ports of their own. Weights keep their sign whatever the rule says. Compared with a network
whose weights may have any sign, and with one whose inhibition is switched off. Shows: learning curves, weights after
learning, and the rates of hidden neurons. Full run: about a minute. Writes ``dale.png`` here.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _study import QUICK, save, tidy
from matplotlib.figure import Figure

import spikefa as fa
from spikefa.plotting.style import STYLE

EPOCHS, IMAGES, STEPS = (2, 400, 10) if QUICK else (10, 1420, 10)
KINDS = {"any sign": "C0", "Dale's law": "C1", "without inhibition": "C3"}
NEURON = """dv/dt = (I + inhibition - v) / (1.1*ms) : 1
            I : 1
            inhibition : 1
            p = 1 / (1 + exp(-v)) : 1
            s : 1"""
SPIKES = "s = int(rand() < p)"
digits = fa.datasets.load("digits")


def build(kind):
    """Return a network of 160 excitatory and 40 inhibitory hidden neurons, or of 200 of both signs."""
    dale = kind != "any sign"
    net = fa.Network(streams=20, seed=0, target="numpy")
    fa.Input(net, "image", 64)
    if dale:
        fa.Population(net, "inhibitory", 40, NEURON, emit=SPIKES)
    fa.Layer(net, "h1", 160 if dale else 200, NEURON, emit=SPIKES)
    fa.Layer(net, "output", 100, NEURON, emit=SPIKES)
    fa.feedback_alignment(
        net,
        B=fa.uniform(0.3),
        error="du/dt = (layer_s - target - u) / (1.1*ms) : 1\ntarget : 1\ndelta : 1",
        feedback="du/dt = (J - u) / (1.1*ms) : 1\nJ : 1\ndelta : 1",
    )
    rule = fa.Plasticity("dW = -0.006 * delta_post * p_post * (1 - p_post) * s_pre")
    if dale:
        connect_by_sign(net, rule, active=kind == "Dale's law")
    else:
        fa.Projection(net, "image", "h1", fa.uniform(0.4), plasticity=rule)
        fa.Projection(net, "h1", "output", fa.uniform(0.2), plasticity=rule)
    fa.classification_task(net, steps_per_image=STEPS, classes=10)
    return net


def connect_by_sign(net, rule, active):
    """Add projections of excitatory and of inhibitory neurons; the inhibition may be switched off."""
    excites, inhibits = {"sign": "excitatory"}, {"sign": "inhibitory", "into": "inhibition"}
    fa.Projection(net, "image", "inhibitory", fa.uniform(0, 0.2), **excites)
    fa.Projection(net, "image", "h1", fa.uniform(0, 0.4), plasticity=rule, **excites)
    fa.Projection(net, "h1", "output", fa.uniform(0, 0.1), plasticity=rule, **excites)
    for post in ("h1", "output"):
        fa.Projection(net, "inhibitory", post, fa.uniform(-0.3, 0), plasticity=rule, learn_bias=False, **inhibits)
        net[f"inhibitory_to_{post}_inhibition"].active = active


def learn(net):
    """Return the test error (%) before learning and after each epoch."""

    def test():
        return 100 * fa.error(net, digits.test_images, digits.test_labels, steps=2 * STEPS)

    errors = [test()]
    for _ in range(EPOCHS):
        net.stimulus.show_images(digits.train_images[:IMAGES], digits.train_labels[:IMAGES])
        net.run_steps(STEPS * IMAGES // net.streams)
        errors.append(test())
    return errors


networks = {kind: build(kind) for kind in KINDS}
errors = {kind: learn(net) for kind, net in networks.items()}
rates = {kind: (1 / (1 + np.exp(-net["h1"].view("v")))).mean(axis=1) for kind, net in networks.items()}
signed = [projection for projection in networks["Dale's law"].projections if projection.sign]

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(8.4, 2.7), dpi=150, layout="constrained")
    curves, weights, activity = figure.subplots(1, 3)
    for kind, colour in KINDS.items():
        curves.plot(errors[kind], "o-", color=colour, markersize=3, label=kind)
        activity.plot(np.sort(rates[kind]), np.linspace(0, 100, len(rates[kind])), color=colour, label=kind)
    curves.set(xlabel="Epoch", ylabel="Test error (%)", ylim=(0, 100))
    curves.legend(loc="upper right", frameon=False)
    bins = np.linspace(-1, 1, 61)
    for pre, colour in (("h1", "C2"), ("inhibitory", "C4")):
        (own,) = (p for p in signed if p.pre.name == pre and p.post.name == "output")
        weights.hist(np.clip(own.W, -1, 1).ravel(), bins, color=colour, density=True, label=f"from {pre}")
    weights.set(xlabel="Weight into the output", ylabel="Density", yscale="log")
    weights.legend(frameon=False)
    activity.set(xlabel="Probability of a spike", ylabel="Hidden neurons below (%)", xlim=(0, 1))
    tidy(curves, weights, activity)
save(figure, __file__)
print("test error", ", ".join(f"{values[-1]:.1f} % ({kind})" for kind, values in errors.items()))
assert len(signed) == 5
assert all((p.W >= 0).all() if p.sign == "excitatory" else (p.W <= 0).all() for p in signed)
assert errors["Dale's law"][-1] < (80 if QUICK else 30)  # chance is 90 %
assert errors["Dale's law"][-1] < errors["without inhibition"][-1]
