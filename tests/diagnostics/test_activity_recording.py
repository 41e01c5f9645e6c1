import numpy as np
import pytest

from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.experiments.metrics_table import read_metrics


def fields(**changes):
    rng = np.random.default_rng(0)
    steps = 2 * 6
    given = {
        "label": "0 images",
        "images_seen": 0,
        "images": rng.random((2, 4, 3)),
        "labels": np.array([1, 0]),
        "steps_per_image": 6,
        "dt": 0.5,
        "spikes": {
            "z_first": rng.random((steps, 5)) < 0.5,
            "a_second": rng.random((steps, 7)) < 0.5,
            "output": rng.random((steps, 4)) < 0.5,
        },
        "output_classes": np.array([0, 0, 1, 1]),
        "v": {k: rng.normal(size=steps) for k in ("z_first", "a_second")},
        "delta": {k: rng.normal(size=steps) for k in ("z_first", "a_second")},
    }
    return given | changes


def assert_same(a, b):
    for name in ("label", "images_seen", "steps_per_image", "dt"):
        assert getattr(a, name) == getattr(b, name)
    for name in ("images", "labels", "output_classes"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in ("spikes", "v", "delta"):
        x, y = getattr(a, name), getattr(b, name)
        assert list(x) == list(y)
        for k in x:
            assert x[k].dtype == y[k].dtype
            np.testing.assert_array_equal(x[k], y[k])


def test_what_it_tells_of_itself():
    d = ActivityRecording(**fields())
    assert d.hidden == ("z_first", "a_second") and d.output == "output"
    assert d.steps == 12 and d.duration == 6.0
    np.testing.assert_array_equal(d.t, np.arange(12) * 0.5)


def test_it_keeps_its_own_arrays():
    given = fields()
    d = ActivityRecording(**given)
    given["images"][:] = 0
    given["spikes"]["output"][:] = True
    assert d.images.any() and not d.spikes["output"].all()
    with pytest.raises(ValueError, match="read-only"):
        d.images[:] = 0


def test_spikes_may_be_zeros_and_ones():
    given = fields()
    d = ActivityRecording(**(given | {"spikes": {k: s.astype("f4") for k, s in given["spikes"].items()}}))
    assert_same(d, ActivityRecording(**given))


def test_a_network_without_hidden_layers():
    given = fields(v={}, delta={})
    given["spikes"] = {"output": given["spikes"]["output"]}
    assert ActivityRecording(**given).hidden == ()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"label": 3}, TypeError, r"Display\.label: must be a string, got 3"),
        ({"images_seen": -1}, ValueError, r"images_seen: .* at least 0, got -1"),
        ({"steps_per_image": 2.5}, ValueError, r"steps_per_image: must be a whole number.* got 2\.5"),
        ({"steps_per_image": 0}, ValueError, r"Display\.steps_per_image: .* at least 1, got 0"),
        ({"dt": 0}, ValueError, r"Display\.dt: must be a positive number of ms, got 0"),
        ({"dt": "fast"}, ValueError, r"Display\.dt: .* got 'fast'"),
        ({"images": np.zeros((2, 12))}, ValueError, r"Display\.images: must have shape .* got \(2, 12\)"),
        ({"images": np.full((2, 4, 3), 255)}, ValueError, r"Display\.images: must lie in \[0, 1\], got 255"),
        ({"images": np.full((2, 4, 3), np.nan)}, ValueError, r"Display\.images: must lie in .* got nan"),
        ({"images": np.full((2, 4, 3), "x")}, TypeError, r"Display\.images: must hold real numbers"),
        ({"images": np.zeros((0, 4, 3))}, ValueError, r"Display\.images: must hold at least one image"),
        ({"labels": [1]}, ValueError, r"Display\.labels: must have 2 classes, one an image, got 1"),
        (
            {"labels": [0.5, 1]},
            ValueError,
            r"Display\.labels: must be a vector of classes from 0, got float64",
        ),
        ({"labels": [-1, 1]}, ValueError, r"Display\.labels: must be a vector of classes from 0"),
        ({"spikes": {}}, ValueError, r"Display\.spikes: must have at least the output layer"),
        ({"spikes": [1]}, TypeError, r"Display\.spikes: must map layers to arrays, got \[1\]"),
        (
            {"spikes": {"a/b": np.zeros((12, 4), bool)}},
            ValueError,
            r"Display\.spikes: a layer's name .* 'a/b'",
        ),
        (
            {"spikes": {"output": np.zeros((11, 4), bool)}},
            ValueError,
            r"Display\.spikes\['output'\]: .* 2 images x 6 = 12 steps, got \(11, 4\)",
        ),
        (
            {"spikes": {"output": np.full((12, 4), 2)}},
            ValueError,
            r"spikes\['output'\]: must be true or false",
        ),
        ({"output_classes": [0, 1]}, ValueError, r"Display\.output_classes: .* 'output' \(4\), got 2"),
        (
            {"output_classes": [1, 0, 1, 0]},
            ValueError,
            r"Display\.output_classes: must be in ascending order",
        ),
        ({"v": {}}, ValueError, r"Display\.v: must have one trace for each hidden layer .* got \[\]"),
        (
            {"delta": {"z_first": np.zeros(12), "a_second": np.zeros(5)}},
            ValueError,
            r"Display\.delta\['a_second'\]: must have 12 steps, got 5",
        ),
    ],
)
def test_bad_fields_are_named(changes, error, message):
    with pytest.raises(error, match=message):
        ActivityRecording(**fields(**changes))


def test_saved_and_loaded(tmp_path):
    d = ActivityRecording(**fields(v={k: np.zeros(12, "f4") for k in ("z_first", "a_second")}))
    d.save(tmp_path / "early.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["early.h5"]
    assert_same(ActivityRecording.load(tmp_path / "early.h5"), d)
    later = ActivityRecording(**fields(label="later", images_seen=7))
    later.save(str(tmp_path / "early.h5"))
    assert_same(ActivityRecording.load(str(tmp_path / "early.h5")), later)


def test_every_truncation_is_noticed(tmp_path):
    path = tmp_path / "cut.h5"
    ActivityRecording(**fields()).save(path)
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.h5: not a whole display recording"):
            ActivityRecording.load(path)


def test_damage_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "bad.h5"
    d = ActivityRecording(**fields())
    d.save(path)
    whole = path.read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            loaded = ActivityRecording.load(path)
        except ValueError as e:
            assert "bad.h5: not a whole display recording" in str(e)
        else:
            # HDF5 has no checksum on its headers; the data have.
            for k, s in loaded.spikes.items():
                np.testing.assert_array_equal(s, d.spikes[k])


def test_foreign_files_are_named(tmp_path):
    import h5py

    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.h5: not a whole display recording"):
        ActivityRecording.load(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as f:
        f["weights"] = [1, 2]
    with pytest.raises(ValueError, match=r"other\.h5: .*HDF5 of another kind"):
        ActivityRecording.load(tmp_path / "other.h5")
    ActivityRecording(**fields()).save(tmp_path / "new.h5")
    with h5py.File(tmp_path / "new.h5", "a") as f:
        f.attrs["version"] = 99
    with pytest.raises(ValueError, match=r"new\.h5: .*version 99, this spikefa reads 1"):
        ActivityRecording.load(tmp_path / "new.h5")
    with h5py.File(tmp_path / "new.h5", "a") as f:
        f.attrs["version"] = 1
        del f["v"]
    with pytest.raises(ValueError, match=r"new\.h5: not a whole display recording"):
        ActivityRecording.load(tmp_path / "new.h5")
    with pytest.raises(FileNotFoundError, match=r"absent\.h5"):
        ActivityRecording.load(tmp_path / "absent.h5")


def test_a_file_that_cannot_be_written_is_named_and_the_old_one_stays(tmp_path, monkeypatch):
    d = ActivityRecording(**fields())
    with pytest.raises(FileNotFoundError, match=r"cannot write the display recording.*nowhere"):
        d.save(tmp_path / "nowhere" / "x.h5")
    d.save(tmp_path / "x.h5")
    before = (tmp_path / "x.h5").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"cannot write the display recording \(No space left.*x\.h5"):
        ActivityRecording(**fields(label="other")).save(tmp_path / "x.h5")
    assert (tmp_path / "x.h5").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


HEADER = "epoch,images_seen,train_error,validation_error,test_error,angle_deg_h1\n"


def test_metrics_are_read(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_text(HEADER + "0,0,,,0.9,90\n1,60000,0.12,,0.065,71.5\n")
    table = read_metrics(path)
    assert list(table) == HEADER.strip().split(",")
    np.testing.assert_array_equal(table["images_seen"], [0, 60000])
    np.testing.assert_array_equal(table["train_error"], [np.nan, 0.12])
    assert np.isnan(table["validation_error"]).all()
    assert all(x.dtype == float and x.shape == (2,) for x in table.values())


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path):
    (tmp_path / "m.csv").write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"0,0,,,0.9,nan\r\n")
    table = read_metrics(tmp_path / "m.csv")
    assert list(table) == HEADER.strip().split(",") and np.isnan(table["angle_deg_h1"]).all()


def test_metrics_without_a_row_yet(tmp_path):
    (tmp_path / "m.csv").write_text(HEADER)
    assert {x.shape for x in read_metrics(tmp_path / "m.csv").values()} == {(0,)}


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"", r"m\.csv: .* must have the columns \['epoch'.* got \[\]"),
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
    with pytest.raises(ValueError, match=message):
        read_metrics(tmp_path / "m.csv")
