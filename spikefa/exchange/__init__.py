"""Exchange with other software: activity in Neo, NWB, SONATA and CSV, and weights as safetensors and npz.

A format is one short file of `spikefa.exchange.formats`, whose `formats` lists them. The libraries are extras, imported
when they are used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "activity": ["Activity", "Signal"],
        "formats.neo": ["to_neo"],
        "formats.nwb": ["to_nwb"],
        "trains_in": ["trains_from_neo", "trains_from_nwb"],
        "weights": ["WEIGHT_FILES", "load_weights", "save_weights"],
        "writing": ["write_activity"],
    },
)
