"""Evidence: its id is its content."""

import pytest
from agent_fakes import case, passage
from pydantic import ValidationError

from tools.evidence import CaseEvidence, DescriptionEvidence, Finding


def test_the_same_passage_has_the_same_id_whatever_its_rank():
    near, far = passage("1", "Nuclei.", 0.9), passage("1", "Nuclei.", 0.2)
    assert near.evidence_id == far.evidence_id
    assert near.evidence_id.startswith("lit-")


def test_another_label_is_other_evidence():
    assert case(1, "neutrophil").evidence_id != case(1, "monocyte").evidence_id


def test_an_id_that_is_not_of_the_content_is_refused():
    told = case(1).model_dump() | {"evidence_id": "case-00000000"}
    with pytest.raises(ValidationError, match="not of this content"):
        CaseEvidence.model_validate(told)


def test_evidence_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        case(1).caption = "another"


def test_a_misspelt_field_is_refused():
    with pytest.raises(ValidationError, match="Extra inputs"):
        Finding.model_validate({"name": "n", "value": "v", "probabilty": 0.5})


def test_a_description_survives_json():
    seen = DescriptionEvidence(
        image_id="img-0", text="a cell", model="m", findings=(Finding(name="n", value="v"),)
    )
    assert DescriptionEvidence.model_validate_json(seen.model_dump_json()) == seen


def test_an_ontology_id_follows_from_the_value_and_changes_no_id():
    def seen(**more: str) -> DescriptionEvidence:
        finding = Finding(name="cell_type", value="neutrophil", probability=0.9, **more)
        return DescriptionEvidence(image_id="img-0", text="t", model="m", findings=(finding,))

    assert seen(ontology_id="CL:0000775").evidence_id == seen().evidence_id
    assert seen().evidence_id == "see-80c3a009"  # as it was stored before there were ids
