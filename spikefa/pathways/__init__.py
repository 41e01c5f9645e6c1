"""Pathways: the feedback populations and projections that carry the error down. One short file each."""

from .alignment import feedback_alignment
from .direct import direct_feedback_alignment
from .indirect import indirect_feedback_alignment
from .learned import learned_feedback
from .node_perturbation import node_perturbation
from .pseudoinverse import pseudobackprop
from .reshuffled import reshuffled_alignment
from .shallow import shallow
from .sign import sign_symmetric
from .transpose import transpose
from .twins import NoisyTwin

__all__ = [
    "NoisyTwin",
    "direct_feedback_alignment",
    "feedback_alignment",
    "indirect_feedback_alignment",
    "learned_feedback",
    "node_perturbation",
    "pseudobackprop",
    "reshuffled_alignment",
    "shallow",
    "sign_symmetric",
    "transpose",
]
