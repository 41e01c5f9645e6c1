"""Plasticity: rules stated as expressions, optimizers, and what applies them."""
