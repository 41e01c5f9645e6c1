"""Pathways: the feedback populations and projections that carry the error down. One short file each."""

from .alignment import feedback_alignment
from .direct import direct_feedback_alignment
from .indirect import indirect_feedback_alignment
from .node_perturbation import NoisyTwin, node_perturbation
from .pseudoinverse import pseudobackprop
from .reshuffled import reshuffled_alignment
from .shallow import shallow
from .sign import sign_symmetric
from .transpose import transpose

__all__ = [
    "NoisyTwin",
    "direct_feedback_alignment",
    "feedback_alignment",
    "indirect_feedback_alignment",
    "node_perturbation",
    "pseudobackprop",
    "reshuffled_alignment",
    "shallow",
    "sign_symmetric",
    "transpose",
]
