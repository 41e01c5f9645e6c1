"""What a delay costs: the network of the section ``lif`` with its forward spikes 5 ms late, and without."""

from __future__ import annotations

from brian2 import ms

from spikefa.bench.harness import Section, Setting, StepTimer, take_turns
from spikefa.bench.sections import lif, sections


@sections.register("delays")
def delays(setting: Setting, section: Section) -> None:
    """Compare projections with a delay and without.

    Keys ``none``, ``delayed``, ``ratio`` (delayed by none), and those with ``_one`` of one stream.
    """
    for streams, ending, what in ((setting.streams, "", f"{setting.streams} streams"), (1, "_one", "one stream")):
        jobs = {}
        for name, delay in (("none", None), ("delayed", 5 * ms)):
            net = lif.network(streams, setting.quick, delay)
            timer = StepTimer(net)
            steps = setting.steps(net, timer)
            jobs[name] = lambda timer=timer, steps=steps: timer.mean_of(steps)
        measured = take_turns(jobs, setting)
        section.add(f"none{ending}", f"No delay, {what}", "ms", measured["none"])
        section.add(f"delayed{ending}", f"5 ms (50 steps), {what}", "ms", measured["delayed"])
        section.add(f"ratio{ending}", f"Delayed / no delay, {what}", "x", measured["delayed"] / measured["none"])
    section.notes.append("Training, a step of 0.1 ms; every forward projection of the network of `lif` is delayed.")
