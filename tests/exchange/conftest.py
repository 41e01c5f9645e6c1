import numpy as np
import pytest

from spikefa.diagnostics.activity_recording import ActivityRecording


@pytest.fixture
def recording(rng):
    """Two images of 8 steps of 0.5 ms and a gap of 2; unit 31 of h1 never spikes."""
    spikes = {"h1": rng.random((20, 5)) < 0.3, "output": rng.random((20, 4)) < 0.5}
    spikes["h1"][:, 2] = False
    return ActivityRecording(
        label="300 images",
        images_seen=300,
        images=rng.random((2, 3, 3)),
        labels=np.array([1, 0]),
        steps_per_image=10,
        dt=0.5,
        spikes=spikes,
        output_classes=np.array([0, 0, 1, 1]),
        v={"h1": rng.normal(size=20)},
        delta={"h1": rng.normal(size=20).astype(np.float32)},
        image_numbers=np.array([7, 3]),
        gap_steps=2,
        unit_numbers={"h1": np.array([3, 8, 31, 30, 77]), "output": np.array([0, 5, 6, 11])},
        traced_units={"h1": 8},
    )
