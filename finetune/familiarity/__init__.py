"""Teach a checkpoint which images it does not know: what is drawn, damaged, photographed for it.

The images here are for training alone. Those that a detector is measured by are drawn by other
code (`eval/trust`), so that no family of them was seen before.
"""
