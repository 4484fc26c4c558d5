"""Free questions: the file, what counts as right, the controls and the command."""

import json
import re
from collections import Counter, defaultdict
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from agent.settings import load_settings
from eval import questions as free
from eval.questions import Asked, is_right, normalised
from finetune.lite import wordings
from tools.errors import BadInputError
from tools.findings import BY_NAME, COUNTS, QUESTIONS
from tools.protocols import Generated, ImageFeatures

SHIPPED = free.read_questions(free.FREE_QUESTIONS)


def asked(accepts=("neutrophil",), about="cell_type", **fields):
    row = {"id": "q", "dataset": "d", "image": "d/a.png", "question": "which?"} | fields
    return Asked(**row, accepts=tuple(accepts), about=about)


class Model:
    """Says what it is told to: by the mean grey of the image and the question."""

    name, embedding_dim = "fake", 1

    def __init__(self, says) -> None:
        self.says = says

    def look(self, images):
        return ImageFeatures([int(np.asarray(image).mean()) for image in images], len(images))

    def answer(self, features, question):
        return [Generated(self.says(grey, question), 1.0) for grey in features.tower]


@pytest.mark.parametrize(
    ("answer", "normal"),
    [
        ("Neutrophil.", "neutrophil"),
        ("  The H&E   stain!", "h and e stain"),
        ("an eosinophil", "eosinophil"),
        ("Purple-blue", "purple blue"),
        ("", ""),
    ],
)
def test_case_punctuation_and_articles_do_not_count(answer, normal):
    assert normalised(answer) == normal


@pytest.mark.parametrize(
    ("answer", "accepts", "about", "right"),
    [
        ("Neutrophil", ["neutrophil"], "cell_type", True),
        ("It is a neutrophil.", ["neutrophil"], "cell_type", True),
        ("a neutrophil or an eosinophil", ["neutrophil"], "cell_type", False),
        ("neutrophils", ["neutrophil"], "cell_type", False),
        ("not applicable", ["neutrophil"], "cell_type", False),
        ("", ["neutrophil"], "cell_type", False),
        ("light blue cytoplasm", ["light blue"], "cytoplasm_colour", True),
        ("light blue cytoplasm", ["blue"], "cytoplasm_colour", False),
        ("blue", ["light blue"], "cytoplasm_colour", False),
        ("purple blue", ["blue"], "cytoplasm_colour", False),
        ("single red blood cell", ["single blood cell"], "subject", False),
        ("13", ["11 to 15", "11", "12", "13"], "red_cell_range", True),
        ("16 to 20", ["11 to 15", "11", "12", "13"], "red_cell_range", False),
        ("Yes, it is.", ["yes"], "cell_type", True),
        ("no", ["yes"], "cell_type", False),
        ("yes", ["no"], "cytoplasm_vacuole", False),
        ("one or two", ["yes", "one or two"], "white_cell_range", True),
        ("eosinophil", ["yes"], "cell_type", False),
    ],
)
def test_an_answer_is_right_if_it_names_an_accepted_one_and_no_other(answer, accepts, about, right):
    assert is_right(answer, asked(accepts, about)) is right


def test_the_file_holds_150_questions_that_differ():
    assert len(SHIPPED) == 150
    assert len({row.id for row in SHIPPED}) == 150
    assert len({normalised(row.question) for row in SHIPPED}) == 150
    assert all(row.question.strip() and not Path(row.image).is_absolute() for row in SHIPPED)


def test_accepted_answers_are_lower_case_and_right_themselves():
    for row in SHIPPED:
        assert row.accepts
        assert all(words == words.lower() for words in row.accepts)
        assert all(is_right(words, row) for words in row.accepts), row


def test_yes_and_no_are_balanced_and_no_constant_answer_is_good():
    answers = Counter(row.accepts[0] for row in SHIPPED)
    assert answers["yes"] == answers["no"]
    assert max(answers.values()) <= 0.2 * len(SHIPPED)


def test_every_cell_type_and_most_findings_are_asked_about():
    types = {row.accepts[0] for row in SHIPPED if row.about == "cell_type"} - {"yes", "no"}
    assert types == set(BY_NAME["cell_type"].options)
    assert {row.about for row in SHIPPED} >= {
        q.name for q in QUESTIONS if q.applies_to == ("cell",)
    }


def trained() -> set[str]:
    """Every wording that training may meet, yes/no questions filled with every phrase."""
    found = {*COUNTS.values(), *(question.prompt for question in QUESTIONS)}
    found |= set(chain(*wordings.WORDINGS.values(), *wordings.COUNT_WORDINGS.values()))
    for question in QUESTIONS:
        for option, phrase in zip(question.options, question.phrases, strict=True):
            words = phrase or f"{option} granules"
            filled = (words, f"a {words}", f"an {words}")
            found |= {form.format(w) for form in wordings.CONFIRM_FORMS for w in filled}
            forms = wordings.CONFIRM_OPTION_FORMS.get(question.name, ())
            found |= {form.format(option) for form in forms}
    return found


def trigrams(words: str) -> set[tuple[str, ...]]:
    parts = re.findall(r"[a-z0-9]+", words.lower())
    return {tuple(parts[i : i + 3]) for i in range(len(parts) - 2)}


def test_no_question_is_worded_as_in_training():
    known = trained()
    plain, holders = {normalised(words) for words in known}, defaultdict(list)
    for words in known:
        for three in trigrams(words):
            holders[three].append(words)
    for row in SHIPPED:
        assert normalised(row.question) not in plain, row.question
        own = trigrams(row.question)
        shared = Counter(chain.from_iterable(holders.get(three, ()) for three in own))
        assert max(shared.values(), default=0) < max(1, 0.5 * len(own)), row.question


def test_no_wording_of_training_asks_two_things():
    asked_about = Counter(
        words
        for several in (*wordings.WORDINGS.values(), *wordings.COUNT_WORDINGS.values())
        for words in set(several)
    )
    assert max(asked_about.values()) == 1


@pytest.mark.shared
def test_every_image_is_held_out(shared_data):
    from finetune.data.example import Example
    from finetune.data.pbc_wbcatt import read_attributes
    from finetune.data.splits import side_of

    root = shared_data / "pbc_wbcatt"
    val, train = (set(read_attributes(root / f"pbc_attr_v1_{s}.csv")) for s in ("val", "train"))
    grey = np.zeros((1, 1, 3), np.uint8)
    for row in SHIPPED:
        path = shared_data / row.image
        assert path.is_file()
        assert path.name not in train
        facts = {"nucleus_shape": ""} if path.name in val else {}
        block = f"block{int(path.stem) // 20}" if row.dataset == "chula_rbc12" else path.stem
        example = Example(path.name, grey, "cell", facts, row.dataset, "", block)
        assert side_of(example) == "test", row


@pytest.fixture
def folder(tmp_path):
    """Two images, dark and light, and a question about each."""
    for name, grey in (("dark", 40), ("light", 220)):
        (tmp_path / "set").mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (grey, grey, grey)).save(tmp_path / "set" / f"{name}.png")
    return tmp_path


ROWS = (
    asked(["big"], "cell_size", image="set/light.png", question="size?"),
    asked(["small"], "cell_size", image="set/dark.png", question="SIZE?"),
    asked(["yes"], "cytoplasm_vacuole", image="set/light.png", question="holes?"),
)


def looking(grey, question):
    if "size" not in question.lower():
        return "yes" if grey > 200 else "no"
    return {40: "small", 220: "big"}.get(grey, "unclear")


def answers(folder, says):
    images = free.open_images(ROWS, folder, load_settings())
    return free.ask(Model(says), ROWS, images)


def test_a_model_that_looks_and_reads_beats_every_control(folder):
    figures = free.report(answers(folder, looking), "fake")
    assert figures["accuracy"] == 1.0
    controls = figures["controls"]
    assert controls["blank_image"]["accuracy"] == 0.0
    assert controls["wrong_question"]["gain"] == 1.0
    assert controls["shuffled_image"]["accuracy"] == 0.0
    assert figures["by_finding"]["cell_size"]["questions"] == 2


def test_a_model_that_never_looks_gains_nothing_over_a_blank_image(folder):
    figures = free.report(answers(folder, lambda grey, question: "big"), "fake")
    assert figures["accuracy"] == pytest.approx(1 / 3)
    assert figures["controls"]["blank_image"]["gain"] == 0.0


def test_a_wrong_question_is_about_something_else():
    by_words = {row.question: row.about for row in SHIPPED}
    for row, question in zip(SHIPPED, free.wrong_questions(SHIPPED), strict=True):
        assert by_words[question] != row.about


def test_a_shuffled_image_is_another_one():
    for row, other in zip(SHIPPED, free.other_images(SHIPPED), strict=True):
        assert (SHIPPED[other].image, SHIPPED[other].box) != (row.image, row.box)


def test_a_missing_image_is_named(folder):
    row = asked(image="set/gone.png", id="q7")
    with pytest.raises(BadInputError, match=r"set/gone\.png does not exist \(question q7\)"):
        free.open_images([row], folder, load_settings())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1 is not a question"),
        ("[]", "line 1 is not a question"),
        ('{"id": "q1", "accepts": ["yes"]}', "line 1 is not a question"),
        (
            '{"id": "q", "dataset": "d", "image": "i", "question": "?", "accepts": ["yes"],'
            ' "about": "mood"}',
            "'mood'",
        ),
        ("", "holds no question"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    path = tmp_path / "bad.jsonl"
    path.write_text(line)
    with pytest.raises(BadInputError, match=re.escape(message)):
        free.read_questions(path)


def test_the_command_prints_json_of_the_configured_model(folder, tiny_paligemma_dir, monkeypatch):
    monkeypatch.setenv("CYTOSCRIBE_MODEL", str(tiny_paligemma_dir))
    monkeypatch.setenv("CYTOSCRIBE_MAX_NEW_TOKENS", "2")
    path = folder / "mine.jsonl"
    fields = ("id", "dataset", "image", "question", "accepts", "about")
    rows = [{name: getattr(row, name) for name in fields} for row in ROWS]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    done = CliRunner().invoke(
        free.questions, ["--data", str(folder), "--file", str(path), "--json"]
    )
    figures = json.loads(done.stdout)
    assert figures["questions"] == 3
    assert set(figures["controls"]) == {"blank_image", "wrong_question", "shuffled_image"}
    assert [len(answer["said"]) for answer in figures["answers"]] == [4, 4, 4]
