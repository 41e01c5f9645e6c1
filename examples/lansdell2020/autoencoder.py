"""Autoencoders through two units, whose feedback weights are learned, fixed, or the transposed forward weights.

Lansdell, Prakash & Kording (2020), Learning to solve the credit assignment problem, ICLR,
https://doi.org/10.48550/arXiv.1906.00889, Fig. 3 and Table 2, left.

Shows: what 784-200-2-200-784 (tanh, linear, tanh, rectified units) loses of MNIST's test images, with feedback weights
that learn by node perturbation (NP), from the true gradient (SG), by the forward weights' updates (matched), stay
random (FA) or are the transposed forward weights (BP, with Adam, and as a denoising autoencoder, DAE), with and without
noise on the activations; and where the two units of the bottleneck put each digit. The loss is that of a batch: half the
squared error, summed over the pixels of 32 images. Arguments: figure (``autoencoder.png``), seeds (3), epochs (20), and
where runs are kept (a temporary directory): given, an interrupted study goes on, and more epochs are added to those
that are there. The paper has 533 epochs (10^6 batches of 32). The numbers are in ``docs/results/lansdell2020.md``.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the scripts' shared helpers

import matplotlib
import numpy as np
from _results import results_beside
from _study import QUICK, mean_sd, save, tidy
from matplotlib.figure import Figure

from spikefa import datasets, responses
from spikefa.experiments.metrics_table import read_metrics
from spikefa.experiments.run import new_run
from spikefa.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, STYLE, VERMILLION

SEEDS, EPOCHS = (1, 8) if QUICK else (int(n) for n in [*sys.argv[2:4], *["3", "20"][len(sys.argv[2:4]) :]])
KEPT = Path(sys.argv[4] if len(sys.argv) > 4 else tempfile.mkdtemp())
NOISY = {"activation_noise": 0.02}
BACKPROP, ADAM = {"pathway": "backprop"}, {"pathway": "backprop", "optimizer": "adam"}
FIXED, MATCHED = {"pathway": "alignment"}, {"pathway": "kolen_pollack", "decay": DECAY}
ROWS = {  # name -> (label, parameters, colour, whether there is noise)
    "np": ("NP", {}, BLUE),
    "bp": ("BP", BACKPROP, INK),
    "fa": ("FA", FIXED, VERMILLION),
    "sg": ("SG", {"pathway": "synthetic_gradients"}, GREEN),
    "bp_adam": ("BP, Adam", ADAM, PURPLE),
    "dae": ("DAE", BACKPROP | {"input_noise": 0.3}, SKY),
    "matched": ("matched", MATCHED, ORANGE),
    "bp_noise": ("BP, noise", BACKPROP | NOISY, INK),
    "bp_adam_noise": ("BP, Adam, noise", ADAM | NOISY, PURPLE),
    "fa_noise": ("FA, noise", FIXED | NOISY, VERMILLION),
    "matched_noise": ("matched, noise", MATCHED | NOISY, ORANGE),
}
