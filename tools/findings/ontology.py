"""Kinds of cells by their id in the Cell Ontology (Diehl et al., J. Biomed. Semantics 2016).

Only those that name one class of it: "immature granulocyte" covers several stages, and the shapes
of red blood cells are left out.
"""

from collections.abc import Mapping

CELL_ONTOLOGY: Mapping[str, str] = {
    "basophil": "CL:0000767",
    "eosinophil": "CL:0000771",
    "erythroblast": "CL:0000765",
    "lymphocyte": "CL:0000542",
    "monocyte": "CL:0000576",
    "neutrophil": "CL:0000775",
    "platelet": "CL:0000233",
    "red blood cell": "CL:0000232",
    "normal red cell": "CL:0000232",
    "white blood cell": "CL:0000738",
}
