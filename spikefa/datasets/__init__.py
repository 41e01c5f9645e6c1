"""Data sets: found in a directory, downloaded once, bundled, or made from a seed.

`datasets` lists them; a file of this package with ``@datasets.register("name")`` adds one.

``load("mnist")`` reads the four IDX files from ``data_dir``, from the directory that the ``SPIKEFA_DATA``
variable names, or from the user's cache, into which they are downloaded (and verified) when absent.
``load("digits")`` needs no files. Every fault in a file or an array raises a `DataError` that says what was
expected, what was found and what to do.
"""

from spikefa.datasets.background import mnist_background
from spikefa.datasets.cifar10 import load_cifar10_jpeg
from spikefa.datasets.dataset import Dataset, pixels, regression
from spikefa.datasets.event_camera import camera_trains, load_nmnist, read_aer
from spikefa.datasets.latencies import spike_latencies
from spikefa.datasets.locate import VARIABLE
from spikefa.datasets.registry import datasets, load
from spikefa.datasets.shd import load_shd, read_spikes_hdf5
from spikefa.datasets.spike_trains import SpikeTrains
from spikefa.datasets.svhn import load_svhn
from spikefa.datasets.timit import load_timit_stops
from spikefa.datasets.transforms import autoencoder, centred, standardised
from spikefa.errors import DataError

__all__ = [
    "VARIABLE",
    "DataError",
    "Dataset",
    "SpikeTrains",
    "autoencoder",
    "camera_trains",
    "centred",
    "datasets",
    "load",
    "load_cifar10_jpeg",
    "load_nmnist",
    "load_shd",
    "load_svhn",
    "load_timit_stops",
    "mnist_background",
    "pixels",
    "read_aer",
    "read_spikes_hdf5",
    "regression",
    "spike_latencies",
    "standardised",
]
