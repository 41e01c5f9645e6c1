"""The main job on real MNIST: a short piece of it always, an epoch of it with ``pytest -m slow``."""

import numpy as np
import pytest

from spikefa import datasets
from spikefa.diagnostics import evaluation
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import Run
from spikefa.experiments.training_config import TrainingConfig


def test_narrow_network_begins_to_learn_mnist(model, mnist_dir):
    """784-200-200-200 after 6,000 images, on 1,000 test images: chance is 90 %."""
    data = datasets.load("mnist", mnist_dir)
    net = model.build(model.params({"hidden": (200, 200), "outputs": 200, "eta": 4e-3}), streams=50, seed=0)
    assert net["image"].units == data.train_images.shape[1]
    net.stimulus.show_images(data.train_images[:6000], data.train_labels[:6000])
    net.run_steps(5 * 6000 // 50)
    wrong = evaluation.error(net, data.test_images[:1000], data.test_labels[:1000], 5)
    assert wrong < 0.35
    assert all(np.isfinite(p.W).all() for p in net.projections)


@pytest.mark.slow
def test_published_network_after_an_epoch(model, mnist_dir, tmp_path):
    """Full size, 100 streams, eta 2e-3: a plain numpy prototype of the equations reached 7.1 % (M = 5)."""
    params = model.params({"eta": 2e-3})
    run = Run(tmp_path / "run", model, params, 100, 0, TrainingConfig(epochs=1), "mnist", str(mnist_dir), 0)
    run.create()
    run.trainer().run()
    metrics = read_metrics(run.directory / "metrics.csv")
    assert metrics["test_error"][0] > 0.8 and metrics["test_error"][-1] < 0.08
    assert all(85 < metrics[f"angle_deg_{layer}"][-1] < 89.5 for layer in ("h1", "h2", "h3"))
