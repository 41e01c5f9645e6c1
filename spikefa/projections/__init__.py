"""Projections: weights from one population to another."""
