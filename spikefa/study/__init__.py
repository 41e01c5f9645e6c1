"""Studies: many runs of one model, over values of its parameters and seeds, on one machine or many."""
