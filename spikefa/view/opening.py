"""What is in a directory, a run or a study, as something whose pages can be made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from spikefa._checks import path as checked_path
from spikefa.experiments.run import open_run
from spikefa.study import record as study_record
from spikefa.view.page import RunPage, StudyPage
from spikefa.view.source import RunSource
from spikefa.view.study import StudySource

Pages = Callable[[bool], RunPage | StudyPage]


def open_pages(
    directory: str | Path,
    data_dir: str | Path | None = None,
    trust: bool = False,
    explain: Callable[[Exception], str] = str,
) -> Pages:
    """Return a function that makes a page of a run or a study: live, or alone without a server.

    Nothing of it writes into the directory.

    Parameters
    ----------
    directory : path
        Of a run or a study.
    data_dir : path, optional
        Where the data are now, if not where they were.
    trust : bool
        Whether to run the code of its model, see `open_run`; what needs no code is shown in any case.
    explain : function of an exception
        Returns the sentence that the page shows for it.

    Raises
    ------
    RunError
        If it is no run or study of this version, or was changed.
    """
    directory = checked_path("open_pages", "directory", directory)
    if (directory / study_record.NAME).exists():
        study_record.read(directory)
        study = StudySource(directory, explain, trust, data_dir)
        return lambda alone: StudyPage(study, alone)
    source = RunSource(open_run(directory, data_dir, trust=trust), explain)
    return lambda alone: RunPage(source, alone)
