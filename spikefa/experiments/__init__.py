"""Experiments: model files, training runs and what is kept of them."""
