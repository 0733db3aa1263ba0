"""Which kinds of models are there? One folder each, whose `FAMILY` says all that the rest needs to know of it."""
