"""Figure 4: a spiking network learns MNIST with random feedback.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: spike rasters of every layer and one neuron's PSP with its own modulatory signal, before learning, early in
the first epoch and at the end; and that the network learns. Trains the published network for one epoch on MNIST (from
``SPIKEFA_DATA`` or downloaded). Full run: about 2 minutes on two cores. Writes ``figure4.png`` here.
"""

import os
import sys
import tempfile
from pathlib import Path

from spikefa import modelfile, plotting
from spikefa.runs import Run
from spikefa.training import Protocol

quick = bool(os.environ.get("SPIKEFA_QUICK"))
model = modelfile.load("lillicrap2016_spiking")
params = model.params({"eta": 2e-3}) if not quick else model.params(preset="demo")
run = Run(
    directory=Path(tempfile.mkdtemp()), model=model, params=params, streams=20 if quick else 100, seed=0,
    protocol=Protocol(epochs=8 if quick else 1, test_steps=params.test_steps, evaluate_every=8),
    data="digits" if quick else "mnist", data_dir=None, validation=0,
)  # fmt: skip
run.create()
last = run.trainer().run()
out = Path(sys.argv[1] if len(sys.argv) > 1 else "figure4.png")
plotting.figure4(run.displays()).savefig(out, dpi=200)
print(f"test error {last['test_error']:.2%}; wrote {out}")
assert last["test_error"] < (0.4 if quick else 0.10)  # chance is 90 %
