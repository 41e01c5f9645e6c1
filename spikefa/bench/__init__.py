"""``spikefa bench``: how fast the network is, against what it cannot be faster than and against others.

One command, one process, one section after another (`spikefa.bench.sections`); inside a section everything that is
compared takes turns (A B A B ...), so that a machine that slows down slows all of it. Medians and quartiles are over
the turns.
"""

import lazy_loader

# The command line asks for the names of the sections without Brian2.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["report", "sections"],
    submod_attrs={"goals": ["GOALS"], "harness": ["Section", "Setting"], "runner": ["chosen", "measure"]},
)
