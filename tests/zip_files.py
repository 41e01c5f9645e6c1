"""Damaged zip files for tests."""

import zipfile


def damaged_member(path, name):
    """The bytes of a zip file whose member `name` is no sound deflated stream."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(name).header_offset
    # A local header is 30 bytes, the name and the extra field, whose sizes stand at 26 and 28.
    start += 30 + int.from_bytes(data[start + 26 : start + 28], "little")
    start += int.from_bytes(data[start - len(name) - 2 : start - len(name)], "little")
    data[start] = 0xFF  # a block of the type 3, which there is not
    return bytes(data)
