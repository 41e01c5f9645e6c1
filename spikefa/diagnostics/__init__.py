"""Diagnostics: measurements of a network that change nothing in it."""
