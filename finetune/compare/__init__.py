"""Compare checkpoints and ways to adapt them, on frozen splits, with controls."""
