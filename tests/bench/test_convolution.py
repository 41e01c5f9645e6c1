"""The section of convolutions, with another program in the place of PyTorch's."""

import pytest

from spikefa.bench import Section
from spikefa.bench.sections.convolution import against_pytorch

#: Says what it was asked, and that each call took 1 s.
PROGRAM = """
import json, sys
asked = json.loads(sys.stdin.readline())
layer = str([asked[name] for name in ("pre", "post", "weights")])
print(json.dumps({"torch": layer, "threads": asked["threads"]}), flush=True)
while line := sys.stdin.readline().strip():
    assert json.loads(line)["variant"] in ("forward", "back", "update")
    print(1.0, flush=True)
"""


def test_pytorch_has_the_same_layer_and_the_ratio_is_of_its_time(setting, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    section = Section()
    against_pytorch(setting, section, tmp_path / "program.py")
    assert "PyTorch [[10, 2, 6, 6], [10, 3, 6, 6], [3, 2, 3, 3]] has" in section.notes[0]
    for name in ("forward", "back", "update"):
        ours, theirs, ratio = (section.rows[f"{of}{name}"].spread.median for of in ("", "pytorch/", "ratio/"))
        assert theirs == 1000 and ratio * theirs == pytest.approx(ours)
