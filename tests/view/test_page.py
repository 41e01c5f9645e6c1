"""What the page of a run or a study has, in each tab, while it trains and afterwards."""

import csv
import shutil

import h5py
import numpy as np
import pytest
from bokeh.models import Div, LinearAxis, Slider, Title
from study_runs import study_of

from spikefa.errors import RunError
from spikefa.view.opening import open_pages
from spikefa.view.page import RunPage
from spikefa.view.report import write_report
from spikefa.view.source import RunSource


def page_of(directory, *titles, **more):
    """The page of a run, with some tabs looked at, or all."""
    page = open_pages(directory, **more)(False)
    for title, view in page.views.items():
        if title in titles or not titles:
            view.update()
    return page


def says(layout, text):
    return any(text in own for own in texts(layout))


def texts(layout):
    return [div.text for div in layout.select({"type": Div})]


def pictures(layout):
    return sum(text.startswith("<img") for text in texts(layout))


def test_a_finished_run_has_everything_and_none_of_its_files_changes(spiking_run, digest):
    before = digest(spiking_run.directory)
    page = page_of(spiking_run.directory, "Learning", "Recordings", "Weights", "Draw a digit")
    assert list(page.views) == ["Learning", "Recordings", "Weights", "Answers", "Units", "Draw a digit"]
    assert pictures(page.views["Weights"].layout) == 2
    assert page.layout.select_one({"name": "outputs"}) is not None
    assert says(page.layout, "lillicrap2016_spiking on digits, seed 0, test error")
    assert digest(spiking_run.directory) == before


def test_a_run_without_recordings_says_so_and_shows_the_rest(rate_run):
    page = page_of(rate_run.directory, "Recordings", "Weights", "Draw a digit")
    assert says(page.layout, "no recordings of activity") and pictures(page.views["Recordings"].layout) == 1
    assert pictures(page.layout) == 3 and page.layout.select_one({"name": "outputs"}) is not None


def test_a_regression_says_what_needs_classes(regression_run):
    page = page_of(regression_run.directory)
    assert pictures(page.layout) == 3
    assert says(page.views["Draw a digit"].layout, "must have classes to answer to a drawing")
    assert says(page.layout, "No confusion matrix, images that it gets wrong: ")


def test_a_run_from_elsewhere_shows_what_needs_no_code_and_says_why_not_the_rest(foreign):
    page = page_of(foreign, explain=lambda error: f"{error} HINT {error.hint}")
    assert says(page.views["Learning"].layout, "test error")
    assert pictures(page.views["Weights"].layout) == 1 and pictures(page.layout) == 1
    for title in ("Recordings", "Weights", "Answers", "Units", "Draw a digit"):
        assert any("was not run" in text and "HINT trust" in text for text in texts(page.views[title].layout))


def test_the_curve_grows_with_the_table(spiking_run, tmp_path):
    directory = shutil.copytree(spiking_run.directory, tmp_path / "run")
    (directory / "checkpoint.h5").unlink()  # the table is compared with its rows
    whole = (directory / "metrics.csv").read_text().splitlines(keepends=True)
    (directory / "metrics.csv").write_text("".join(whole[:2]))
    page = open_pages(directory)(False)

    def seen():
        return len(page.views["Learning"]._sources["test_error"].data["x"])

    assert seen() == 1 and len(whole) > 2
    (directory / "metrics.csv").write_text("".join(whole))
    page.update()
    assert seen() == len(whole) - 1
    assert says(page.layout, f"{int(list(csv.DictReader(whole))[-1]['images_seen']):,} training images")


def test_a_report_of_little_says_what_was_not_measured_and_warns_of_nothing(spiking_run, tmp_path, caplog):
    directory = shutil.copytree(spiking_run.directory, tmp_path / "run")
    (directory / "checkpoint.h5").unlink()
    lines = [line.split(",")[:5] for line in (directory / "metrics.csv").read_text().splitlines()]
    (directory / "metrics.csv").write_text("".join(",".join(line) + "\n" for line in lines))
    page = open_pages(directory)(True)
    assert says(page.layout, "Not measured in this run: firing rates, mean outputs, weights against feedback.")
    write_report(page, "little", tmp_path / "little.html")
    (directory / "metrics.csv").unlink()
    write_report(open_pages(directory)(True), "less", tmp_path / "less.html")
    assert [said.getMessage() for said in caplog.records if said.name.startswith("bokeh")] == []


def test_rates_are_in_hz_where_the_table_has_them(spiking_run, tmp_path):
    directory = shutil.copytree(spiking_run.directory, tmp_path / "run")
    (directory / "checkpoint.h5").unlink()
    lines = (directory / "metrics.csv").read_text().splitlines()
    more = ["rate_hz_h1", *["20.0"] * (len(lines) - 1)]
    (directory / "metrics.csv").write_text("".join(f"{a},{b}\n" for a, b in zip(lines, more, strict=True)))
    shown = open_pages(directory)(False).views["Learning"]._sources
    assert set(shown["rate_hz_h1"].data["y"]) == {20.0}
    assert "mean_output_output" in shown and "mean_output_h1" not in shown


def test_the_page_of_a_run_that_has_just_begun_waits(spiking_run, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    for name in ("run.json", "model.py"):
        shutil.copy(spiking_run.directory / name, directory)
    page = page_of(directory, "Learning", "Recordings", "Weights", "Draw a digit")
    assert "Training has not evaluated the network yet." in texts(page.layout) and not pictures(page.layout)
    shutil.copytree(spiking_run.directory, directory, dirs_exist_ok=True)
    for title in ("Learning", "Recordings", "Weights", "Draw a digit"):
        page.views[title].update()
    assert (
        pictures(page.layout) == 2
        and page.views["Recordings"]._files
        and page.layout.select_one({"name": "outputs"}) is not None
    )


def test_the_answer_follows_the_checkpoint_and_the_drawing(spiking_run, tmp_path):
    directory = shutil.copytree(spiking_run.directory, tmp_path / "run")
    page = page_of(directory, "Draw a digit")
    view = page.views["Draw a digit"]
    outputs, empty = page.layout.select_one({"name": "outputs"}), dict(page.layout.select_one({"name": "outputs"}).data)
    view._ink.data = {"xs": [[0.5, 0.5]], "ys": [[0.9, 0.1]]}
    drawn = dict(outputs.data)
    assert drawn["top"] != empty["top"] and says(view.layout, "The network answers")
    with h5py.File(directory / "checkpoint.h5", "r+") as file:
        file["parameters/image_to_h1.W"][...] = 0
    view.update()
    assert outputs.data["top"] != drawn["top"]
    view._clear()
    assert says(view.layout, "Draw a digit in the square.")


def test_each_recording_can_be_looked_at(spiking_run):
    view = RunPage(RunSource(spiking_run)).views["Recordings"]
    recordings = spiking_run.recordings()
    assert view._moment.end == len(recordings) - 1 == view._moment.value
    for number in range(len(recordings)):
        view._moment.value = number
        found = {source: data.data for source, data in view._sources.items()}
        np.testing.assert_array_equal(found["neuron h1"]["v"], recordings[number].v["h1"])
        assert len(found["spikes output"]["t"]) == recordings[number].spikes["output"].sum()


def test_rasters_and_potentials_say_the_numbers_of_their_units(spiking_run):
    recording, view = spiking_run.recordings()[-1], RunPage(RunSource(spiking_run)).views["Recordings"]
    h1, output = (recording.unit_numbers[name] for name in ("h1", "output"))
    (slider,) = [slider for slider in view.layout.select({"type": Slider}) if slider.title.startswith("Row")]
    (change,) = slider.js_property_callbacks["change:value"][:1]
    assert change.args["names"][3] == f"Row 3: unit {h1[3]} of h1, unit {output[3]} of output"
    assert slider.title == change.args["names"][0] and slider.end == len(output) - 1
    assert change.args["names"][-1] == f"Row {slider.end}: unit {output[-1]} of output"
    drawn = {axis.axis_label: axis for axis in view.layout.select({"type": LinearAxis})}
    assert drawn["h1 (unit)"].major_label_overrides == dict(enumerate(map(str, h1)))
    titles = [title.text for title in view.layout.select({"type": Title})]
    assert any(f"PSP of unit {recording.traced_units['h1']} (blue)" in title for title in titles)


def test_what_a_file_says_is_never_markup(spiking_run):
    source = RunSource(spiking_run)
    object.__setattr__(source.run.model, "name", "<script>alert(1)</script>")
    try:
        layout = RunPage(source).layout
        assert says(layout, "&lt;script&gt;") and not says(layout, "<script")
    finally:
        object.__setattr__(source.run.model, "name", "lillicrap2016_spiking")


def test_a_study_shows_the_curves_of_its_runs_and_the_page_of_one(rate, tmp_path):
    study = study_of(tmp_path / "study", rate, {"eta": [1e-3]}, 2)
    study.run(workers=0, progress=False)
    names = list(study.runs)
    page = open_pages(study.directory)(False)
    assert page._select.options == names and says(page.layout, "study: 2 runs begun.")
    assert says(page._place, "seed 0")
    page._select.value = names[1]
    assert says(page._place, "seed 1")
    alone = open_pages(study.directory)(True)
    assert says(alone.layout, "study: 2 runs begun.") and len(alone._curves._data) == 2 and not alone._select.visible
    (study.directory / "runs" / names[1] / "metrics.csv").write_text("changed")
    page.update()
    assert says(page._curves.layout, "a table of metrics must have the columns")


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="run"):
        open_pages(tmp_path)
