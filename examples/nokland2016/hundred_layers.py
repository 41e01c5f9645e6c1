"""A hundred hidden layers: direct feedback alignment learns where errors sent from layer to layer vanish.

Nokland (2016), https://doi.org/10.48550/arXiv.1609.01596, trains 100 x 240 tanh units on MNIST by direct feedback
alone: backpropagation and alignment do not get through.

Shows, for that network with softmax outputs: the test error by epoch, and the size of the modulators ``delta`` of each
hidden layer, over the last one's, before learning and at the end. Rates are the paper's; with its logistic outputs,
whose errors have a mean at the start, nothing was learned in two passes over 20,000 images.
Backpropagation and alignment stop after a third of the epochs.
Arguments: figure (``hundred_layers.png``), epochs (6), and where runs are kept (a temporary directory): given, an
interrupted study goes on. Full run: about half an hour of one core. The numbers are in ``docs/results/nokland2016.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, save, tidy
from matplotlib.figure import Figure

import spikefa as fa
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, INK, STYLE, VERMILLION

EPOCHS = 6 if QUICK else int(sys.argv[2]) if len(sys.argv) > 2 else 6
KEPT = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
LAYERS, UNITS = (8, 40) if QUICK else (100, 240)
LEARNERS = {  # pathway -> label, colour, initial forward weights, which backpropagation cannot have at zero
    "direct": ("direct", VERMILLION, "zero"),
    "alignment": ("alignment", BLUE, "zero"),
    "backprop": ("backpropagation", INK, "fan_in"),
}
# numpy has nothing to compile, for which so many layers would wait long.
COMMON = {"hidden": (UNITS,) * LAYERS, "output_unit": "softmax", "target": "numpy"}
RESULTS = results_beside(__file__)


def modulators(run, net):
    """Root mean square of the modulators of each hidden layer, bottom up, for training images."""
    data = run.dataset()
    with fa.sandboxed(net, "recording"):
        net.stimulus.show_images(data.train_images[: net.streams], data.train_labels[: net.streams])
        net.run_steps(1)
        sizes = [net[f"feedback_{layer.name}"].view("delta") for layer in net.hidden]
        return np.array([np.sqrt(np.mean(np.square(size, dtype=np.float64))) for size in sizes])


def learn(pathway):
    """Return a run's metrics, and its modulators before learning and at the end."""
    run = new_run(
        KEPT / pathway,
        "nokland2016_dfa",
        COMMON | {"pathway": pathway, "weights": LEARNERS[pathway][2]} | ({"pixels": 64, "eta": 1e-3} if QUICK else {}),
        data="digits" if QUICK else "mnist",
        streams=20 if QUICK else 64,
        epochs=EPOCHS if pathway == "direct" else EPOCHS // 3,
        record_activity=False,
    )
    before = modulators(run, run.network())
    metrics = run.train()
    return metrics, before, modulators(run, run.trained_network())


learned = {pathway: learn(pathway) for pathway in LEARNERS}
errors = {pathway: 100 * metrics["test_error"] for pathway, (metrics, _, _) in learned.items()}
# What a factor is lost by from the last hidden layer to the first, in powers of ten.
lost = {pathway: np.log10(before[-1] / before[0]) for pathway, (_, before, _) in learned.items()}

with matplotlib.rc_context(STYLE):
    figure = Figure(figsize=(7.2, 2.4), dpi=150, layout="constrained")
    learning, sizes = figure.subplots(1, 2)
    for pathway, (label, colour, _) in LEARNERS.items():
        metrics, before, after = learned[pathway]
        learning.plot(metrics["epoch"], errors[pathway], color=colour, label=label)
        sizes.plot(range(1, LAYERS + 1), before / before[-1], ":", color=colour)
        sizes.plot(range(1, LAYERS + 1), after / after[-1], color=colour)
    learning.set(xlabel="Epoch", ylabel="Test error (%)", xlim=(0, EPOCHS), ylim=(0, 100))
    sizes.set(xlabel="Hidden layer", ylabel="Modulators over the last layer's", yscale="log", xlim=(1, LAYERS))
    sizes.set_ylim(1e-30, 1e3)
    figure.legend(*learning.get_legend_handles_labels(), loc="outside lower center", ncols=3, handlelength=1.4)
    tidy(learning, sizes)
save(figure, __file__)

for pathway, values in errors.items():
    print(
        f"{LAYERS} layers, {LEARNERS[pathway][0]}: test error {values[-1]:.2f} %; from the last layer to the first the "
        f"modulators lose {lost[pathway]:.1f} powers of ten"
    )
assert abs(lost["direct"]) < 1 < (1.5 if QUICK else 20) < min(lost["alignment"], lost["backprop"])
assert errors["direct"][-1] < min(errors["alignment"][-1], errors["backprop"][-1])
if not QUICK and EPOCHS == 6:
    for pathway, values in errors.items():
        RESULTS.check(f"hundred_{pathway}", values[-1], at=0)
        RESULTS.check(f"hundred_{pathway}_lost", lost[pathway], at=0)
