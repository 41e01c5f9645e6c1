"""What was reached."""

import dataclasses

from spikefa.bench import Section, report


def test_goals_are_judged_by_the_median(setting):
    def done(**rows):
        section = Section()
        for key, value in rows.items():
            section.add(key, key, "x", [value / 2, value, 10 * value])
        return {"brian2": ("b", section), "step": ("s", section)}

    full = dataclasses.replace(setting, quick=False)
    judged = {g["row"]: g for g in report.judge(done(ratio=1.1), full)}
    assert judged["step.ratio"]["met"] is True and judged["brian2.ratio"]["met"] is False
    assert judged["step.ratio"]["measured"] == 1.1 and judged["step.ratio"]["goal"] == "<= 1.2 x"
    assert judged["memory.training"]["met"] is None and judged["memory.training"]["measured"] is None
    assert {g["row"]: g["met"] for g in report.judge(done(ratio=60), full)}["brian2.ratio"] is True
