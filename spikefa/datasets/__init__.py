"""Data sets: found in a directory, downloaded once, bundled, or drawn from a seed.

``load("mnist")`` reads the four IDX files from ``data_dir``, from the directory that the ``SPIKEFA_DATA``
variable names, or from the user's cache, into which they are downloaded (and verified) when absent.
``load("digits")`` needs no files. Every fault in a file or an array raises a `DataError` that says what was
expected, what was found and what to do.
"""

from .background import mnist_background
from .dataset import DataError, Dataset, pixels, regression
from .files import VARIABLE
from .loading import NAMES, load
from .svhn import load_svhn
from .timit import load_timit_stops
from .transforms import autoencoder, centred, standardised

__all__ = [
    "NAMES",
    "VARIABLE",
    "DataError",
    "Dataset",
    "autoencoder",
    "centred",
    "load",
    "load_svhn",
    "load_timit_stops",
    "mnist_background",
    "pixels",
    "regression",
    "standardised",
]
