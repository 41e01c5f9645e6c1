"""The table of metrics that training writes."""

import numpy as np
import pytest
from run_helpers import TINY, printed

from spikefa.errors import DataError, RunError
from spikefa.experiments import metrics_table
from spikefa.experiments.metrics_table import read_metrics
from spikefa.plotting.of_runs import save_figure

HEADER = "epoch,images_seen,train_error,validation_error,test_error,weight_angle_deg_h1\n"


def test_metrics_are_read(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(HEADER + "0,0,,,0.9,90\n1,60000,0.12,,0.065,71.5\n")
    table = read_metrics(path)
    assert list(table) == HEADER.strip().split(",")
    np.testing.assert_array_equal(table["images_seen"], [0, 60000])
    np.testing.assert_array_equal(table["train_error"], [np.nan, 0.12])
    assert np.isnan(table["validation_error"]).all()
    assert all(x.dtype == float and x.shape == (2,) for x in table.values())


def test_a_column_that_earlier_rows_do_not_have_is_blank_there():
    """So goes on a run of an earlier version, which measured less."""
    assert metrics_table.text_of([{"a": 1, "c": 2}, {"a": 3, "b": 4, "c": 5}]) == "a,c,b\n1,2,\n3,5,4\n"


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path):
    (tmp_path / "m.csv").write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"0,0,,,0.9,nan\r\n")
    table = read_metrics(tmp_path / "m.csv")
    assert list(table) == HEADER.strip().split(",") and np.isnan(table["weight_angle_deg_h1"]).all()


def test_metrics_without_a_row_yet(tmp_path):
    (tmp_path / "m.csv").write_text(HEADER)
    assert {x.shape for x in read_metrics(tmp_path / "m.csv").values()} == {(0,)}


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", r"m\.csv: .* must have the columns \['epoch'.* got \[\]"),
        (
            b"epoch,images_seen,train_eror,validation_error,test_error\n",
            r"must have the columns \['train_error'\], got .*; did you mean 'train_eror'",
        ),
        (
            b"epoch,images_seen,loss\n1,2,3\n",
            r"m\.csv: .* \['train_error', 'validation_error', 'test_error'\]",
        ),
        (HEADER.encode() + b"0,0,,\n", r"m\.csv, line 2: must have 6 values, got 4"),
        (
            HEADER.encode() + b"0,0,,,bad,\n",
            r"m\.csv, line 2: test_error must be a number or blank, got 'bad'",
        ),
        (HEADER.strip().encode() + b",epoch\n", r"m\.csv: .* name each column once"),
        (b"\x89HDF\r\n\x1a\n\xff\x00", r"m\.csv: not a table of metrics"),
    ],
)
def test_foreign_tables_are_named(tmp_path, contents, message):
    (tmp_path / "m.csv").write_bytes(contents)
    with pytest.raises(DataError, match=message):
        read_metrics(tmp_path / "m.csv")


def test_metrics_that_lack_a_column_are_refused_before_training(trained, tiny):
    path, rows = trained.directory / "metrics.csv", []
    path.write_text("\n".join(line.rpartition(",")[0] for line in path.read_text().splitlines()) + "\n")
    before = {path: path.read_bytes() for path in trained.directory.iterdir()}
    with pytest.raises(DataError, match=r"metrics.csv: must have the columns that its checkpoint has, .*'seconds'"):
        tiny(epochs=1).train(rows.append)
    assert {path: path.read_bytes() for path in trained.directory.iterdir()} == before


def test_a_run_goes_on_with_metrics_that_a_spreadsheet_saved(trained, tiny):
    path = trained.directory / "metrics.csv"
    text = path.read_text()
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    tiny(epochs=1).train()
    assert path.read_text().startswith(text) and len(read_metrics(path)["epoch"]) == 2


def test_what_has_no_angle_is_blank(tiny):
    made = tiny(changes=TINY | {"pathway": "output_only"})
    rows = []
    assert np.isnan(made.train(rows.append)["weight_angle_deg_h1"]).all()
    assert rows[0]["weight_angle_deg_h1"] == rows[0]["train_error"] == "" and rows[0]["test_error"] > 0.5
    assert "nan" not in (made.directory / "metrics.csv").read_text()


def test_a_changed_table_is_named_and_can_be_written_again(tiny):
    made = tiny(epochs=2)
    good = made.train()
    path = made.directory / "metrics.csv"
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    mend = "it was changed since training wrote it; delete it, and resuming the run writes it again"
    for changed, message in (
        (
            text.replace(f",{float(good['test_error'][1])!r},", ",0.001,"),
            f"line 3: test_error must be .*, got 0.001; {mend}",
        ),
        ("".join(lines[:-1]), f"must have 3 rows, as its checkpoint has, got 2; {mend}"),
        ("".join([*lines[:2], *lines[3:]]), f"must have 3 rows, .*, got 2; {mend}"),
        (lines[0] + lines[2] + lines[1] + lines[3], f"line 2: epoch must be 0, .*; {mend}"),
    ):
        path.write_text(changed)
        for read in (
            lambda: read_metrics(path),
            made.metrics,
            made.train,
            lambda: printed("resume", made.directory),
            lambda: printed("plot", made.directory, "learning"),
        ):
            with pytest.raises(DataError, match=f"metrics.csv.*{message}"):
                read()
        assert path.read_text() == changed
    path.unlink()
    made.train()
    assert path.read_text() == text


def test_flipped_and_cut_bytes_are_refused_or_harmless(tiny):
    made, rng = tiny(epochs=1), np.random.default_rng(0)
    good = made.train()
    path = made.directory / "metrics.csv"
    whole, refused = path.read_bytes(), 0
    for at in rng.integers(0, len(whole), 100):
        flipped = whole[:at] + bytes([whole[at] ^ 1 << rng.integers(8)]) + whole[at + 1 :]
        path.write_bytes(flipped if rng.random() < 0.8 else whole[:at])
        try:
            table = read_metrics(path)
        except DataError as error:
            assert "metrics.csv" in str(error) and "\n" not in str(error)
            refused += 1
        else:
            assert list(table) == list(good)
            assert all(np.array_equal(table[name], good[name], equal_nan=True) for name in good)
    assert refused > 90


def test_a_figure_that_lacks_the_table_says_what_writes_it_again(trained):
    (trained.directory / "metrics.csv").unlink()
    message = r"run: has no metrics.csv; resuming the run writes it again, from its checkpoint$"
    with pytest.raises(RunError, match=message):
        save_figure(trained, "learning")
    trained.trainer().resume()
    assert save_figure(trained, "learning").exists()
    for name in ("metrics.csv", "checkpoint.h5"):
        (trained.directory / name).unlink()
    with pytest.raises(RunError, match=r"run: has no metrics.csv yet$"):
        save_figure(trained, "learning")
