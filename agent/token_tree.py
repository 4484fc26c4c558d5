"""Token sequences as a tree, so that what they have in common is read once.

All closed questions of a description, each with its prompt and every answer it allows, become one
sequence of tokens: those that begin alike share their beginning, and a token sees only what leads
to it. Read behind an image under that mask, it gives what a causal decoder gives for each sequence
alone (the tree attention of Miao et al. 2024, arXiv:2305.09781). It knows no model and no words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Continued(NamedTuple):
    """A prefix and the suffix whose probability is asked; neither is empty."""

    prefix: Sequence[int]
    suffix: Sequence[int]


@dataclass(frozen=True)
class TokenTree:
    """Nodes in an order in which a parent precedes its children."""

    tokens: Tensor  # (nodes,)
    depths: Tensor  # (nodes,), 0 for the first token of a sequence
    sees: Tensor  # (nodes, nodes), True for a node itself and its ancestors
    asked: Tensor  # (asked,), the nodes whose next token is asked
    terms: Tensor  # (3, suffix tokens): place in `asked`, the token that follows, its sequence

    def log_probabilities(self, logits: Tensor) -> Tensor:
        """Of each whole suffix, (n, sequences), from the logits at `asked`, (n, asked, words)."""
        place, token, sequence = self.terms.to(logits.device)
        each = logits[:, place, token] - logits.logsumexp(-1)[:, place]
        return each.new_zeros(len(each), int(sequence.max()) + 1).index_add_(1, sequence, each)


def token_tree(sequences: Sequence[Continued]) -> TokenTree:
    """The tree of the sequences; the last token of a suffix is predicted, never read."""
    nodes: dict[tuple[int, ...], int] = {}  # the tokens that lead to a node: its number
    terms = []
    for number, (prefix, suffix) in enumerate(sequences):
        read = (*prefix, *suffix[:-1])
        path = [nodes.setdefault(read[:end], len(nodes)) for end in range(1, len(read) + 1)]
        following = path[len(prefix) - 1 :]
        terms += [(at, token, number) for at, token in zip(following, suffix, strict=True)]
    asked, places = torch.unique(torch.tensor([term[0] for term in terms]), return_inverse=True)
    return TokenTree(
        tokens=torch.tensor([read[-1] for read in nodes]),
        depths=torch.tensor([len(read) - 1 for read in nodes]),
        sees=_ancestors([nodes.get(read[:-1]) for read in nodes]),
        asked=asked,
        terms=torch.stack([places, *torch.tensor([term[1:] for term in terms]).T]),
    )


def _ancestors(parents: Sequence[int | None]) -> Tensor:
    """(nodes, nodes), True where a row's node is the column's or descends from it."""
    sees = torch.eye(len(parents), dtype=torch.bool)
    for node, parent in enumerate(parents):
        if parent is not None:
            sees[node] |= sees[parent]
    return sees
