import h5py
import numpy as np
import pytest

import spikefa as fa
from spikefa.diagnostics.activity_recording import ActivityRecording
from spikefa.errors import ArgumentError, DataError

#: Numbers of the units in their layers, whose order is nobody's business.
NUMBERS = {"z_first": np.array([4, 9, 2, 70, 71]), "a_second": np.arange(7), "output": np.array([5, 6, 8, 11])}


def arguments(**changes):
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
    for name in ("label", "images_seen", "steps_per_image", "dt", "units", "gap_steps", "traced_units"):
        assert getattr(a, name) == getattr(b, name)
    for name in ("images", "labels", "output_classes", "image_numbers"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in ("spikes", "v", "delta", "unit_numbers"):
        x, y = getattr(a, name), getattr(b, name)
        assert list(x) == list(y)
        for k in x:
            assert x[k].dtype == y[k].dtype
            np.testing.assert_array_equal(x[k], y[k])


def test_what_it_tells_of_itself():
    d = ActivityRecording(**arguments())
    assert d.hidden == ("z_first", "a_second") and d.output == "output"
    assert d.steps == 12 and d.duration == 6.0
    np.testing.assert_array_equal(d.t, np.arange(12) * 0.5)


def test_it_keeps_its_own_arrays():
    given = arguments()
    d = ActivityRecording(**given)
    given["images"][:] = 0
    given["spikes"]["output"][:] = True
    assert d.images.any() and not d.spikes["output"].all()
    with pytest.raises(ValueError, match="read-only"):
        d.images[:] = 0


def test_spikes_may_be_zeros_and_ones():
    given = arguments()
    d = ActivityRecording(**(given | {"spikes": {k: s.astype("f4") for k, s in given["spikes"].items()}}))
    assert_same(d, ActivityRecording(**given))


def test_a_network_without_hidden_layers(tmp_path):
    given = arguments(v={}, delta={})
    given["spikes"] = {"output": given["spikes"]["output"]}
    d = ActivityRecording(**given)
    d.save(tmp_path / "a.h5")
    assert d.hidden == ActivityRecording.load(tmp_path / "a.h5").hidden == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": 3}, r"ActivityRecording: label must be a text, got 3"),
        ({"images_seen": -1}, r"images_seen must .* at least 0, got -1"),
        ({"steps_per_image": 2.5}, r"steps_per_image must be a positive whole number of steps, got 2\.5"),
        ({"steps_per_image": 0}, r"ActivityRecording: steps_per_image must .* got 0"),
        ({"dt": 0}, r"ActivityRecording: dt must be a positive number of ms, got 0"),
        ({"dt": "fast"}, r"ActivityRecording: dt .* got 'fast'"),
        ({"images": np.zeros((2, 12))}, r"ActivityRecording: images must have shape .* got \(2, 12\)"),
        ({"images": np.full((2, 4, 3), 255)}, r"ActivityRecording: images must lie in \[0, 1\], got 255"),
        ({"images": np.full((2, 4, 3), np.nan)}, r"ActivityRecording: images must lie in .* got nan"),
        ({"images": np.full((2, 4, 3), "x")}, r"ActivityRecording: images must hold real numbers"),
        ({"images": np.zeros((0, 4, 3))}, r"ActivityRecording: images must hold at least one image"),
        ({"labels": [1]}, r"ActivityRecording: labels must have 2 classes, one an image, got 1"),
        (
            {"labels": [0.5, 1]},
            r"ActivityRecording: labels must be a vector of classes from 0, got float64",
        ),
        ({"image_numbers": [3]}, r"ActivityRecording: image_numbers must be 2, one an image, got 1"),
        ({"image_numbers": [0.5, 1]}, r"ActivityRecording: image_numbers must be a vector of .* got float64"),
        ({"gap_steps": 6}, r"ActivityRecording: gap_steps must be a whole number, from 0 to 5, got 6"),
        ({"labels": [-1, 1]}, r"ActivityRecording: labels must be a vector of classes from 0"),
        ({"spikes": {}}, r"ActivityRecording: spikes must have at least the output layer"),
        ({"spikes": [1]}, r"ActivityRecording: spikes must map layers to arrays, got \[1\]"),
        (
            {"spikes": {"a/b": np.zeros((12, 4), bool)}},
            r"ActivityRecording: a layer's name in spikes .* 'a/b'",
        ),
        (
            {"spikes": {"output": np.zeros((11, 4), bool)}},
            r"ActivityRecording: spikes\['output'\] .* 2 images x 6 = 12 steps, got \(11, 4\)",
        ),
        (
            {"spikes": {"output": np.full((12, 4), 2)}},
            r"spikes\['output'\] must be true or false",
        ),
        ({"output_classes": [0, 1]}, r"ActivityRecording: output_classes .* 'output' \(4\), got 2"),
        (
            {"output_classes": [1, 0, 1, 0]},
            r"ActivityRecording: output_classes must be in ascending order",
        ),
        ({"unit_numbers": [3]}, r"ActivityRecording: unit_numbers must map layers to arrays, got \[3\]"),
        (
            {"unit_numbers": {"output": np.arange(4)}},
            r"unit_numbers must be of \['z_first', 'a_second', 'output'\], or empty, got \['output'\]",
        ),
        (
            {"unit_numbers": NUMBERS | {"output": np.array([1, 2, 2, 9])}},
            r"unit_numbers\['output'\] must be 4 different numbers, one a unit shown, got \[1, 2, 2, 9\]",
        ),
        (
            {"unit_numbers": NUMBERS | {"output": np.arange(5)}},
            r"unit_numbers\['output'\] must be 4 different numbers, one a unit shown",
        ),
        (
            {"unit_numbers": NUMBERS | {"output": np.array([2**64 - 9, 0, 1, 2], np.uint64)}},
            r"unit_numbers\['output'\] must be a vector of unit numbers from 0, got uint64 \(4,\)",
        ),
        (
            {"traced_units": {"z_first": 3}},
            r"traced_units must be of \['z_first', 'a_second'\], or empty, got \['z_first'\]",
        ),
        (
            {"traced_units": {"z_first": 3, "a_second": 0.5}},
            r"traced_units\['a_second'\] must be a whole number, at least 0, got 0\.5",
        ),
        ({"v": {}}, r"ActivityRecording: v must have one trace for each hidden layer .* got \[\]"),
        (
            {"delta": {"z_first": np.zeros(12), "a_second": np.zeros(5)}},
            r"ActivityRecording: delta\['a_second'\] must have 12 steps, got 5",
        ),
    ],
)
def test_bad_arguments_are_named(changes, message):
    with pytest.raises(ArgumentError, match=message):
        ActivityRecording(**arguments(**changes))


def test_saved_and_loaded(tmp_path):
    d = ActivityRecording(**arguments(v={k: np.zeros(12, "f4") for k in ("z_first", "a_second")}))
    d.save(tmp_path / "early.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["early.h5"]
    assert_same(ActivityRecording.load(tmp_path / "early.h5"), d)
    later = ActivityRecording(**arguments(label="later", images_seen=7))
    later.save(str(tmp_path / "early.h5"))
    assert_same(ActivityRecording.load(str(tmp_path / "early.h5")), later)


def test_trials_are_kept_and_files_of_version_2_have_none(tmp_path):
    path = tmp_path / "a.h5"
    d = ActivityRecording(**arguments(image_numbers=[40, 3], gap_steps=1))
    d.save(path)
    assert_same(ActivityRecording.load(path), d)
    table = {name: column.tolist() for name, column in d.trials().items()}
    assert table == {"image": [40, 3], "stream": [0, 0], "start": [0, 3], "stop": [2.5, 5.5], "label": [1, 0]}
    with h5py.File(path, "r+") as f:
        f.attrs["version"] = 2
        del f["image_numbers"], f["unit_numbers"], f.attrs["gap_steps"], f.attrs["traced_units"]
    assert ActivityRecording.load(path).trials()["image"].tolist() == [0, 1]


def test_unit_numbers_are_kept_and_files_of_version_3_have_none(tmp_path):
    path = tmp_path / "a.h5"
    d = ActivityRecording(**arguments(unit_numbers=NUMBERS, traced_units={"a_second": 3, "z_first": 70}))
    d.save(path)
    assert_same(ActivityRecording.load(path), d)
    with h5py.File(path, "r+") as f:
        f.attrs["version"] = 3
        del f["unit_numbers"], f.attrs["traced_units"]
    assert_same(ActivityRecording.load(path), ActivityRecording(**arguments()))


def test_every_truncation_is_noticed(tmp_path):
    path = tmp_path / "cut.h5"
    ActivityRecording(**arguments()).save(path)
    whole = path.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"cut\.h5: not a whole activity recording"):
            ActivityRecording.load(path)


def test_damage_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "bad.h5"
    d = ActivityRecording(**arguments())
    d.save(path)
    whole = path.read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            loaded = ActivityRecording.load(path)
        except DataError as e:
            assert "bad.h5: not a whole activity recording" in str(e)
        else:
            # HDF5 has no checksum on its headers; the data have.
            for k, s in loaded.spikes.items():
                np.testing.assert_array_equal(s, d.spikes[k])


def test_foreign_files_are_named(tmp_path):
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(DataError, match=r"text\.h5: not a whole activity recording"):
        ActivityRecording.load(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as f:
        f["weights"] = [1, 2]
    with pytest.raises(DataError, match=r"other\.h5: .*HDF5 of another kind"):
        ActivityRecording.load(tmp_path / "other.h5")
    ActivityRecording(**arguments()).save(tmp_path / "new.h5")
    with h5py.File(tmp_path / "new.h5", "a") as f:
        f.attrs["version"] = 99
    with pytest.raises(DataError, match=r"new\.h5: .*version 99, this spikefa reads 2 to 4"):
        ActivityRecording.load(tmp_path / "new.h5")
    with h5py.File(tmp_path / "new.h5", "a") as f:
        f.attrs["version"] = 2
        del f["v"]
    with pytest.raises(DataError, match=r"new\.h5: not a whole activity recording"):
        ActivityRecording.load(tmp_path / "new.h5")
    with pytest.raises(FileNotFoundError, match=r"absent\.h5"):
        ActivityRecording.load(tmp_path / "absent.h5")


def test_a_file_that_cannot_be_written_is_named_and_the_old_one_stays(tmp_path, monkeypatch):
    d = ActivityRecording(**arguments())
    with pytest.raises(FileNotFoundError, match=r"cannot write the activity recording.*nowhere"):
        d.save(tmp_path / "nowhere" / "x.h5")
    d.save(tmp_path / "x.h5")
    before = (tmp_path / "x.h5").read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"cannot write the activity recording \(No space left.*x\.h5"):
        ActivityRecording(**arguments(label="other")).save(tmp_path / "x.h5")
    assert (tmp_path / "x.h5").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def shorter(f):
    f.attrs["steps_per_image"] = 7


def longer(f):
    del f["v/z_first"]
    f.create_dataset("v/z_first", (2**40,), "f8", chunks=(2**20,), compression="gzip")


def vast(f):
    del f["images"]
    f.create_dataset("images", (2, 2**20, 2**20), "f8", chunks=(1, 2**10, 2**10), compression="gzip")


def elsewhere(f):
    del f["labels"]
    f["labels"] = h5py.ExternalLink("other.h5", "/labels")


def another_layer(f):
    f["v/more"] = np.zeros(12)


def unnumbered(f):
    del f["unit_numbers/output"]


def half_known(f):
    f["unit_numbers/z_first"][0] = -1


def untraced(f):
    f.attrs["traced_units"] = [3]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (unnumbered, r"unit_numbers must have \['z_first', 'a_second', 'output'\], got"),
        (half_known, r"ActivityRecording: unit_numbers\['z_first'\] must be a vector of unit numbers from 0"),
        (untraced, "traced_units must be 2, one a hidden layer, got 1"),
        (shorter, r"spikes/z_first must have 14 steps, got \(12, 5\)"),
        (longer, r"v/z_first must have 12 steps, got \(1099511627776,\)"),
        (vast, "images must have at most 67,108,864 bytes, got 17,592,186,044,416"),
        (elsewhere, "labels must lie in the file itself, got a link"),
        (another_layer, r"v must have \['z_first', 'a_second'\], got"),
    ],
)
def test_of_a_file_from_others_no_more_is_read_than_it_promises(tmp_path, change, message):
    path = tmp_path / "a.h5"
    ActivityRecording(**arguments(unit_numbers=NUMBERS)).save(path)
    with h5py.File(path, "a") as f:
        change(f)
    with pytest.raises(DataError, match=rf"a.h5: not a whole activity recording of spikefa \(.?{message}"):
        ActivityRecording.load(path)


def test_units_are_kept_in_the_file_where_there_are_any(tmp_path):
    d = ActivityRecording(**arguments(units={"a_second": "mV"}))
    d.save(tmp_path / "one.h5")
    assert_same(d, ActivityRecording.load(tmp_path / "one.h5"))
    signals = d.activity().signals
    assert (signals["z_first.v"].unit, signals["a_second.v"].unit, signals["a_second.delta"].unit) == ("", "mV", "")
    assert fa.to_xarray(d).v_a_second.attrs["units"] == "mV" and fa.to_xarray(d).v_z_first.attrs["units"] == "1"
    ActivityRecording(**arguments()).save(tmp_path / "none.h5")
    with h5py.File(tmp_path / "none.h5") as f:
        assert "units" not in f.attrs  # as before there were units
    with pytest.raises(ArgumentError, match="a layer in units must be one of 'z_first', 'a_second', got 'output'"):
        ActivityRecording(**arguments(units={"output": "mV"}))
