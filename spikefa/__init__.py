"""Spiking and continuous-time networks that learn with local rules."""
