"""Measure what can be segmented in an image: counts, sizes and shapes, with classical methods.

Every number is made from pixels by numpy, scipy and scikit-image (or by a segmenter of the user's
choice); no model of ours is asked. What each number means is in `quantities.py`.
"""

from tools.measure.measuring import Measurement, measure

__all__ = ["Measurement", "measure"]
