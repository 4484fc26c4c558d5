"""Sub-commands of `cytoscribe` that train and compare."""
