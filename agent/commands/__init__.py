"""The sub-commands of `cytoscribe`, one module each, found by entry point."""
