"""Draws cell images whose truth is known exactly, because we placed every cell ourselves.

Blood smears and single blood cells, fluorescent nuclei, stained tissue: enough for a fresh
machine to have something true to search and to show. The drawings follow textbook morphology;
they are not trained on, not measured from patients, and say nothing about a real sample.
Whoever shows one says "simulated".
"""

from tools.simulate.drawn import Box, Drawn
from tools.simulate.library import VARIANTS, Recipe, draw, starter_recipes, starter_set

__all__ = ["VARIANTS", "Box", "Drawn", "Recipe", "draw", "starter_recipes", "starter_set"]
