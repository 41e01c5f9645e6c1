"""A digest of the data tells them apart."""

import dataclasses
import re
import subprocess

import numpy as np

from spikefa.datasets import regression
from spikefa.experiments import provenance
from spikefa.experiments.provenance import data_digest, git_state


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


def git(folder, *arguments):
    command = ["git", "-C", str(folder), "-c", "user.email=a@b", "-c", "user.name=a", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_that_of_the_repository_that_keeps_the_source(tmp_path, monkeypatch):
    """Not of one in which the package was installed, nor of one whose hook runs."""
    git(tmp_path, "init", "-q")
    package = tmp_path / "lib" / "spikefa"
    package.mkdir(parents=True)
    (package / "provenance.py").write_text("")
    (tmp_path / "thesis.txt").write_text("text")
    git(tmp_path, "add", "thesis.txt")
    git(tmp_path, "commit", "-qm", "a chapter")
    monkeypatch.setattr(provenance, "__file__", str(package / "provenance.py"))
    assert git_state() is None
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "the package")
    head = git(tmp_path, "rev-parse", "HEAD")
    assert git_state() == {"commit": head, "clean": True}
    (tmp_path / "other").mkdir()
    git(tmp_path / "other", "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    assert git_state() == {"commit": head, "clean": False}  # `other` is new


def test_every_part_of_the_data_counts(digits):
    before, seen = data_digest(digits), set()
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        changed = getattr(digits, name).copy()
        changed[-1] = changed[0] if (changed[-1] != changed[0]).any() else changed[1]
        seen.add(data_digest(dataclasses.replace(digits, **{name: changed})))
    assert len(seen) == 4 and before not in seen
