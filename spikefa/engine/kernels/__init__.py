"""Kernels: compiled functions of arrays. They draw no random numbers and know nothing of Brian2."""
