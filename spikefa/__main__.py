"""``python -m spikefa`` is the command."""

from spikefa.cli import main

main()
