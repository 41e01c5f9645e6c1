"""Brian2's code-generation target ``numba``."""
