"""Presentation: stimuli in, answers out, and how wrong these are."""
