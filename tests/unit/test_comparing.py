"""Two images held against each other."""

from agent.comparing import comparison
from agent.material import Material
from agent.turn import Plan, ToolResult
from tools.evidence import DescriptionEvidence, Finding

PLAN = Plan(tools=("describe_image",), reason="r", confidence=1, decided_by="rules")


def described(image_id: str, *findings: Finding) -> ToolResult:
    seen = DescriptionEvidence(image_id=image_id, text="a cell", findings=findings, model="m")
    return ToolResult(tool="describe_image", evidence=(seen,), image_id=image_id, latency_ms=1)


def seen(name: str, value: str, probability: float) -> Finding:
    return Finding(name=name, value=value, probability=probability)


AREA = Finding(name="nuclear_area", value="41", unit="% of cell", origin="measured")
ONE = described("a", seen("cell_type", "neutrophil", 0.9), seen("stain", "Giemsa", 0.8), AREA)
TWO = described("b", seen("stain", "Giemsa", 0.9), seen("cell_type", "monocyte", 0.7))


def text(*results: ToolResult, question: str = "Compare them") -> str:
    part = comparison(Material(question, "", PLAN, results, shown=("a", "x", "b")))
    return " ".join(s.text for s in part.sentences) if part else ""


def test_images_agree_and_differ_by_their_numbers_in_the_session():
    assert text(ONE, TWO) == (
        "Image 1 and image 3 agree in stain Giemsa. Image 1 and image 3 differ in cell type"
        " (image 1: neutrophil (probability 0.90), image 3: monocyte (probability 0.70))."
    )


def test_a_finding_that_one_image_lacks_is_not_compared():
    assert "nuclear area" not in text(ONE, TWO)


def test_both_images_are_cited():
    part = comparison(Material("", "", PLAN, (ONE, TWO), shown=("a", "b")))
    assert part is not None
    ids = {e.evidence_id for result in (ONE, TWO) for e in result.evidence}
    assert all(set(sentence.evidence_ids) == ids for sentence in part.sentences)


def test_an_image_of_no_known_kind_is_compared_with_nothing():
    unknown = DescriptionEvidence(image_id="c", text="no cell", model="m", status="abstained")
    result = ToolResult(tool="describe_image", evidence=(unknown,), image_id="c", latency_ms=1)
    assert not text(ONE, result)
    assert text(ONE, result, TWO) == text(ONE, TWO)


def test_one_image_is_compared_with_nothing():
    assert not text(ONE)
    failed = ToolResult(tool="describe_image", image_id="b", latency_ms=1)
    assert not text(ONE, failed)
