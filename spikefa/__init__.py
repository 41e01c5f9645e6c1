"""Spiking and continuous-time networks that learn with local rules."""

from .environment import check_environment, let_idle_threads_sleep

check_environment()
let_idle_threads_sleep()

from .averaging import WeightAverage  # noqa: E402
from .diagnostics import ErrorMonitor, UpdateAlignment, WeightAlignment  # noqa: E402
from .layers import ErrorPopulation, FeedbackPopulation, Input, Layer, Population  # noqa: E402
from .masks import correlated_fields, local_patches, random_mask  # noqa: E402
from .network import Network  # noqa: E402
from .pathways import (  # noqa: E402
    NoisyTwin,
    direct_feedback_alignment,
    feedback_alignment,
    indirect_feedback_alignment,
    learned_feedback,
    node_perturbation,
    pseudobackprop,
    reshuffled_alignment,
    shallow,
    sign_symmetric,
    transpose,
)
from .plasticity import Plasticity  # noqa: E402
from .projections import Projection, normal, uniform  # noqa: E402
from .shared import FollowingProjection, ReshuffledProjection, SharedProjection  # noqa: E402
from .softmax import Softmax  # noqa: E402

__version__ = "0.1.0"

__all__ = [
    "ErrorMonitor",
    "ErrorPopulation",
    "FeedbackPopulation",
    "FollowingProjection",
    "Input",
    "Layer",
    "Network",
    "NoisyTwin",
    "Plasticity",
    "Population",
    "Projection",
    "ReshuffledProjection",
    "SharedProjection",
    "Softmax",
    "UpdateAlignment",
    "WeightAlignment",
    "WeightAverage",
    "correlated_fields",
    "direct_feedback_alignment",
    "feedback_alignment",
    "indirect_feedback_alignment",
    "learned_feedback",
    "local_patches",
    "node_perturbation",
    "normal",
    "pseudobackprop",
    "random_mask",
    "reshuffled_alignment",
    "shallow",
    "sign_symmetric",
    "transpose",
    "uniform",
]
