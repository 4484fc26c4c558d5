"""Evidence and the tools that find it."""
