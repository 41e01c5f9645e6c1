"""Arrays are read from the file itself, plain, and no larger than they may be."""

import zlib

import h5py
import numpy as np
import pytest

from spikefa import _hdf5

VALUES = np.arange(12.0).reshape(3, 4)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=_hdf5.LAYOUT) as f:
        f.create_dataset("group/plain", data=VALUES, fletcher32=True)
        f.create_dataset("packed", data=VALUES, compression="gzip", fletcher32=True)
        f.attrs.update(text=_hdf5.texts(["größe"]), texts=_hdf5.texts(["a", "bcd"]), number=3)
    return path


def test_plain_arrays_and_attributes_are_read(path):
    with h5py.File(path) as f:
        assert sorted(_hdf5.names(f)) == ["group", "packed"] and _hdf5.names(f, "group") == ["plain"]
        assert np.array_equal(_hdf5.read(f, "group/plain", (3, 4)), VALUES)
        assert np.array_equal(_hdf5.read(f, "packed", most=96, gzip=True), VALUES)
        assert _hdf5.attribute(f, "text", str) == "größe" and _hdf5.attributes(f, "texts", str) == ["a", "bcd"]
        assert _hdf5.attribute(f, "number", int) == 3


def external_link(f, beside):
    f["x"] = h5py.ExternalLink(beside, "/x")


def soft_link(f, beside):
    f["x"] = h5py.SoftLink("/group/plain")


def link_in_the_way(f, beside):
    f["y"] = h5py.SoftLink("/group")
    f["x"] = h5py.SoftLink("/y/plain")


def external_storage(f, beside):
    f.create_dataset("x", (4,), "i4", external=[(beside, 0, 16)])


def virtual(f, beside):
    layout = h5py.VirtualLayout((3, 4), float)
    layout[...] = h5py.VirtualSource(beside, "x", (3, 4))
    f.create_virtual_dataset("x", layout)


def texts_of_any_length(f, beside):
    f.create_dataset("x", data=["a", "b"])


def references(f, beside):
    f.create_dataset("x", data=[f["group"].ref], dtype=h5py.ref_dtype)


def compound(f, beside):
    f.create_dataset("x", data=np.zeros(3, [("a", "i4"), ("b", "f4")]))


def nothing_stored(f, beside):
    f.create_dataset("x", (2**40,), "f4", chunks=(2**20,))


def other_filter(f, beside):
    f.create_dataset("x", data=VALUES, scaleoffset=2)


def a_group(f, beside):
    f["x"] = f["group"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (external_link, "x must lie in the file itself, got a link"),
        (soft_link, "x must lie in the file itself, got a link"),
        (link_in_the_way, "x must lie in the file itself, got a link"),
        (external_storage, "x must lie in the file itself, got storage outside it"),
        (virtual, "x must lie in the file itself, got storage outside it"),
        (texts_of_any_length, "x must hold numbers, got object"),
        (references, "x must hold numbers, got object"),
        (compound, "x must hold numbers, got "),
        (nothing_stored, "x must lie in the file, which has less than its 4,398,046,511,104 bytes"),
        (other_filter, "x must have no filter but a checksum"),
        (a_group, "x must be an array"),
    ],
)
def test_what_is_no_plain_array_in_the_file_is_not_read(path, tmp_path, make, message):
    beside = tmp_path / "beside.h5"
    with h5py.File(beside, "w") as f:
        f["x"] = VALUES
    with h5py.File(path, "a") as f:
        make(f, str(beside))
    with h5py.File(path) as f, pytest.raises(ValueError, match=message):
        _hdf5.read(f, "x")


def test_sizes_are_compared_before_anything_is_read(path):
    with h5py.File(path) as f:
        with pytest.raises(ValueError, match=r"group/plain must be \(4, 3\), got \(3, 4\)"):
            _hdf5.read(f, "group/plain", (4, 3))
        with pytest.raises(ValueError, match="packed must have at most 95 bytes, got 96"):
            _hdf5.read(f, "packed", most=95, gzip=True)
        with pytest.raises(ValueError, match="packed must have no filter but a checksum"):
            _hdf5.read(f, "packed")
        with pytest.raises(ValueError, match="/ must have at most 1 names, got 2"):
            _hdf5.names(f, most=1)
        with pytest.raises(KeyError, match="it has no group/other"):
            _hdf5.read(f, "group/other")


def test_a_chunk_that_grows_beyond_its_size_is_not_unpacked(path):
    with h5py.File(path, "a") as f:
        bomb = f.create_dataset("bomb", (10,), "f4", chunks=(10,), compression="gzip")
        bomb.id.write_direct_chunk((0,), zlib.compress(bytes(10_000)))
    with h5py.File(path) as f, pytest.raises(ValueError, match="bomb must have chunks of 40 bytes, got a larger one"):
        _hdf5.read(f, "bomb", (10,), gzip=True)


def test_attributes_of_other_kinds_are_not_read(path):
    with h5py.File(path, "a") as f:
        f.attrs["heap"] = "a text of any length"
    with h5py.File(path) as f:
        for name, kind in (("heap", str), ("text", int), ("number", float), ("number", str)):
            with pytest.raises(ValueError, match=f"its {name} must be of {kind.__name__}, got"):
                _hdf5.attribute(f, name, kind)
        with pytest.raises(ValueError, match="its texts must be of str"):
            _hdf5.attribute(f, "texts", str)
        with pytest.raises(KeyError, match="no attribute 'other'"):
            _hdf5.attribute(f, "other", int)
