"""The chat page: it renders and asks, nothing else."""
