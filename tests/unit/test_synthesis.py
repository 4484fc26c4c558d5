"""What is said from which evidence, and what is left unsaid."""

import pytest
from agent_fakes import CASES, PASSAGES, WordEncoder, case, passage

from agent.literature import Rewritten
from agent.material import Material
from agent.synthesis import NOTICE, Synthesis
from agent.text_model import checked_sentences
from agent.turn import GroundedAnswer, Plan, Sentence, ToolError, ToolName, ToolResult
from agent.wording import split_sentences
from tools.evidence import DescriptionEvidence, Evidence, Finding

DOWN = ToolError(kind="StoreUnavailableError", message="connection refused at /tmp/x")


def seen(cell: str = "neutrophil", probability: float = 0.93) -> DescriptionEvidence:
    finding = Finding(name="cell_type", value=cell, probability=probability)
    return DescriptionEvidence(image_id="img-0", text="a cell", findings=(finding,), model="m")


def result(tool: ToolName, *evidence: Evidence, error: ToolError | None = None) -> ToolResult:
    return ToolResult(tool=tool, evidence=evidence, error=error, latency_ms=1)


def answer(*results: ToolResult, question: str = "What is it?", rewriter=None) -> GroundedAnswer:
    tools = tuple(dict.fromkeys(r.tool for r in results))
    plan = Plan(tools=tools, reason="r", confidence=1, decided_by="rules")
    synthesis = Synthesis(WordEncoder(), rewriter)
    material = Material(question, "neutrophil nucleus", plan, results)
    return synthesis.answer(material, list(synthesis.parts(material)))


def test_every_claim_cites_what_was_found_and_the_notice_is_last():
    found = (seen(), *CASES, *PASSAGES)
    said = answer(
        result("describe_image", seen()),
        result("image_search", *CASES),
        result("literature_search", *PASSAGES),
    )
    assert said.status == "grounded" and said.sentences[-1] == NOTICE
    assert said.cited() == {e.evidence_id for e in found}


def test_an_image_claim_gives_its_probability():
    assert "sees a neutrophil (probability 0.93)" in answer(result("describe_image", seen())).text


def test_nothing_sure_enough_is_not_claimed():
    unsure = DescriptionEvidence(image_id="img-0", text="a cell", model="m", probability=0.2)
    said = answer(result("describe_image", unsure))
    assert said.status == "abstained" and "not sure enough" in said.text


def test_cases_are_counted_by_label_and_simulated_ones_are_named():
    said = answer(result("image_search", *CASES[:2], case(3, "monocyte", 0.8, simulated=True)))
    assert "neutrophil (2), monocyte (1) (similarity 0.90 to 0.80)" in said.text
    assert "1 of them simulated" in said.text


def test_a_copy_of_the_users_picture_is_told_and_does_not_vote():
    own = case(4, "monocyte", 1.0, same_picture=True)
    said = answer(result("describe_image", seen()), result("image_search", own, *CASES[:2]))
    assert "This picture is in the library itself, labelled monocyte." in said.text
    assert "The 2 most similar cases are labelled neutrophil (2)" in said.text
    alone = answer(result("image_search", own))
    assert "no further images" in alone.text


def test_cases_that_do_not_resemble_the_image_are_not_used():
    said = answer(result("image_search", case(1, similarity=0.1)))
    assert said.status == "abstained" and "closest: 0.10" in said.text


def test_a_contradiction_between_image_and_cases_is_told():
    cases = result("image_search", *CASES)
    agree = answer(result("describe_image", seen("neutrophil")), cases)
    differ = answer(result("describe_image", seen("monocyte")), cases)
    assert "agree with what the model sees" in agree.text
    assert "contradicts what the model sees (monocyte)" in differ.text


def test_a_quotation_is_the_closest_sentence_word_for_word():
    said = answer(result("literature_search", PASSAGES[0]))
    assert said.sentences[0].text == 'PMID 101: "The neutrophil nucleus has three lobes."'


def test_a_summary_of_ours_is_not_shown_as_a_quotation():
    ours = passage("7", "A neutrophil nucleus has lobes.", quoted=False)
    said = answer(result("literature_search", ours))
    assert said.sentences[0].text.startswith("Our summary of PMID 7: A neutrophil")


def test_a_retracted_passage_supports_nothing():
    bad = passage("9", "Neutrophils have no nucleus.", retracted=True)
    said = answer(result("literature_search", bad))
    assert said.cited() == set() and "PMID 9 was found as well and not used" in said.text


def test_an_irrelevant_passage_is_not_quoted():
    said = answer(result("literature_search", passage("5", "Gardens.", similarity=0.1)))
    assert said.status == "abstained" and "Gardens" not in said.text


def test_a_failed_tool_is_a_stated_gap_beside_the_others():
    said = answer(result("describe_image", seen()), result("literature_search", error=DOWN))
    gap = "The literature could not be searched: the database is not reachable."
    assert Sentence(text=gap, kind="gap") in said.sentences and said.status == "grounded"


def test_an_answer_of_failures_alone_has_failed():
    assert answer(result("literature_search", error=DOWN)).status == "failed"


@pytest.mark.parametrize("question", ["Is this cell malignant?", "Is it leukaemia?"])
def test_no_diagnosis_is_given(question):
    said = answer(result("describe_image", seen()), question=question)
    assert "not asked for a diagnosis" in said.text


def test_a_text_model_writes_the_literature_only():
    class Writer:
        name = "writer"

        def rewrite(self, question, passages):
            said = Sentence(text="Rewritten.", evidence_ids=(passages[0].evidence_id,))
            return Rewritten((said,), dropped=2)

    found = (result("describe_image", seen()), result("literature_search", *PASSAGES))
    said = answer(*found, rewriter=Writer())
    assert "Rewritten." in said.text and "sees a neutrophil" in said.text
    assert said.model == "extractive + writer"
    assert "2 sentences of the text model left out" in said.text


def test_an_encoder_that_dies_before_the_quotation_leaves_the_sources_named():
    class Dead(WordEncoder):
        def encode_queries(self, texts):
            raise RuntimeError("device-side assert")

    plan = Plan(tools=("literature_search",), reason="r", confidence=1, decided_by="rules")
    material = Material("q", "q", plan, (result("literature_search", *PASSAGES),))
    synthesis = Synthesis(Dead())
    said = synthesis.answer(material, list(synthesis.parts(material)))
    assert "cannot be quoted (PMID 101, PMID 102)" in said.text and said.status == "abstained"


def test_a_rewritten_sentence_without_a_valid_citation_is_dropped_and_counted():
    reply = (
        "The neutrophil nucleus has lobes [1]. I think so. A band neutrophil has a nucleus without"
        " lobes. [2] Moreover, cells were stained [7]."
    )
    written = checked_sentences(reply, PASSAGES)
    assert [s.text for s in written.sentences] == [
        "The neutrophil nucleus has lobes (PMID 101).",
        "A band neutrophil has a nucleus without lobes (PMID 102).",
    ]
    assert written.dropped == 2


def test_abbreviations_do_not_end_a_sentence():
    text = "Seen by Smith et al. (Fig. 2) in S. aureus. Then it was gone."
    assert split_sentences(text)[1:] == ["Then it was gone."]


def test_a_closed_finding_goes_before_the_models_free_answer():
    found = tuple(
        Finding(name=name, value=value, probability=0.9)
        for name, value in (("answer", "light blue"), ("granularity", "yes"))
    )
    both = DescriptionEvidence(image_id="img-0", text="", findings=found, model="m")
    about = answer(result("describe_image", both), question="Are there granules?").text
    other = answer(result("describe_image", both), question="Is it round?").text
    assert "light blue" not in about and "granularity yes" in about
    assert 'the model answers "light blue"' in other


def test_what_is_measured_is_said_to_be_measured_and_never_seen():
    measured = Finding(name="red_blood_cell_count", value="17", origin="measured")
    kind = Finding(name="subject", value="blood smear field", probability=0.9)
    beside = "Measured, not seen by the model: 17 red blood cells."
    evidence = DescriptionEvidence(
        image_id="img-0", text="t", findings=(kind, measured), comparison=beside, model="m"
    )
    said = answer(result("describe_image", evidence), question="How many red blood cells?")
    told = next(s for s in said.sentences if "17" in s.text)
    assert told.text == beside and told.evidence_ids == (evidence.evidence_id,)
    assert said.text.count("17") == 1
