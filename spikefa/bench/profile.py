"""Where the time of a step goes, by kind of work: Brian2's own profile, in runs of its own."""

from __future__ import annotations

from brian2 import CodeRunner
from brian2.groups.neurongroup import Resetter, StateUpdater, Thresholder

from spikefa.bench.harness import Section, Setting, StepTimer
from spikefa.core.network import Network
from spikefa.plasticity.updater import PlasticityUpdater
from spikefa.presentation.readout import Readout
from spikefa.presentation.stimulus import Stimulus
from spikefa.projections.projection import Projection

#: Kinds of work; the first two are the matrix products, with biases.
CATEGORIES = (
    "propagation", "updates", "integration", "emission", "thresholds", "post_factors", "stimulus", "readout",
    "other",
)  # fmt: skip


def category_of(obj) -> str:
    """Return to which of `CATEGORIES` an object of a network belongs."""
    kinds = (
        (Projection, "propagation"), (PlasticityUpdater, "updates"), (StateUpdater, "integration"),
        (Thresholder | Resetter, "thresholds"), (Stimulus, "stimulus"), (Readout, "readout"),
    )  # fmt: skip
    for kind, category in kinds:
        if isinstance(obj, kind):
            return category
    if isinstance(obj, CodeRunner):
        return "post_factors" if obj.when == "plasticity" else "emission"
    return "other"


def profile(network: Network, timer: StepTimer, steps: int) -> dict[str, float]:
    """Run with Brian2's ``profile=True`` and return the seconds a step of each category.

    Brian2's clock is read twice an object, which is counted, and the run's first step is counted too.
    """
    categories = {obj.name: category_of(obj) for obj in network.sorted_objects}
    total = dict.fromkeys(CATEGORIES, 0.0)
    timer.mean_of(steps, profile=True)
    for name, seconds in network.profiling_info:
        if name != timer.name:
            total[categories[name]] += float(seconds) / (steps + 1)
    return total


def add_profile(section: Section, network: Network, timer: StepTimer, steps: int, setting: Setting) -> None:
    """Add the rows ``profile/CATEGORY``, and ``profile/no_product``: their sum without the first two."""
    profiles = [profile(network, timer, steps) for _ in range(setting.turns)]
    for category in CATEGORIES:
        values = [total[category] for total in profiles]
        if any(values):
            section.add(f"profile/{category}", f"profile: {category.replace('_', ' ')}", "ms", values)
    rest = [sum(total[category] for category in CATEGORIES[2:]) for total in profiles]
    section.add("profile/no_product", "profile: no product (sum)", "ms", rest)
    section.notes.append("Profiles are of separate runs (Brian2's profile=True).")
