"""The network and what its parts have in common; it imports no part."""
