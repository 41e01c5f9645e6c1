"""Damage the files of a run and of data at random, and read them as the package does."""

import pickle
import signal
from collections import Counter
from dataclasses import asdict

import idx_files

from spikefa import datasets, open_run
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.errors import SpikefaError

#: Seconds after which a reading hangs.
READING = 30


def readers(directory, data):
    """Return, by the name of a file, the file and a function that reads it as the package does."""
    run = open_run(directory)

    def record():
        opened = open_run(directory)
        settings = (opened.streams, opened.seed, opened.data, opened.validation, opened.data_digest)
        return asdict(opened.params), asdict(opened.config), settings

    def state():
        trainer = run.trainer()
        trainer.resume()
        network = trainer.network
        return network.parameters(), network.state(), network.step, trainer.images_seen, trainer.rows, run.weights()

    def dataset():
        loaded = datasets.load("mnist", data)
        return [loaded.answers(part, 10) for part in ("train", "test")], loaded.train_images, loaded.test_images

    recording = next(iter(sorted((directory / "recordings").iterdir())))
    return {
        "metrics.csv": (directory / "metrics.csv", run.metrics),
        "run.json": (directory / "run.json", record),
        "checkpoint.h5": (directory / "checkpoint.h5", state),
        "recording": (recording, lambda: vars(ActivityRecording.load(recording))),
        "model.py": (directory / "model.py", record),
        "data (gz)": (data / f"{idx_files.STEMS[0]}.gz", dataset),
    }


def damaged(rng, whole):
    """Return bytes with a bit flipped (70 %), a byte replaced (20 %) or the end cut off (10 %)."""
    at, how = rng.randrange(len(whole)), rng.random()
    if how < 0.9:
        byte = whole[at] ^ (1 << rng.randrange(8)) if how < 0.7 else (whole[at] + rng.randrange(1, 256)) % 256
        return whole[:at] + bytes([byte]) + whole[at + 1 :]
    return whole[:at]


class HungError(BaseException):
    """A reading takes too long; no handler of the package takes it for its own."""


def read_damaged(rng, count, path, read):
    """Damage a file so often, read it each time, and count what comes of it; it is whole again afterwards."""

    def give_up(number, frame):
        raise HungError

    whole, found, good = path.read_bytes(), Counter(), pickle.dumps(read())
    before = signal.signal(signal.SIGALRM, give_up)
    try:
        for k in range(count):
            path.write_bytes(damaged(rng, whole))
            signal.alarm(READING)
            try:
                outcome = "harmless" if pickle.dumps(read()) == good else f"BUG: wrong (number {k})"
            except SpikefaError as error:
                outcome = "refused" if "\n" not in str(error) else f"BUG: many lines ({error})"
            except HungError:
                outcome = f"BUG: hung (number {k})"
            except Exception as error:
                outcome = f"BUG: raised (number {k}, {error!r})"
            signal.alarm(0)
            found[outcome] += 1
    finally:
        signal.signal(signal.SIGALRM, before)
        path.write_bytes(whole)
    return found
