"""Free wordings of the closed questions, as users type them.

Training draws one of them, or the question's own prompt, so that no fixed sentence is needed. They
are written as patterns in wordings.toml; each is met plain, some also inside small talk or with a
slip of the fingers. The questions that measure the model (eval/data/questions) are worded
otherwise.
"""

import random
import re
import tomllib
from collections.abc import Iterator, Mapping
from itertools import cycle
from pathlib import Path

from tools.findings import Question

_PATTERNS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
OPENINGS = tuple(_PATTERNS["small_talk"].splitlines())
FRAMES = tuple(_PATTERNS["frames"].splitlines())

# `{}` takes a phrase of the question, with its article where it needs one; the answer is yes or no.
CONFIRM_FORMS = (
    "is this {}?",
    "is it {}?",
    "is that {}?",
    "do you see {}?",
    "do we see {} here?",
    "does it show {}?",
    "does the image show {}?",
    "does this picture show {}?",
    "is there {}?",
    "is there {} in the image?",
    "can you see {}?",
    "can {} be seen?",
    "am i right that this is {}?",
    "i think this is {}. right?",
    "this is {}, is it not?",
    "it is {}, correct?",
    "{}, yes or no?",
    "{}?",
    "{}, right?",
    "{} or not?",
    "do you think it is {}?",
    "is it true that it shows {}?",
    "is what we see {}?",
    "would it be {}?",
    "are we looking at {}?",
    "please confirm: {}.",
    "confirm {}?",
    "true or false: {}?",
    "may it be {}?",
    "might that be {}?",
    "isn't this {}?",
    "does this count as {}?",
    "is {} shown?",
    "is {} what you see?",
)

# The same with the bare option, where its phrase would read stiffly.
CONFIRM_OPTION_FORMS: Mapping[str, tuple[str, ...]] = {
    "cell_size": (
        "is the cell {}?",
        "is it a {} cell?",
        "does the cell look {}?",
        "is this a {} one?",
        "is the whole cell {}?",
        "is this leukocyte {}?",
    ),
    "cell_shape": (
        "is the cell {}?",
        "is the outline {}?",
        "does the cell have a {} shape?",
        "is the cell {} in outline?",
        "is the border of the cell {}?",
        "does this cell look {}?",
    ),
    "nucleus_shape": (
        "is the nucleus {}?",
        "does the nucleus look {}?",
        "is it a {} nucleus?",
        "does it have a {} nucleus?",
        "do you see a {} nucleus?",
        "is the shape of the nucleus {}?",
        "nucleus {}?",
        "the nucleus is {}, right?",
    ),
    "nuclear_cytoplasmic_ratio": (
        "is the n:c ratio {}?",
        "is the n/c ratio {}?",
        "does the cell have a {} n:c ratio?",
        "is the nuclear cytoplasmic ratio {}?",
        "{} n/c ratio?",
    ),
    "chromatin_density": (
        "is the chromatin {}?",
        "does the nucleus have {} chromatin?",
        "does the chromatin look {}?",
        "is the chromatin packed in a {} way?",
        "chromatin {}?",
    ),
    "cytoplasm_texture": (
        "is the cytoplasm {}?",
        "does the cytoplasm look {}?",
        "is it a {} cytoplasm?",
        "is there a {} texture?",
        "does the texture seem {}?",
    ),
    "cytoplasm_colour": (
        "is the cytoplasm {}?",
        "does the cytoplasm look {}?",
        "is the cytoplasm stained {}?",
        "is its cytoplasm {} in color?",
        "is {} the colour of the cytoplasm?",
    ),
    "granule_type": (
        "are the granules {}?",
        "do the granules look {}?",
        "are they {} granules?",
        "does it have {} granules?",
    ),
    "granule_colour": (
        "are the granules {}?",
        "do the granules look {}?",
        "are the granules stained {}?",
        "does it have {} granules?",
        "is the granulation {}?",
    ),
    "nuclei_size": (
        "are the nuclei {}?",
        "do the nuclei look {}?",
        "are these {} nuclei?",
        "are the nuclei of {} size?",
    ),
}


def _expand(pattern: str) -> Iterator[str]:
    """Every reading of a pattern: "(a|b) c" is "a c" and "b c"."""
    choice = re.search(r"\(([^()]*)\)", pattern)
    if choice is None:
        yield re.sub(r" (?=[?.,]|$)", "", " ".join(pattern.split()))
        return
    for part in choice[1].split("|"):
        yield from _expand(pattern[: choice.start()] + part + pattern[choice.end() :])


def _slip(words: str, rng: random.Random) -> str:
    """A letter left out, doubled, or swapped with the next one."""
    at = rng.choice([i for i in range(1, len(words) - 1) if words[i - 1 : i + 2].isalpha()])
    left, rest = words[:at], words[at + 1 :]
    return rng.choice(
        (left + rest, left + words[at] * 2 + rest, left + rest[0] + words[at] + rest[1:])
    )


def _lines(patterns: str) -> list[str]:
    return list(dict.fromkeys(w for line in patterns.splitlines() if line for w in _expand(line)))


def _framed(topics: str) -> list[str]:
    """Every topic in a tenth of the frames or more, and every frame with a topic or more."""
    named = _lines(topics)
    times = max(len(FRAMES), 5 * len(named))
    return [FRAMES[i % len(FRAMES)].format(named[i % len(named)]) for i in range(times)]


def _written(patterns: str, topics: str = "") -> tuple[str, ...]:
    """Each wording plain, every second one also in small talk, every twelfth also with a slip."""
    rng, openings = random.Random(0), cycle(OPENINGS)
    plain = list(dict.fromkeys([*_lines(patterns), *(_framed(topics) if topics else ())]))
    spoken = [next(openings).format(words) for words in plain[::2]]
    return (*plain, *spoken, *(_slip(words, rng) for words in plain[::12]))


WORDINGS: Mapping[str, tuple[str, ...]] = {
    name: _written(patterns, _PATTERNS["topics"][name])
    for name, patterns in _PATTERNS["closed"].items()
}
COUNT_WORDINGS: Mapping[str, tuple[str, ...]] = {
    name: _written(patterns) for name, patterns in _PATTERNS["count"].items()
}


def confirming(question: Question, option: str, rng: random.Random) -> str:
    """A question whose answer is yes where `option` is true of the image: "is this a monocyte?"."""
    forms = CONFIRM_OPTION_FORMS.get(question.name, ())
    if forms and option != "none" and rng.random() < 0.6:
        return rng.choice(forms).format(option)
    words = question.phrase(option) or f"{option} granules"
    if question.name in ("subject", "cell_type", "red_cell_type") and option != "cell nuclei":
        words = ("an " if words[0] in "aeiou" else "a ") + words
    return rng.choice(CONFIRM_FORMS).format(words)


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
actually agree almost although amount anything appears ask assume atypical believe bit bottom bubble
bubbles call called care characterise classify coarse compact composed concerned condensed confirm
consistent contour count curious decide deep define despite determine dim doctor dye dyed easily
edges enough entire especially estimate exam exactly expect eye faint feature features few fill
filled fine fits follow form full fuzzy general glance granular granulated grey guess guys hardly
haematologist hematologist hint holes hope however inner instead instrument interested judge just
kindly label lab learning left less letter lobe lobed lobes look looking lot magnification main
mainly majority make matter maybe mature method mind mostly nearly necessary need never note
nothing notice now obvious often once opinion order others outer outline overall own pale panel
particular pathologist perhaps photo photograph pick pink plenty point prepare present pretty
prof professor proportion quick quite rather read reading recognise regarding relatively report
right rim roughly round rule second seems share should slightly smooth someone something sort
specific specimen spot stains still student stuff supposed sure suspect take tell term textbook
thanks think tint tone top towards trying turn uncertain upper useful versus vs want way well
wonder wondering word words work would wrong
"""
ORDINARY_WORDS = tuple(_ORDINARY.split()) * 4  # often enough to be pieces of their own
