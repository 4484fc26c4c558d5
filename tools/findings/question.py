"""A closed question: the words it is put in, the answers it allows, and where it makes sense.

It knows neither the questions there are (`schema`) nor how an image came to be of a kind.
"""

from dataclasses import dataclass
from typing import Literal

from tools.findings.ontology import CELL_ONTOLOGY

Kind = Literal["cell", "smear", "red_cell", "nuclei", "tissue"]
KINDS: tuple[Kind, ...] = ("cell", "smear", "red_cell", "nuclei", "tissue")

MATURE_LEUKOCYTES = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")


@dataclass(frozen=True)
class Question:
    """A closed question: its wording for the model and the answers it allows, as plain words."""

    name: str
    prompt: str
    options: tuple[str, ...]
    applies_to: tuple[Kind, ...]
    phrases: tuple[str, ...]  # how a description says each option; "" where it stays silent
    taught_by: tuple[str, ...]  # training sets that hold its truth
    unit: str | None = None
    cell_types: tuple[str, ...] = ()  # asked of these cell types only; empty: of all

    def phrase(self, option: str) -> str:
        """The words a description uses for `option`."""
        return self.phrases[self.options.index(option)]

    def ontology_id(self, option: str) -> str | None:
        """The Cell Ontology's id of `option`, where that is a kind of cell it has."""
        return CELL_ONTOLOGY.get(option)

    def applies(self, kind: Kind, cell_type: str | None = None) -> bool:
        """Whether the question makes sense for an image of this kind (and of this cell)."""
        return kind in self.applies_to and (not self.cell_types or cell_type in self.cell_types)
