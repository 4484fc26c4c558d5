"""Which image comes next: kinds by fixed shares, classes by the square root of their frequency."""

import itertools
import math
import random
from collections import Counter, defaultdict
from collections.abc import Sequence

from finetune.data.example import Example

KIND_SHARES = {"cell": 0.6, "smear": 0.12, "red_cell": 0.12, "nuclei": 0.12, "tissue": 0.04}


class Sampler:
    """Draws examples, with replacement."""

    def __init__(self, examples: Sequence[Example]) -> None:
        pools: dict[str, list[Example]] = defaultdict(list)
        for example in examples:
            pools[example.kind].append(example)
        self.pools = dict(pools)
        self.kinds = list(self.pools)
        self.shares = [KIND_SHARES[kind] for kind in self.kinds]
        self.weights = {kind: self._cumulative(pool) for kind, pool in self.pools.items()}

    @staticmethod
    def _label(example: Example) -> str:
        facts = example.facts
        names = ("cell_type", "red_cell_type", "tissue_type")
        return next((facts[name] for name in names if name in facts), facts["modality"])

    def _cumulative(self, pool: Sequence[Example]) -> list[float]:
        often = Counter((e.source, self._label(e)) for e in pool)
        return list(
            itertools.accumulate(1 / math.sqrt(often[e.source, self._label(e)]) for e in pool)
        )

    def draw(self, rng: random.Random) -> Example:
        kind = rng.choices(self.kinds, self.shares)[0]
        return rng.choices(self.pools[kind], cum_weights=self.weights[kind])[0]
