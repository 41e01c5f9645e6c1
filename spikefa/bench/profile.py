"""Where the time of a step goes, by kind of work: Brian2's own profile, in runs of its own."""

from __future__ import annotations

from brian2 import BrianObject, CodeRunner
from brian2.groups.neurongroup import Resetter, StateUpdater, Thresholder

from spikefa.bench.harness import Section, Setting, StepTimer
from spikefa.core.network import Network

#: Kinds of work; the first two are the matrix products, with biases.
CATEGORIES = (
    "propagation",
    "updates",
    "integration",
    "emission",
    "thresholds",
    "post_factors",
    "stimulus",
    "readout",
    "other",
)


#: Role of a part of the network -> kind of work; averages of weights have the role of rules, too.
BY_ROLE = {
    "weight_average": "other",
    "projection": "propagation",
    "learning": "updates",
    "stimulus": "stimulus",
    "readout": "readout",
}
#: Brian2's own objects of a population -> kind of work.
BY_CLASS = {StateUpdater: "integration", Thresholder: "thresholds", Resetter: "thresholds"}


def category_of(obj: BrianObject) -> str:
    """Return to which of `CATEGORIES` an object of a network belongs."""
    roles = getattr(obj, "roles", ())
    found = [category for role, category in BY_ROLE.items() if role in roles]
    found += [category for kind, category in BY_CLASS.items() if isinstance(obj, kind)]
    if not found and isinstance(obj, CodeRunner):
        found = ["post_factors" if obj.when == "plasticity" else "emission"]
    return found[0] if found else "other"


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
    no_product = [sum(total[category] for category in CATEGORIES[2:]) for total in profiles]
    section.add("profile/no_product", "profile: no product (sum)", "ms", no_product)
    section.notes.append("Profiles are of separate runs (Brian2's profile=True).")
