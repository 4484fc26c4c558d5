"""Numbered SQL files, applied in order by `tools.store`."""
