"""Search for the prompt that a checkpoint answers best, within a budget."""
