"""Files are written whole, or not at all."""

import pytest
from run_helpers import largest_file

from spikefa import _atomic_write


def test_what_is_written_once_is_whole_or_not_there(tmp_path):
    with largest_file(1), pytest.raises(OSError, match=r"cannot write the record .File too large.*new"):
        _atomic_write.write_new(tmp_path / "new", "text", "the record")
    assert not [*tmp_path.iterdir()]
    _atomic_write.write_new(tmp_path / "new", "text", "the record")
    with pytest.raises(FileExistsError, match="cannot write the record"):
        _atomic_write.write_new(tmp_path / "new", "other", "the record")
    assert (tmp_path / "new").read_text() == "text"
