"""What a question takes for granted of an image, and what is seen."""

import pytest
from agent_fakes import WordEncoder

from agent.material import Material
from agent.premise import corrected, unseen
from agent.synthesis import Synthesis
from agent.turn import Plan, ToolResult
from tools.evidence import DescriptionEvidence, Finding
from tools.findings.cells_named import cells_named


def seen(**found: str) -> DescriptionEvidence:
    findings = tuple(Finding(name=n, value=v, probability=0.9) for n, v in found.items())
    return DescriptionEvidence(image_id="img-0", text="t", findings=findings, model="m")


NEUTROPHIL = seen(subject="single blood cell", cell_type="neutrophil", nucleus_shape="multilobed")


def told(question: str, evidence: DescriptionEvidence, **more: str) -> str:
    plan = Plan(tools=("describe_image",), reason="r", confidence=1, decided_by="rules")
    result = ToolResult(tool="describe_image", evidence=(evidence,), latency_ms=1)
    synthesis = Synthesis(WordEncoder())
    material = Material(question, question, plan, (result,), **more)
    return synthesis.answer(material, list(synthesis.parts(material))).text


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("Why is this eosinophil a basophil?", ("eosinophil", "basophil")),
        ("Are these macrophages or plasma cells?", ("macrophage", "plasma cell")),
        ("Is this PMN a thrombocyte?", ("neutrophil", "platelet")),
        ("an immature granulocyte", ("immature granulocyte",)),
        ("Which leukocyte is this white blood cell?", ()),
        ("What cell is this, and what do similar cells look like?", ()),
        ("a target cell", ("target cell",)),
    ],
)
def test_kinds_of_cell_are_found_in_words_and_words_for_many_kinds_are_none(words, kinds):
    assert cells_named(words) == kinds


def test_a_false_premise_is_denied_and_the_kind_that_is_seen_is_said():
    said = told("Why is this eosinophil a basophil?", NEUTROPHIL)
    assert "sees a neutrophil" in said
    assert "speaks of an eosinophil and a basophil; that is not what the model sees" in said


def test_a_question_that_names_what_is_seen_is_not_corrected():
    assert corrected("Is this neutrophil mature?", NEUTROPHIL) == []
    assert "speaks of" not in told("What cell is this?", NEUTROPHIL)


def test_an_attribute_stated_otherwise_than_it_was_found_is_denied():
    assert unseen("Why has it a round nucleus?", NEUTROPHIL) == ("nucleus shape round",)
    assert unseen("Why has it no vacuoles?", NEUTROPHIL) == ()  # nothing was found of them


def test_what_only_the_literature_is_asked_about_is_no_premise():
    question = "What cell is this, and are there papers on basophils in asthma?"
    words = "are there papers on basophils in asthma?"
    assert "speaks of a basophil" not in told(question, NEUTROPHIL, literature_words=words)
    assert "speaks of a basophil" in told(question, NEUTROPHIL)


def test_what_is_counted_in_a_field_is_not_denied():
    field = seen(subject="blood smear field", platelet_range="one or two")
    assert corrected("Are there platelets?", field) == []
    assert corrected("Are there platelets?", seen(subject="blood smear field", platelet_range="no"))


def test_where_no_kind_is_sure_the_premise_is_a_gap():
    (sentence,) = corrected("Describe the basophil.", seen(subject="blood smear field"))
    assert sentence.kind == "gap" and not sentence.evidence_ids


@pytest.mark.parametrize(
    ("question", "own"),
    [("Is this basophil round?", "round"), ("Is it round?", "a basophil"), ("Is it?", "basophils")],
)
def test_the_models_own_answer_is_left_out_where_the_question_led_it_or_a_finding_differs(
    question, own
):
    answered = seen(answer=own, cell_type="neutrophil")
    assert "Asked this" not in told(question, answered)


def test_the_models_own_answer_stands_otherwise():
    assert 'answers "round"' in told("Is it round?", seen(answer="round", cell_type="neutrophil"))
