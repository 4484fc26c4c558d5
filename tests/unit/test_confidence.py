"""How sure an answer may be: in words, by what is seen, similar cases and the literature."""

import json
import shutil
from pathlib import Path

import pytest
from agent_fakes import CASES, PASSAGES, WordEncoder, case, passage

from agent.calibration import (
    CONFIDENCE,
    ImageCalibration,
    LiteratureCalibration,
    load_calibration,
)
from agent.confidence import (
    Certainty,
    agreeing,
    in_numbers,
    in_words,
    of_image,
    of_literature,
    together,
)
from agent.material import Material
from agent.settings import LITE_CHECKPOINT
from agent.synthesis import Synthesis
from agent.turn import GroundedAnswer, Plan, ToolResult
from tools.errors import BadInputError
from tools.evidence import DescriptionEvidence, Finding

CHANCES = [p / 100 for p in range(50, 101)]
SHARES = [n / 6 for n in range(7)]


@pytest.fixture(scope="module")
def lite() -> ImageCalibration:
    found = load_calibration(Path(LITE_CHECKPOINT))
    assert found is not None
    return found


def sees(value="neutrophil", probability=0.93, name="cell_type") -> Finding:
    return Finding(name=name, value=value, probability=probability)


def asked(*results: ToolResult, calibration=None, rewriter=None, question="What is it?"):
    tools = tuple(dict.fromkeys(r.tool for r in results))
    plan = Plan(tools=tools, reason="r", confidence=1, decided_by="rules")
    synthesis = Synthesis(WordEncoder(), rewriter, calibration)
    material = Material(question, "neutrophil nucleus", plan, results)
    return synthesis.answer(material, list(synthesis.parts(material)))


def described(*findings: Finding, **more) -> ToolResult:
    seen = DescriptionEvidence(image_id="img-0", text="a cell", findings=findings, model="m")
    return ToolResult(tool="describe_image", evidence=(seen,), image_id="img-0", latency_ms=1)


def found(tool, *evidence, image_id=None) -> ToolResult:
    return ToolResult(tool=tool, evidence=evidence, image_id=image_id, latency_ms=1)


def judged(*supports) -> list:
    return [p.model_copy(update={"support": s}) for p, s in zip(PASSAGES, supports, strict=False)]


@pytest.mark.parametrize(
    ("probability", "word"),
    [
        (0.999, "virtually certain"), (0.99, "virtually certain"), (0.98, "very likely"),
        (0.9, "very likely"), (0.89, "likely"), (0.66, "likely"),
        (0.65, "about as likely as not"), (0.33, "about as likely as not"), (0.32, "unlikely"),
        (0.1, "unlikely"), (0.09, "very unlikely"), (0.0, "very unlikely"),
    ],
)  # fmt: skip
def test_the_words_are_the_ipccs(probability, word):
    assert in_words(probability) == word


def test_the_word_fits_the_number_that_is_shown():
    assert (in_words(0.896), in_numbers(0.896)) == ("very likely", "90%")
    assert in_numbers(0.999) == ">99%" and in_numbers(0.001) == "<1%"


def test_the_surer_the_model_and_the_more_cases_agree_the_surer_the_answer(lite):
    for share in (None, *SHARES):
        told = [lite.of_seen("cell_type", p, share) for p in CHANCES]
        assert told == sorted(told) and 0 < told[0] < told[-1] < 1
    for p in CHANCES:
        told = [lite.of_seen("cell_type", p, share) for share in SHARES]
        assert told == sorted(told)
    votes = [lite.of_cases("cell_type", share) for share in SHARES]
    assert votes == sorted(votes)
    literature = LiteratureCalibration.shipped()
    supports = [literature.of_support(p) for p in CHANCES]
    assert supports == sorted(supports)


def test_a_contradiction_lowers_what_is_seen_below_what_it_is_alone(lite):
    against = [case(n, "monocyte") for n in range(6)]
    for probability in (0.6, 0.8, 0.95):
        seen = sees(probability=probability)
        alone = of_image(lite, seen, [], "the image").probability
        assert of_image(lite, seen, against, "the image").probability < alone


def test_an_answer_that_cases_contradict_is_less_sure_and_one_that_they_bear_out_surer(lite):
    def sure(*cases):
        found_by = found("image_search", *cases, image_id="img-0")
        return asked(described(sees()), found_by, calibration=lite).confidence

    alone = asked(described(sees()), calibration=lite).confidence
    assert sure(*(case(n, "monocyte") for n in range(6))) < alone
    assert sure(*(case(n) for n in range(6))) > alone


def test_no_claim_is_surer_than_its_examples_allow(lite):
    assert lite.of_seen("cell_type", 1.0, 1.0) <= 1 - 1 / (lite.images["cell_type"] + 2)


def test_simulated_cases_may_lower_it_and_do_not_raise_it(lite):
    seen, drawn = sees(probability=0.6), [case(n, simulated=True) for n in range(6)]
    against = [case(n, "monocyte", simulated=True) for n in range(6)]
    alone = of_image(lite, seen, [], "it").probability
    assert of_image(lite, seen, drawn, "it").probability <= alone
    assert of_image(lite, seen, against, "it").probability < alone


def test_cases_without_that_label_say_nothing_of_it():
    assert agreeing(CASES, "tissue_type", "stroma") is None
    assert agreeing(CASES, "cell_type", "Neutrophil") == pytest.approx(2 / 3)


def test_the_whole_is_less_sure_than_each_of_its_parts():
    image, literature = Certainty("a", 0.9, "x"), Certainty("b", 0.8, "y")
    whole = together([image, literature])
    assert whole.probability == pytest.approx(0.72)
    assert whole.explained.startswith("The probability that a and that b. Calibrated on x; y")
    assert together([image]).probability == 0.9


def test_one_part_that_nobody_measured_leaves_the_whole_without_a_number(lite):
    other = of_image(lite, sees("stroma", name="tissue_type"), [], "the image")
    whole = together([Certainty("a", 0.9, "x"), other])
    assert whole.probability is None and "tissue type" in whole.explained
    assert together([]).probability is None


def test_a_gap_does_not_lower_the_confidence_of_what_is_answered(lite):
    sure = asked(described(sees()), calibration=lite)
    with_gap = asked(described(sees()), found("literature_search"), calibration=lite)
    assert with_gap.confidence == sure.confidence and sure.likelihood == in_words(sure.confidence)


def test_an_answer_that_claims_nothing_has_no_confidence(lite):
    said = asked(found("literature_search"), calibration=lite)
    assert (said.confidence, said.likelihood, said.sureness) == (0.0, None, "")


def test_a_model_without_a_calibration_is_not_given_a_number():
    said = asked(described(sees()))
    assert said.confidence is None and said.sureness == "not calibrated"
    assert "this model" in said.confidence_explained


def test_a_free_answer_has_no_number(lite):
    said = asked(
        described(sees(), Finding(name="answer", value="blue", probability=0.9)),
        calibration=lite,
    )
    assert 'answers "blue"' in said.text and said.confidence is None


def test_similar_cases_count_by_themselves_where_nobody_looked(lite):
    alone = asked(found("image_search", *CASES, image_id="img-0"), calibration=lite)
    assert alone.confidence == lite.of_cases("cell_type", 2 / 3)
    assert "most similar cases" in alone.confidence_explained


def test_image_and_literature_are_multiplied(lite):
    image = asked(described(sees()), calibration=lite)
    papers = asked(found("literature_search", *judged(0.9, 0.7)), calibration=lite)
    both = asked(described(sees()), found("literature_search", *judged(0.9, 0.7)), calibration=lite)
    assert both.confidence == pytest.approx(image.confidence * papers.confidence)
    assert "first passage cited answers" in both.confidence_explained


def test_a_passage_that_nobody_judged_has_no_number():
    fitted = LiteratureCalibration.shipped()
    assert of_literature(fitted, passage("1", "x"), False).probability is None


def test_how_a_text_model_words_it_is_said_not_to_be_counted():
    (first,) = judged(0.9)
    told = of_literature(LiteratureCalibration.shipped(), first, True)
    assert "not that the text model words it well" in told.claim


def test_an_older_record_loads_and_its_number_is_not_shown():
    old = {
        "sentences": [{"text": "A cell.", "evidence_ids": ["see-1"]}],
        "status": "grounded", "confidence": 0.56, "model": "extractive",
    }  # fmt: skip
    answer = GroundedAnswer.model_validate_json(json.dumps(old))
    assert answer.confidence == 0.56 and answer.sureness == "not calibrated"
    assert GroundedAnswer.model_validate_json(answer.model_dump_json()) == answer


def test_other_weights_have_no_calibration_and_a_damaged_file_is_named(tmp_path, lite):
    file = tmp_path / CONFIDENCE
    shutil.copy(Path(LITE_CHECKPOINT) / CONFIDENCE, file)
    (tmp_path / "model.safetensors").write_bytes(b"others")
    assert load_calibration(tmp_path) is None
    file.write_text("{}")
    with pytest.raises(BadInputError, match="no calibration"):
        load_calibration(tmp_path)
