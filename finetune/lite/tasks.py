"""What is asked about one view of an image, and the true answer.

A task is a prompt (built by agent.prompts, as in serving) and a suffix. Texts are made from truth
alone: what is not known of an image is not said.
"""

import random
from collections.abc import Mapping, Sequence

from agent import prompts
from finetune.data.example import Instance
from finetune.lite.wordings import COUNT_WORDINGS, WORDINGS, confirming
from tools.findings import BY_NAME, COUNTS, QUESTIONS, RANGES, Kind, Question, count_range

Task = tuple[str, str]  # prompt, suffix
NOT_APPLICABLE = "not applicable"
MOST_BOXES = 12
CASES_SHARE = 0.2  # of the images with a telling label that are shown with similar cases
BINS = 128  # positions are told apart to 1/128 of the side; each is a multiple of 8 of 1,024


def view_facts(
    facts: Mapping[str, str], instances: Sequence[Instance], counted: Sequence[str]
) -> dict[str, str]:
    """The facts of a view: those of the image, and counts and sizes of what the view holds.

    Counts are under "count:<thing>".
    """
    known = dict(facts)
    for thing in counted:
        inside = [instance for instance in instances if instance.thing == thing]
        question, option = count_range(thing, len(inside))
        known |= {f"count:{thing}": str(len(inside)), question.name: option}
        if thing == "nucleus" and inside:
            diameter = sum(2 * (i.area / 3.14159) ** 0.5 for i in inside) / len(inside)
            known["nuclei_size"] = (
                "small" if diameter < 0.04 else "medium" if diameter < 0.075 else "large"
            )
    return known


def _article(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


def _number(thing: str, facts: Mapping[str, str]) -> str:
    """How many, as the range that the closed question knows."""
    question, _ = RANGES[thing]
    return question.phrase(facts[question.name])


def _cell(facts: Mapping[str, str], rng: random.Random) -> str:
    cell = _article(facts["cell_type"])
    opening = rng.choice(
        (
            f"A stained blood smear with {cell}, Romanowsky stain.",
            f"{cell[0].upper()}{cell[1:]} in a stained blood smear, Romanowsky stain.",
        )
    )
    if "nucleus_shape" not in facts:
        return opening
    said = {name: BY_NAME[name].phrase(value) for name, value in facts.items() if name in BY_NAME}
    body = (
        f"It is a {said['cell_size']} with {_article(said['cell_shape'])}, "
        f"{_article(said['nucleus_shape'])}, {_article(said['nuclear_cytoplasmic_ratio'])} "
        f"and {said['chromatin_density']}."
    )
    granules = (
        f"It is granular, with {said['granule_type']}, {said['granule_colour']}."
        if said["granule_type"] and said["granule_colour"]
        else f"There are {said['granularity']}."
        if facts["granularity"] == "no"
        else "It is granular."
    )
    cytoplasm = (
        f"The {said['cytoplasm_colour']} has a {said['cytoplasm_texture']} "
        f"and {said['cytoplasm_vacuole']}."
    )
    return " ".join((opening, body, cytoplasm, granules))


def _smear(facts: Mapping[str, str], rng: random.Random) -> str:
    parts = ["A stained blood smear field, Romanowsky stain."]
    counts = [_number(t, facts) for t in ("red blood cell", "white blood cell", "platelet")
              if RANGES[t][0].name in facts]  # fmt: skip
    if counts:
        parts.append(f"There are {', '.join(counts[:-1])} and {counts[-1]}.")
    if "common_red_cell" in facts:
        parts.append(f"It has {BY_NAME['common_red_cell'].phrase(facts['common_red_cell'])}.")
    return " ".join(parts)


def _red_cell(facts: Mapping[str, str], rng: random.Random) -> str:
    cell = _article(facts["red_cell_type"])
    return rng.choice(
        (
            f"A stained blood smear with a single red blood cell: {cell}, Romanowsky stain.",
            f"A single red blood cell, {cell}, in a stained blood smear, Romanowsky stain.",
        )
    )


def _nuclei(facts: Mapping[str, str], rng: random.Random) -> str:
    modality = facts["modality"]
    stain = f", {BY_NAME['stain'].phrase(facts['stain'])}" if "stain" in facts else ""
    size = f"They are {facts['nuclei_size']} nuclei." if "nuclei_size" in facts else ""
    count = _number("nucleus", facts)
    return rng.choice(
        (
            f"An image of cell nuclei by {modality}{stain}. There are {count}. {size}",
            f"Cell nuclei, {modality}{stain}: {count}. {size}",
        )
    ).strip()


def _tissue(facts: Mapping[str, str], rng: random.Random) -> str:
    tissue = facts["tissue_type"]
    return rng.choice(
        (
            f"A tissue section, stained histology, hematoxylin and eosin stain: {tissue}.",
            f"Stained histology of {tissue}, a tissue section, hematoxylin and eosin stain.",
        )
    )


_WRITERS = {
    "cell": _cell,
    "smear": _smear,
    "red_cell": _red_cell,
    "nuclei": _nuclei,
    "tissue": _tissue,
}


def describe(kind: Kind, facts: Mapping[str, str], rng: random.Random) -> Task:
    """A description that says every fact known of the view."""
    return prompts.describe(), _WRITERS[kind](facts, rng)


def as_typed(words: str, rng: random.Random) -> str:
    """The wording as somebody may type it: capitalised, or without its mark."""
    if rng.random() < 0.4:
        words = words[0].upper() + words[1:]
    return words.rstrip("?.") if rng.random() < 0.2 else words


def worded(question: Question, rng: random.Random) -> str:
    """The question's own prompt about half of the time, else a free wording."""
    if rng.random() < 0.4:
        return question.prompt
    return as_typed(rng.choice(WORDINGS[question.name]), rng)


def closed(question: Question, facts: Mapping[str, str], rng: random.Random) -> Task:
    return prompts.answer(worded(question, rng)), facts[question.name]


def confirm(question: Question, facts: Mapping[str, str], rng: random.Random) -> Task:
    """ "Is this a neutrophil?", true half of the time."""
    true = facts[question.name]
    asked = true if rng.random() < 0.5 else rng.choice(question.options)
    words = as_typed(confirming(question, asked, rng), rng)
    return prompts.answer(words), "yes" if asked == true else "no"


def similar_cases(question: Question, true: str, rng: random.Random) -> list[str]:
    """Labels as a search may bring them: mostly right, sometimes mixed, sometimes misleading.

    So that the model learns to weigh them against what it sees.
    """
    right = rng.choice((0.95, 0.95, 0.6, 0.2))
    wrong = rng.sample(question.options, 2)
    return [true if rng.random() < right else rng.choice(wrong) for _ in range(rng.randint(1, 5))]


def inapplicable(kind: Kind, rng: random.Random) -> Task:
    """A question about something else than the image shows."""
    question = rng.choice([q for q in QUESTIONS if kind not in q.applies_to])
    return prompts.answer(worded(question, rng)), NOT_APPLICABLE


def count(thing: str, facts: Mapping[str, str], rng: random.Random) -> Task:
    words = (
        COUNTS[thing] if rng.random() < 0.5 else as_typed(rng.choice(COUNT_WORDINGS[thing]), rng)
    )
    return prompts.answer(words), facts[f"count:{thing}"]


def location(box: tuple[float, float, float, float]) -> str:
    """PaliGemma's order: y_min, x_min, y_max, x_max, each <loc0000>..<loc1023>."""
    left, top, right, bottom = box
    bins = [min(BINS - 1, max(0, int(v * BINS))) for v in (top, left, bottom, right)]
    return "".join(f"<loc{b * 8 + 4:04d}>" for b in bins)


def detect(thing: str, instances: Sequence[Instance]) -> Task | None:
    """Every box of `thing`, top to bottom; None where there are too many to list."""
    found = sorted((i for i in instances if i.thing == thing), key=lambda i: (i.box[1], i.box[0]))
    if len(found) > MOST_BOXES:
        return None
    boxes = " ; ".join(f"{location(i.box)} {thing}" for i in found)
    return prompts.detect(thing), boxes or "none"


def captions(
    kind: Kind,
    facts: Mapping[str, str],
    instances: Sequence[Instance],
    counted: Sequence[str],
    number: int,
    rng: random.Random,
) -> list[Task]:
    """What pre-training asks: the description, and boxes of things that are annotated."""
    boxes = [detect(thing, instances) for thing in rng.sample(list(counted), len(counted))]
    return [describe(kind, facts, rng), *filter(None, boxes)][:number]


def tasks(
    kind: Kind,
    facts: Mapping[str, str],
    instances: Sequence[Instance],
    counted: Sequence[str],
    number: int,
    rng: random.Random,
) -> list[Task]:
    """`number` tasks about one view; `facts` come from `view_facts`."""
    known = [BY_NAME[name] for name in facts if name in BY_NAME]
    main = [q for q in known if q.name in ("cell_type", "red_cell_type", "tissue_type")]
    drawn: list[Task] = [describe(kind, facts, rng)] if rng.random() < 0.5 else []
    if main and rng.random() < 0.6:
        drawn.append(closed(main[0], facts, rng))
    if main and rng.random() < CASES_SHARE:
        cases = similar_cases(main[0], facts[main[0].name], rng)
        drawn = [(prompts.given_cases(prompt, cases), text) for prompt, text in drawn]
    if counted and rng.random() < 0.25:
        drawn.append(count(rng.choice(list(counted)), facts, rng))
    if counted and rng.random() < 0.25:
        boxes = detect(rng.choice(list(counted)), instances)
        drawn += [boxes] if boxes else []
    rng.shuffle(known)
    for question in known:
        if len(drawn) >= number:
            break
        draw = rng.random()
        if draw < 0.04:
            drawn.append(inapplicable(kind, rng))
        elif draw < 0.24:
            drawn.append(confirm(question, facts, rng))
        else:
            drawn.append(closed(question, facts, rng))
    return drawn[:number]
