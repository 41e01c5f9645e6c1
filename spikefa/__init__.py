"""Spiking and continuous-time networks that learn with local rules."""

from .environment import check_environment, let_idle_threads_sleep

check_environment()
let_idle_threads_sleep()

from .layers import ErrorPopulation, FeedbackPopulation, Input, Layer, Population  # noqa: E402
from .masks import local_patches, random_mask  # noqa: E402
from .network import Network  # noqa: E402
from .pathways import feedback_alignment  # noqa: E402
from .plasticity import Plasticity  # noqa: E402
from .projections import Projection, uniform  # noqa: E402

__version__ = "0.1.0"

__all__ = [
    "ErrorPopulation",
    "FeedbackPopulation",
    "Input",
    "Layer",
    "Network",
    "Plasticity",
    "Population",
    "Projection",
    "feedback_alignment",
    "local_patches",
    "random_mask",
    "uniform",
]
