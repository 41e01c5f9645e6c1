"""Executors: devices other than the processor on which a network runs. One file each."""
