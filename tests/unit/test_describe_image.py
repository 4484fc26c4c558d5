"""A description: questions in rounds, and a text that claims no more than the findings."""

from itertools import count

import pytest
from agent_fakes import SureModel

from tools.describe_image import describe_images
from tools.errors import Cancelled
from tools.findings import ATTRIBUTES, BY_NAME

NAMES = {question.prompt: name for name, question in BY_NAME.items()}


class Asking(SureModel):
    """Notes the names of the questions of each call."""

    def score_all(self, features, questions, cancelled=bool):
        self.rounds = [*getattr(self, "rounds", []), [NAMES[prompt] for prompt, _ in questions]]
        if cancelled():
            raise Cancelled("stopped")
        return super().score_all(features, questions)


def described(model, least=0.5, **more):
    return describe_images(["img-1"], model.look([None]), model, least, **more)[0]


def test_a_cell_is_asked_its_type_and_then_its_attributes():
    model = Asking()
    described(model)
    assert model.rounds == [
        ["subject", "modality", "stain"],
        ["cell_type"],
        [question.name for question in ATTRIBUTES],
    ]


def test_a_platelet_is_not_asked_for_attributes():
    model = Asking({"subject": "single blood cell", "cell_type": "platelet"})
    described(model)
    assert model.rounds[-1] == ["cell_type"]


def test_a_smear_is_asked_of_smears_in_one_round():
    model = Asking({"subject": "blood smear field"})
    described(model)
    assert len(model.rounds) == 2 and "nuclei_range" not in model.rounds[1]


def test_what_is_not_sure_is_neither_a_finding_nor_in_the_text():
    sure = described(SureModel())
    assert sure.text == sure.generated_text == "a neutrophil"
    unsure = described(SureModel(), least=0.95)
    assert unsure.findings == () and unsure.generated_text == "a neutrophil"
    assert unsure.text == "Uncertain: cell type."


def test_a_text_that_contradicts_its_finding_is_not_shown():
    said = described(SureModel({"subject": "single blood cell", "cell_type": "monocyte"}))
    assert said.text == "Uncertain: cell type." and said.generated_text == "a neutrophil"


def test_a_cell_is_found_with_its_ontology_id():
    found = {f.name: f.ontology_id for f in described(SureModel()).findings}
    assert found["cell_type"] == "CL:0000775" and found["nucleus_shape"] is None


def test_a_description_is_cancelled_between_rounds():
    asked = count()
    with pytest.raises(Cancelled):
        described(Asking(), cancelled=lambda: next(asked) > 0)
