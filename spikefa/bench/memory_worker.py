"""A process whose peak memory is measured: it builds a network, trains it for some steps, and prints bytes.

It reads VmHWM (Linux), since ru_maxrss of a child counts its parent as well.
"""

from __future__ import annotations

import json
import sys

import numpy as np

from spikefa.bench.harness import build, show_without_end
from spikefa.experiments import model_file


def peak() -> int:
    """Return the peak resident memory of this process in bytes."""
    try:
        with open("/proc/self/status") as f:
            return 1024 * int(next(line.split()[1] for line in f if line.startswith("VmHWM")))
    except (OSError, StopIteration):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == "darwin" else 1024 * used


def main() -> None:
    """Do what the argument, a line of JSON, says; with no images, only import."""
    asked = json.loads(sys.argv[1])
    if asked["images"]:
        model = model_file.load(asked["model"])
        network = build(model, model.params(asked["params"]), asked["streams"])
        # Plain random bytes: making images of MNIST's statistics would take more memory than training.
        images = np.random.default_rng(0).integers(0, 256, (asked["images"], network.input.units), dtype=np.uint8)
        show_without_end(network, images)
        network.run_steps(4 * network.stimulus.steps_per_image)
    print(peak())


if __name__ == "__main__":
    main()
