"""Populations: units of one kind, with a place in the schedule."""
