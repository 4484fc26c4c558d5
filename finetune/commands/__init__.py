"""Commands of fine-tuning, registered by the entry points of the package."""
