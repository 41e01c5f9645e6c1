"""Kernels, random numbers and code generation; nothing here knows of networks."""
