"""Figures whose intervals resample what their rows come from: crops of one image are alike.

A cluster bootstrap (Davison and Hinkley 1997, section 3.8): a row becomes the list of rows of one
image, patient or slide, and the figure itself stays the same.
"""

from collections.abc import Sequence

import numpy as np

from eval.descriptions import Formula, Metric, Row, Sums


def clustered(metric: Metric[Row]) -> Metric[Sequence[Row]]:
    """The metric over groups of rows, none of them empty."""

    def terms(groups: Sequence[Sequence[Row]]) -> tuple[Sums, Formula]:
        added, formula = metric.terms([row for group in groups for row in group])
        starts = np.cumsum([0, *(len(group) for group in groups)])[:-1]
        return np.add.reduceat(added, starts), formula

    return Metric(terms)
