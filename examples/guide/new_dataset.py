"""A data set of one's own: bars in noise, registered under a name, and learned by a model as any other.

Each image of 8 x 8 pixels has one bar, in one of 16 places (8 rows and 8 columns), which is its class. It is the bars
problem of Foldiak (1990), Biological Cybernetics 64:165, https://doi.org/10.1007/BF02331346, with labels. A data set is
a function of a directory, which is not used here, that returns a `Dataset`. Full run: about 20 seconds.
"""

import os
import tempfile

import numpy as np

import spikefa as fa
from spikefa.datasets import Dataset, datasets

QUICK = bool(os.environ.get("SPIKEFA_QUICK"))
SIDE = 8


@datasets.register("bars")
def load_bars(data_dir=None):
    """Draw 2000 images to train and 400 to test."""
    rng = np.random.default_rng(0)
    labels = rng.integers(2 * SIDE, size=2400)
    images = 0.1 * rng.random((2400, SIDE, SIDE), dtype=np.float32)
    for image, label in zip(images, labels, strict=True):
        bar = image[label] if label < SIDE else image[:, label - SIDE]
        bar[:] = 0.9
    images = images.reshape(2400, SIDE * SIDE)
    return Dataset(
        "bars", images[:2000], labels[:2000], images[2000:], labels[2000:], shape=(SIDE, SIDE), classes=2 * SIDE
    )


run = fa.new_run(
    tempfile.mkdtemp(),
    "lillicrap2016_spiking",
    {"classes": 2 * SIDE, "outputs": 320},
    preset="digits",
    data="bars",
    streams=20,
    epochs=2 if QUICK else 5,
    record_activity=False,
)
wrong = run.train()["test_error"][-1]
print(f"test error {wrong:.1%}")
assert wrong < (0.3 if QUICK else 0.05)  # chance is 94 %
