"""The list of planted bugs fits the package as it is; ``plant_bugs.py`` beside it tries them."""

import plant_bugs


def test_every_planted_bug_has_its_place():
    known = plant_bugs.mutants()
    assert len(known) >= 40 and len({mutant["file"] for mutant in known}) == len(known)
    for mutant in known:
        compile(plant_bugs.mutated(mutant), mutant["file"], "exec")
        assert mutant["find"] != mutant["replace"]
        assert all((plant_bugs.ROOT / path).exists() for path in mutant["tests"]), mutant["tests"]
