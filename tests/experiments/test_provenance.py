"""A digest of the data tells them apart."""

import re

import numpy as np

from spikefa.datasets import regression
from spikefa.experiments.provenance import data_digest


def test_a_digest_tells_data_apart_and_not_machines(digits):
    def changed(**changes):
        kept = ("train_images", "train_targets", "test_images", "test_targets")
        x, y = np.linspace(-1, 1, 12).reshape(4, 3), np.linspace(0, 1, 8).reshape(4, 2)
        given = dict(zip(kept, (x, y, x + 1, y + 1), strict=True))
        return data_digest(regression("small", **{name: changes.get(name, lambda v: v)(given[name]) for name in kept}))

    same = changed()
    assert re.fullmatch("[0-9a-f]{16}", same) and data_digest(digits) != same
    assert changed(train_targets=lambda y: y * (1 + 1e-12)) == same
    for name in ("train_images", "train_targets", "test_images", "test_targets"):
        assert changed(**{name: lambda v: v + 1e-2 * (v == v.max())}) != same
