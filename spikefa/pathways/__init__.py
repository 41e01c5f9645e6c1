"""Pathways: the feedback populations and projections that carry the error down. One short file each."""

from .alignment import feedback_alignment

__all__ = ["feedback_alignment"]
