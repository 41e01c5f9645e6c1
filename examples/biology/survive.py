"""Does feedback alignment survive biology? One switch at a time, and all together.

The network of Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276,
https://doi.org/10.1038/ncomms13276, and integrate-and-fire networks of the same size, which models/biology.py states.

Shows: (a) test errors after learning, with the published rule; with integrate-and-fire neurons of 2 ms refractoriness
at dt = 1 to 0.1 ms; and with these at dt = 1 ms and one switch each: spiking feedback, delays, blank intervals, Dale's
law, sparse feedback, time constants that differ, Poisson input; all of it; and two controls, hidden layers that do not
learn and feedback that is shuffled in each step. (b) Of the digits, the same while they learn.

A stopped study goes on where it was, with the same ``--kept``. Settings were found on the last 237 training images of
the digits. ``--write`` writes ``results.toml``; without it, the errors are checked against that file.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _entries import check_or_write
from _study import QUICK, metrics_of, tidy
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import spikefa as fa
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, STYLE, VERMILLION

#: Condition -> what it is, and the changes of models/biology.py's parameters.
CONDITIONS = {
    "published": ("published rule, stochastic units", {}),
    "lif": ("integrate-and-fire, dt = 1 ms", {}),
    "lif_dt_500us": ("integrate-and-fire, dt = 0.5 ms", {"dt": 0.5}),
    "lif_dt_250us": ("integrate-and-fire, dt = 0.25 ms", {"dt": 0.25}),
    "lif_dt_100us": ("integrate-and-fire, dt = 0.1 ms", {"dt": 0.1}),
    "spiking_feedback": ("spiking feedback", {"spiking_feedback": True}),
    "delay_1ms": ("feedback delayed by 1 ms", {"feedback_delay": 1.0}),
    "delay_5ms": ("feedback delayed by 5 ms", {"feedback_delay": 5.0}),
    "delay_10ms": ("feedback delayed by 10 ms", {"feedback_delay": 10.0}),
    "delay_25ms": ("feedback delayed by 25 ms", {"feedback_delay": 25.0}),
    "blanks": ("blank intervals of 50 ms", {"gap": 50.0}),
    "dale": ("Dale's law", {"dale": True}),
    "sparse": ("a tenth of the feedback synapses", {"feedback_density": 0.1}),
    "heterogeneous": ("time constants of 10 ± 3 ms", {"tau_spread": 0.3}),
    "poisson": ("Poisson input, 0 to 100 Hz", {"poisson": True}),
    "together": ("all together, delay of 5 ms", {}),
    "but_dale": ("all but Dale's law", {"dale": False}),
    "shuffled": ("control: feedback shuffled", {"pathway": "shuffled_feedback"}),
    "frozen": ("control: hidden layers fixed", {"pathway": "output_only"}),
}
CONTROLS = ("shuffled", "frozen")
#: Sizes, data and schedules. Of MNIST, the first 20,000 training images, shown once.
NETWORKS = {
    "digits": {"pixels": 64, "hidden": (200, 200), "outputs": 100},
    "mnist": {"pixels": 784, "hidden": (200, 200), "outputs": 100},
}
DATA = {"digits": "digits", "mnist": "survive:mnist_20000"}
FIGURES = {"digits": "survive.png", "mnist": "survive_mnist.png"}
SCHEDULES = {"digits": {"streams": 20, "epochs": 10}, "mnist": {"streams": 100, "epochs": 1}}
#: Of the published network: the preset of the digits, and the best of 1, 2, 4 and 8e-3 on validation images of MNIST.
PUBLISHED = {
    "digits": {"weight_range": 0.2, "feedback_range": 0.3, "eta": 4e-3},
    "mnist": {"eta": 8e-3},
}


def mnist_20000():
    """Return MNIST with its first 20,000 training images, and all test images."""
    whole = fa.datasets.load("mnist")
    return replace(
        whole, name="mnist_20000", train_images=whole.train_images[:20000], train_labels=whole.train_labels[:20000]
    )


def arguments():
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=NETWORKS, default="digits")
    parser.add_argument("--seeds", type=int, default=1 if QUICK else 3)
    parser.add_argument("--only", nargs="+", choices=CONDITIONS, help="conditions; all by default")
    parser.add_argument("--kept", type=Path, default=Path("study_biology"), help="where runs are kept")
    parser.add_argument("--figure", type=Path, help="survive.png or survive_mnist.png by default")
    options = parser.parse_args()
    options.figure = options.figure or Path(FIGURES[options.data])
    return options


def run(options, name, seed):
    """Return the metrics of a condition with a seed, trained to its end."""
    _, changes = CONDITIONS[name]
    schedule = {"streams": 20, "epochs": 1} if QUICK else SCHEDULES[options.data]
    size = NETWORKS[options.data] | ({"hidden": (30, 30), "outputs": 20} if QUICK else {})
    model, preset = "biology", None
    if name == "published":
        model, changes, schedule = "lillicrap2016_spiking", PUBLISHED[options.data], schedule | {"test_steps": 20}
    elif name in ("together", "but_dale"):
        preset = "together"
    state = new_run(
        options.kept / options.data / f"{name}-{seed}",
        model,
        size | changes,
        preset=preset,
        data=DATA[options.data],
        seed=seed,
        record_activity=False,
        **schedule,
    )
    return metrics_of(state, CONDITIONS[name][0])


def draw(metrics, epochs):
    """Return the figure; what was shown once has no curves."""
    shown = {"published": INK, "lif": BLUE, "dale": GREEN, "poisson": ORANGE, "delay_25ms": SKY, "together": VERMILLION}
    shown["frozen"] = PURPLE
    with matplotlib.rc_context(STYLE):
        if epochs < 2:
            figure = Figure(figsize=(4.6, 4.2), dpi=150, layout="constrained")
            axes = [figure.subplots()]
        else:
            figure = Figure(figsize=(7.2, 4.2), dpi=150, layout="constrained")
            axes = figure.subplots(1, 2, width_ratios=(1.3, 1))
            draw_curves(axes[1], metrics, shown)
        for place, (name, several) in enumerate(metrics.items()):
            last = [100 * rows["test_error"][-1] for rows in several]
            colour = shown.get(name, INK)
            axes[0].plot(last, [place] * len(last), "o", color=colour, markersize=3, alpha=0.6, clip_on=False)
            axes[0].plot(np.mean(last), place, "|", color=colour, markersize=9, markeredgewidth=1.5)
        axes[0].set_yticks(range(len(metrics)), [CONDITIONS[name][0] for name in metrics])
        axes[0].set(xlabel="Test error (%)", xlim=(0, None))
        axes[0].invert_yaxis()
        axes[0].grid(axis="y", linewidth=0.3)
        tidy(*axes)
    return figure


def draw_curves(ax, metrics, shown):
    """Draw the means of test errors while networks learn, each in its colour."""
    for name in [name for name in shown if name in metrics]:
        epochs = metrics[name][0]["epoch"]
        curves = [100 * rows["test_error"] for rows in metrics[name] if len(rows["epoch"]) == len(epochs)]
        ax.plot(epochs, np.mean(curves, axis=0), color=shown[name], label=CONDITIONS[name][0])
    ax.set(xlabel="Epoch", ylabel="Test error (%)", ylim=(0, 100))
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.legend(handlelength=1.4, loc="upper right", bbox_to_anchor=(1, 0.88))


def main():
    """Train what is not trained yet; draw, print and check."""
    options = arguments()
    names = options.only or (["lif", "together"] if QUICK else list(CONDITIONS))
    metrics = {name: [] for name in names}
    for seed in range(options.seeds):  # every condition once, before any a second time
        for name in names:
            metrics[name].append(run(options, name, seed))
            print(f"{name}, seed {seed}: test error {100 * metrics[name][-1]['test_error'][-1]:.2f} %", flush=True)
    draw(metrics, 1 if QUICK else SCHEDULES[options.data]["epochs"]).savefig(options.figure, dpi=200)
    errors = {name: [100 * rows["test_error"][-1] for rows in several] for name, several in metrics.items()}
    print("| condition | test error (%) |\n| --- | --- |")
    for name, values in errors.items():
        spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
        print(f"| {CONDITIONS[name][0]} | {np.mean(values):.2f}{spread} |")
    if QUICK:
        assert all(np.isfinite(values).all() for values in errors.values())
        return
    ids = {name: f"{options.data}_{name}" for name in errors}
    check_or_write(
        __file__,
        "Does feedback alignment survive biology?",
        options.data,
        {ids[name]: values for name, values in errors.items()},
        {ids[name]: CONDITIONS[name][0] for name in errors},
        margin=4 if options.data == "digits" else 1.5,
        epochs=SCHEDULES[options.data]["epochs"],
        figure=FIGURES[options.data],
        command=f"python examples/biology/survive.py --data {options.data} --seeds {options.seeds}",
    )
    if set(CONTROLS) <= set(errors):
        best = min(np.mean(errors[name]) for name in CONTROLS)
        print(f"Integrate-and-fire neurons: {np.mean(errors['lif']):.2f} %, the better control {best:.2f} %.")


if __name__ == "__main__":
    main()
