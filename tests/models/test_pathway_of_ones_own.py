"""Models take pathways that other code has registered, with those of the model's options that they have."""

import numpy as np
import pytest

from spikefa.experiments import model_file
from spikefa.pathways import pathways

COMMON = {"target": "numpy", "eta": 0.1}
RATE = COMMON | {"sizes": (6, 5, 4, 3), "classes": 3}
MODELS = {
    "lillicrap2016_spiking": COMMON | {"pixels": 6, "hidden": (5, 4), "outputs": 3, "classes": 3},
    "lillicrap2016_rate": RATE,
    "lansdell2020_np": RATE | {"warm_up": 0},
    "nokland2016_dfa": COMMON | {"pixels": 6, "hidden": (5, 4), "classes": 3, "rmsprop": None, "weights": "fan_in"},
}


@pytest.fixture(scope="module")
def name():
    @pathways.register("straight_down_of_a_test")
    def straight_down(network, *, error, feedback, emit, emit_error=None, B, namespace=None):
        options = {"emit": emit, "emit_error": emit_error, "B": B, "namespace": namespace}
        return pathways["direct"](network, error=error, feedback=feedback, **options)

    return "straight_down_of_a_test"


@pytest.mark.parametrize("model", MODELS)
def test_a_model_learns_by_a_pathway_of_ones_own(model, name, rng):
    loaded = model_file.load(model)
    net = loaded.build(loaded.params(MODELS[model] | {"pathway": name}), streams=4)
    assert [p.pre.name for p in net.projections if p.post.name.startswith("feedback_")] == ["error_output"] * 2
    before = {p.name: np.array(p.W) for p in net.projections if p.learning is not None}
    net.stimulus.show_images(rng.random((20, 6)), rng.integers(0, 3, 20))
    net.run_steps(5 * net.stimulus.steps_per_image)
    assert len(before) == 3
    for learned, weights in before.items():
        assert not np.array_equal(net[learned].W, weights)
