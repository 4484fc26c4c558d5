"""Training: datasets, prompts, adapters, comparisons."""
