"""Figure 4: a spiking network learns MNIST with random feedback.

Lillicrap, Cownden, Tweed & Akerman (2016), Nature Communications 7:13276, https://doi.org/10.1038/ncomms13276.

Shows: spike rasters of every layer and one neuron's PSP with its own modulatory signal, before learning, early in
the first epoch and at the end; and that the network learns. Trains the published network for one epoch on MNIST (from
``SPIKEFA_DATA`` or downloaded). Full run: about 2 minutes on two cores. Writes ``activity_figure.png`` here.
"""

import os
import sys
import tempfile
from pathlib import Path

from spikefa import plotting
from spikefa.experiments.run import new_run

quick = bool(os.environ.get("SPIKEFA_QUICK"))
if quick:
    setting = dict(preset="digits", data="digits", streams=20, epochs=4)
else:
    setting = dict(changes={"eta": 2e-3}, data="mnist", streams=100, epochs=1)
run = new_run(tempfile.mkdtemp(), "lillicrap2016_spiking", evaluate_every=4, **setting)
error = run.train()["test_error"][-1]
out = Path(sys.argv[1] if len(sys.argv) > 1 else "activity_figure.png")
plotting.activity_figure(run.recordings()).savefig(out, dpi=200)
print(f"test error {error:.2%}; wrote {out}")
assert error < (0.4 if quick else 0.10)  # chance is 90 %
