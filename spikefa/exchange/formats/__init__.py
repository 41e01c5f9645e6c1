"""Formats of activity, one module each; `spikefa.exchange.writing.formats` lists them."""
