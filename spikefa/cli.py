"""The command line: ``spikefa demo | train | resume | evaluate | plot | models | bench``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from spikefa.datasets import NAMES

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Spiking networks that learn with local rules: train, look, resume. Start with: spikefa demo",
)
console = Console(highlight=False, soft_wrap=True)


Data = StrEnum("Data", {name.replace("-", "_"): name for name in NAMES})


class Device(StrEnum):
    """Where a network runs."""

    cpu = "cpu"
    cuda = "cuda"


class Figure(StrEnum):
    """Figures."""

    raster = "raster"
    psp = "psp"
    learning = "learning"
    fields = "fields"
    figure4 = "figure4"


DataDir = Annotated[
    Path | None, typer.Option(help="Directory of the data's files; else SPIKEFA_DATA, else downloaded.")
]

OnDevice = Annotated[Device, typer.Option(help="Where the network runs; cuda is an NVIDIA GPU.")]


@app.command()
def train(
    model: Annotated[
        str, typer.Argument(help="A model's name (see: spikefa models) or its file (./mine.py).")
    ],
    data: Annotated[Data, typer.Option(help="Data set.")] = Data.mnist,
    data_dir: DataDir = None,
    epochs: Annotated[
        int | None, typer.Option(min=0, help="Passes over the training images; default: the model's, or 5.")
    ] = None,
    streams: Annotated[
        int | None, typer.Option(min=1, help="Images shown at once; default: the model's, or 100.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Everything random follows from it.")] = 0,
    preset: Annotated[str | None, typer.Option(help="A named set of the model's parameters.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="A parameter of the model, such as hidden=500,500 (repeatable).",
        ),
    ] = None,
    validation: Annotated[int, typer.Option(min=0, help="Hold out the last N training images.")] = 0,
    evaluate_every: Annotated[float, typer.Option(help="Epochs between evaluations.")] = 1.0,
    checkpoint_seconds: Annotated[float, typer.Option(help="Seconds between checkpoints.")] = 120.0,
    display: Annotated[bool, typer.Option(help="Record rasters and PSPs on the way.")] = True,
    diagnostics: Annotated[
        bool, typer.Option("--diagnostics", help="Measure the updates against those of backpropagation.")
    ] = False,
    device: OnDevice = Device.cpu,
    run: Annotated[Path | None, typer.Option(help="Run directory; default: runs/MODEL-seedSEED-DATE.")] = None,
) -> None:
    """Train a model, with checkpoints on the way. Ctrl-C saves and says how to go on."""
    from spikefa.experiments import model_file
    from spikefa.experiments.run import new_run

    loaded = model_file.load(model)
    made = new_run(
        run or _new_directory(loaded.name, seed),
        model,
        loaded.parse(changes or []),
        preset=preset,
        data=data.value,
        data_dir=data_dir,
        streams=streams,
        seed=seed,
        validation=validation,
        device=device.value,
        epochs=epochs,
        evaluate_every=evaluate_every,
        checkpoint_seconds=checkpoint_seconds,
        display=display,
        diagnostics=diagnostics,
    )
    trainer = made.trainer()
    trainer.network.run_steps(0)  # with it, refuses what does not fit before anything is written
    made.create()
    _train(made, trainer)


@app.command()
def resume(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    epochs: Annotated[
        int | None, typer.Option(min=0, help="Make it end after so many epochs in all; default: as it was begun.")
    ] = None,
    data_dir: DataDir = None,
    device: OnDevice = Device.cpu,
) -> None:
    """Go on with a run that was interrupted or killed, bit for bit, or make a finished one longer."""
    from spikefa.experiments.run import open_run

    opened = open_run(run, None if data_dir is None else str(data_dir.resolve()), device.value)
    if epochs is not None:
        opened = opened.ending_after(epochs)
    trainer = opened.trainer()
    trainer.resume()
    opened.write_epochs()
    if trainer.done:
        console.print(f"It has ended already, after {trainer.images_seen:,} images; --epochs makes it longer.")
    else:
        console.print(f"Going on after {trainer.images_seen:,} of {trainer.total:,} images.")
    _train(opened, trainer)


@app.command()
def evaluate(
    runs: Annotated[list[Path], typer.Argument(help="Run directory; of several, the networks answer together.")],
    steps: Annotated[
        list[int] | None, typer.Option(help="Steps an image (repeatable); default: the (first) run's.")
    ] = None,
    average: Annotated[
        bool, typer.Option(help="Where weights are averaged, test the averages and not the last weights.")
    ] = True,
    data_dir: DataDir = None,
    device: OnDevice = Device.cpu,
) -> None:
    """Measure the error of a run's last checkpoint on the test images, or of several runs' together. Writes nothing."""
    from spikefa.experiments.ensemble import Ensemble
    from spikefa.experiments.run import open_run

    opened = [open_run(run, None if data_dir is None else str(data_dir.resolve()), device.value) for run in runs]
    committee = Ensemble(opened, average, other=data_dir is not None)
    for run in opened:
        if run.data_digest not in (None, run.found_digest):
            console.print(f"Of other data than the run began with: digest {run.found_digest}, not {run.data_digest}.")
    for measured in committee.measure(steps or [opened[0].protocol.test_steps]):
        count = "1 step" if measured.steps == 1 else f"{measured.steps} steps"
        number = f"{measured.images:,} images at {count} an image"
        if len(runs) == 1:
            console.print(f"{measured.part} error {measured.together} of {number}")
        else:
            each = ", ".join(measured.members)
            console.print(f"{measured.part} error {measured.together} of {number}, together; each: {each}")
    console.print("Wrote nothing.")


@app.command()
def plot(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    figure: Annotated[Figure, typer.Argument(help="What to draw.")],
    out: Annotated[
        Path | None, typer.Option(help="File (.png, .pdf, .svg); default: RUN/figures/FIGURE.png.")
    ] = None,
) -> None:
    """Draw a figure of a run: rasters, PSPs, learning curve, receptive fields, or Figure 4."""
    from spikefa.experiments.run import open_run
    from spikefa.plotting.of_runs import draw

    console.print(f"Wrote {draw(open_run(run), figure.value, out)}")


@app.command()
def models() -> None:
    """List the models that come with spikefa."""
    from spikefa.experiments import model_file

    table = Table("model", "what it is", "presets", box=None)
    for name in model_file.names():
        loaded = model_file.load(name)
        table.add_row(name, loaded.summary, ", ".join(loaded.presets))
    console.print(table)


@app.command()
def demo(
    run: Annotated[Path | None, typer.Option(help="Run directory; default: runs/demo-seedSEED-DATE.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training images.")] = 40,
    seed: Annotated[int, typer.Option(min=0, help="Everything random follows from it.")] = 0,
) -> None:
    """Learn scikit-learn's 8 x 8 digits, offline, in about a minute, and draw every figure."""
    from spikefa.experiments.run import new_run, open_run
    from spikefa.plotting.of_runs import draw

    directory = run or _new_directory("demo", seed)
    made = new_run(
        directory, _with_demo().name, preset="demo", data="digits", streams=20, seed=seed,
        epochs=epochs, evaluate_every=epochs / 10,
    )  # fmt: skip
    trainer = made.trainer()
    made.create()
    _train(made, trainer)
    if not trainer.interrupted:
        for figure in Figure:
            console.print(f"Wrote {draw(open_run(directory), figure.value)}")


@app.command()
def bench(
    model: Annotated[str | None, typer.Argument(help="A model's name or file; else the demo's.")] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="a,b,...",
            help="Parts. a: a training step against its matrix products; b: time an image; c: one stream "
            "against memory bandwidth; d: against stock Brian2; e: against PyTorch; f: memory; g: scaling; "
            "h: Intel MKL; i: on a GPU; j: against PyTorch there.",
        ),
    ] = None,
    preset: Annotated[str | None, typer.Option(help="A named set of the model's parameters.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes; the numbers mean nothing.")] = False,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write everything measured.")] = None,
) -> None:
    """Measure speed and memory at full size, and compare with the targets. Use a quiet machine."""
    from spikefa.bench import Setting, report
    from spikefa.bench import bench as measure
    from spikefa.experiments import model_file

    loaded = model_file.load(model) if model else _with_demo()
    setting = Setting.quickly(loaded, preset) if quick else Setting(loaded, preset)
    tables = []

    def show(done) -> None:
        tables[:] = (report.table_of(letter, *titled) for letter, titled in done.items())
        live.update(Group(*tables), refresh=True)

    try:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            result = measure(setting, only, json, show)
    finally:
        for table in tables:
            console.print(table)
    console.print(report.table_of_targets(result["targets"], quick), report.in_words(result), sep="\n")
    if json is not None:
        console.print(f"Wrote {json}")


def _new_directory(name: str, seed: int) -> Path:
    """Name a run that was not named: studies start several seeds in the same second."""
    return Path("runs", f"{name}-seed{seed}-{datetime.now():%Y%m%d-%H%M%S}")


def _with_demo():
    """Load the model that has a demo."""
    from spikefa.experiments import model_file

    return next(model for model in map(model_file.load, model_file.names()) if "demo" in model.presets)


def _train(run, trainer) -> None:
    """Train with live progress; say at the end what was written."""
    columns = [
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"),
        TextColumn("epoch {task.fields[epoch]:.2f}  training error {task.fields[error]}"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
    ]  # fmt: skip
    console.print(
        f"{run.model.name} on {run.data}: {trainer.dataset!r}, {run.streams} streams, seed {run.seed}"
    )
    told, done = trainer.network.readout.format_error, trainer.done
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(
            "training", total=trainer.total, completed=trainer.images_seen, epoch=0, error="-"
        )
        trainer.on_progress = lambda now: progress.update(
            task, completed=now.images_seen, epoch=now.epoch, error=told(now.train_error)
        )
        trainer.on_row = lambda row: progress.console.print(_told(row, told))
        last = trainer.run()
    if trainer.interrupted:
        console.print(
            f"Interrupted after {trainer.images_seen:,} of {trainer.total:,} images; saved {trainer.checkpoint}. "
            f"Go on with: spikefa resume {run.directory}{'' if run.device == 'cpu' else f' --device {run.device}'}"
        )
        raise typer.Exit(130)
    if last is not None:
        console.print(f"Test error {_error(last, 'test', told)} after {float(last['epoch']):g} epochs.")
    if done:
        console.print("Wrote nothing.")
        return
    recordings = ", recordings/" if (run.directory / "recordings").exists() else ""
    console.print(f"Wrote {run.directory}{'/'}: run.json, model.py, metrics.csv, checkpoint.h5{recordings}")


def _told(row: dict, told: Callable[[float], str]) -> str:
    return (
        f"epoch {float(row['epoch']):g}: test error {_error(row, 'test', told)}, validation "
        f"{_error(row, 'validation', told)}, training {_error(row, 'train', told)}, {float(row['seconds']):.0f} s"
    )


def _error(row: dict, of: str, told: Callable[[float], str]) -> str:
    value = row[f"{of}_error"]
    return "-" if value == "" else told(float(value))


@contextmanager
def _errors_as_sentences():
    from spikefa.errors import CheckpointError, DataError, DivergenceError, ModelError, RunError

    try:
        yield
    except (CheckpointError, DataError, ModelError, RunError, DivergenceError, ValueError) as error:
        console.print(f"spikefa: {error}", style="red", markup=False)
        sys.exit(2)
    except OSError as error:
        console.print(f"spikefa: {error}", style="red", markup=False)
        sys.exit(3)
    except Exception:
        sys.excepthook = sys.__excepthook__  # Brian2's asks for a report to Brian2, of a mistake in a model too
        raise


def main() -> None:
    """Run the command line."""
    with _errors_as_sentences():
        app()
