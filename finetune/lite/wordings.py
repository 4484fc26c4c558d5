"""Free wordings of the closed questions, as users type them.

Training draws one of them, or the question's own prompt, so that no fixed sentence is needed.
"""

from collections.abc import Mapping

WORDINGS: Mapping[str, tuple[str, ...]] = {
    "subject": (
        "what is this a picture of?",
        "what can be seen here?",
        "what kind of image is this?",
        "is this one cell, a blood smear or tissue?",
        "what does this picture show?",
    ),
    "modality": (
        "what kind of microscopy is shown?",
        "which microscopy technique was used?",
        "how was this image taken?",
        "what is the imaging method?",
        "which modality?",
    ),
    "stain": (
        "what stain is this?",
        "which staining was used?",
        "how was the sample stained?",
        "what is the stain?",
        "which dye was used?",
    ),
    "cell_type": (
        "what cell is this?",
        "what type of cell is shown?",
        "what is the cell type?",
        "which white blood cell is this?",
        "which leukocyte is this?",
        "identify the cell.",
        "what kind of cell do you see?",
        "classify this cell.",
        "name the cell in the image.",
        "what type of white blood cell is in this image?",
        "which blood cell is shown here?",
    ),
    "cell_size": (
        "how big is the cell?",
        "is the cell big or small?",
        "cell size?",
        "how large is this cell?",
    ),
    "cell_shape": (
        "is the cell round or irregular?",
        "what shape does the cell have?",
        "cell shape?",
        "how is the outline of the cell?",
    ),
    "nucleus_shape": (
        "how is the nucleus shaped?",
        "what does the nucleus look like?",
        "describe the shape of the nucleus.",
        "nucleus shape?",
        "is the nucleus segmented?",
        "what is the nuclear shape?",
        "how many lobes does the nucleus have?",
    ),
    "nuclear_cytoplasmic_ratio": (
        "is the nuclear cytoplasmic ratio low or high?",
        "what is the n/c ratio?",
        "how large is the nucleus compared to the cytoplasm?",
        "what is the nucleus to cytoplasm ratio?",
    ),
    "chromatin_density": (
        "is the chromatin dense or loose?",
        "what does the chromatin look like?",
        "chromatin density?",
        "how is the chromatin?",
        "how condensed is the chromatin?",
    ),
    "cytoplasm_vacuole": (
        "are there vacuoles?",
        "do you see vacuoles in the cytoplasm?",
        "is the cytoplasm vacuolated?",
        "vacuoles present?",
    ),
    "cytoplasm_texture": (
        "is the cytoplasm clear or frosted?",
        "how does the cytoplasm look?",
        "cytoplasm texture?",
    ),
    "cytoplasm_colour": (
        "what color is the cytoplasm?",
        "which colour does the cytoplasm have?",
        "cytoplasm colour?",
        "how is the cytoplasm stained?",
    ),
    "granule_type": (
        "what kind of granules are there?",
        "what do the granules look like?",
        "how are the granules?",
        "granule type?",
        "which granules do you see?",
    ),
    "granule_colour": (
        "what color are the granules?",
        "which colour do the granules have?",
        "granule colour?",
        "how are the granules stained?",
    ),
    "granularity": (
        "does the cell have granules?",
        "are there granules?",
        "is the cell granular?",
        "do you see granules in the cytoplasm?",
    ),
    "red_cell_type": (
        "what kind of red cell is this?",
        "which erythrocyte shape is this?",
        "classify this red blood cell.",
        "what type of red cell is shown?",
        "is this red cell normal?",
    ),
    "common_red_cell": (
        "which red cells are most common?",
        "what kind of red cells are there?",
        "what is the most common red cell shape?",
        "are the red cells normal?",
    ),
    "red_cell_range": (
        "roughly how many red blood cells are there?",
        "about how many red cells do you see?",
    ),
    "white_cell_range": (
        "roughly how many white blood cells are there?",
        "are there white blood cells?",
    ),
    "platelet_range": ("roughly how many platelets are there?", "are there platelets?"),
    "nuclei_range": (
        "roughly how many nuclei are there?",
        "about how many nuclei do you see?",
        "how crowded are the nuclei?",
    ),
    "nuclei_size": (
        "what is the size of the nuclei?",
        "are the nuclei small, medium or large?",
        "how big are the nuclei?",
    ),
    "tissue_type": (
        "what tissue is this?",
        "which tissue is shown?",
        "what kind of tissue do you see?",
        "classify this tissue.",
        "is this tissue normal or cancer?",
    ),
}

COUNT_WORDINGS: Mapping[str, tuple[str, ...]] = {
    "red blood cell": (
        "count the red blood cells.",
        "how many red cells do you see?",
        "number of red blood cells?",
        "how many erythrocytes are in the image?",
    ),
    "white blood cell": (
        "count the white blood cells.",
        "how many white cells do you see?",
        "number of white blood cells?",
        "how many leukocytes are in the image?",
    ),
    "platelet": ("count the platelets.", "how many platelets do you see?", "number of platelets?"),
    "nucleus": (
        "count the nuclei.",
        "how many cell nuclei do you see?",
        "number of nuclei?",
        "how many cells are there?",
    ),
}

# So that ordinary questions are read as words, not as letters.
_ORDINARY = """
a about abnormal after all also an analysis and any appear appearance are area around as at
background based be because been before best between big blood blast body both bright brown but by
can cancer case cases cause cell cells cellular centre center clear clinical cluster colour color
common compare compared condition conditions contain contains could count culture cytoplasm
cytology dark dead describe description diagnosis difference different disease do does dense
density each edge erythrocyte erythrocytes estimate evidence examine example explain field find
finding findings found from give granule granules granulocyte grey group has have healthy help
here how identify image in indicate infected infection inside into is it its kind know large
larger leukemia leukocyte leukocytes light like likely list literature look looks lymphoid malaria
malignant many mark marrow mature mean means measure membrane microscope microscopy mitosis more
morphology most much my name near no normal not nuclear nuclei nucleoli nucleus number object
objects observe of on one only or other out outside parasite part pathology patient patients
pattern peripheral picture please position possible present probably purple quality question rare
ratio really red region related sample say see seen shape shaped shows show sickle signs similar
single size slide small smear some stage stain stained staining structure studies study such
suggest surface tell than that the their them there these they thing this those three tissue to
tumor tumour two type types typical under unusual used view visible was we were what when where
whether which white who why with within would yellow yes you your
"""
ORDINARY_WORDS = tuple(_ORDINARY.split())
