"""What ``campaign.py`` beside it counts, on few faults: the script stays alive."""

import random

import damaged_files
import pytest
from run_helpers import TINY

from spikefa import new_run


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    run = new_run(
        tmp_path_factory.mktemp("faults") / "run",
        "lillicrap2016_spiking",
        TINY,
        data="digits",
        streams=479,
        epochs=0,
        test_steps=20,
    )
    run.train()
    return run.directory


@pytest.mark.parametrize("name", ["metrics.csv", "run.json"])
def test_damaged_bytes_are_refused_or_harmless(directory, name):
    path, read = damaged_files.readers(directory, directory)[name]
    whole = path.read_bytes()
    found = damaged_files.read_damaged(random.Random(1), 10, path, read)
    assert found.total() == 10 and set(found) <= {"refused", "harmless"}
    assert path.read_bytes() == whole


def test_wrong_numbers_and_unexpected_errors_are_counted(tmp_path):
    path = tmp_path / "text"
    path.write_text("12345678" * 10)
    wrong = damaged_files.read_damaged(random.Random(1), 5, path, path.read_bytes)
    assert wrong.total() == 5 and all("wrong" in outcome for outcome in wrong)
    whole = path.read_bytes()
    raised = damaged_files.read_damaged(random.Random(1), 5, path, lambda: {whole: 1}[path.read_bytes()])
    assert raised.total() == 5 and all("raised" in outcome for outcome in raised)
