"""Similar cases weigh on attributes where they agree with what is seen, and never otherwise."""

import json
import shutil

import numpy as np
import pytest
from agent_fakes import ListLibrary, SureModel, WordEncoder, case, png

from agent.case_rule import SIMILAR_CASES, load_case_rule
from agent.settings import LITE_CHECKPOINT, Settings
from agent.toolbox import Toolbox
from agent.wording import beside_cases
from finetune.weighed import measured
from tools.describe_image import Advice, describe_images
from tools.errors import BadInputError, StoreUnavailableError
from tools.evidence import CaseEvidence
from tools.findings import ATTRIBUTES, BY_NAME, CELL_TYPE
from tools.image_features import FeatureCache
from tools.images import ImageFolder
from tools.weighing import CaseRule, Weights

SHAPE = BY_NAME["nucleus_shape"]
RULE = CaseRule(6, 0.05, 0.03, {SHAPE.name: Weights(0.8, 1.0, 1.0)})


def like(n, label="neutrophil", similarity=0.9, shape="band", **more) -> CaseEvidence:
    made = case(n, label, similarity, **more)
    return made.model_copy(update={"labels": {**made.labels, SHAPE.name: shape}})


BANDS = [like(n) for n in range(4)]


def described(cases, model=None):
    model = model or SureModel()
    return describe_images(["img-0"], model.look([None]), model, 0.5, advice=Advice(RULE, [cases]))[
        0
    ]


def found(evidence):
    return {f.name: (f.value, f.probability) for f in evidence.findings}


def test_cases_of_the_type_that_is_seen_move_the_probability_of_an_attribute():
    alone, weighed = described([]), described(BANDS)
    assert found(alone)["nucleus_shape"] == ("multilobed", 0.9)
    value = found(weighed).get("nucleus_shape")
    assert value is None or value[1] < 0.9
    assert weighed.weighed_with == tuple(c.image_id for c in BANDS) and alone.weighed_with == ()


def test_cases_of_another_type_change_nothing():
    wrong = described([like(n, "monocyte") for n in range(6)])
    assert found(wrong) == found(described([])) and wrong.weighed_with == ()


def test_the_cell_type_is_never_changed():
    assert found(described(BANDS))["cell_type"] == ("neutrophil", 0.9)


def test_a_minority_that_agrees_does_not_count():
    mixed = [like(0), like(1), *(like(n, "monocyte") for n in range(2, 6))]
    assert RULE.agreeing(mixed, "neutrophil") == []
    assert len(RULE.agreeing([*mixed[:3], like(7), like(8)], "neutrophil")) == 4


def test_cases_beyond_the_gap_copies_and_simulated_ones_do_not_count():
    cases = [
        like(0, similarity=0.99, same_picture=True), like(1, similarity=0.98, simulated=True),
        like(2, similarity=0.95), like(3, similarity=0.92), like(4, similarity=0.7),
    ]  # fmt: skip
    assert [c.image_id for c in RULE.agreeing(cases, "neutrophil")] == [
        like(2).image_id, like(3).image_id,
    ]  # fmt: skip


def test_pooled_probabilities_sum_to_one_and_lean_to_the_votes():
    flat = np.full(len(SHAPE.options), 1 / len(SHAPE.options))
    pooled = RULE.weighed(flat, SHAPE, BANDS)
    assert pooled.sum() == pytest.approx(1)
    assert SHAPE.options[int(pooled.argmax())] == "band"


def test_without_a_label_or_a_weight_the_scores_stay():
    flat = np.full(2, 0.5)
    question = BY_NAME["cell_size"]
    assert RULE.weighed(flat, question, BANDS) is flat
    bare = [case(n) for n in range(3)]
    scores = np.full(len(SHAPE.options), 1 / 6)
    assert RULE.weighed(scores, SHAPE, bare) is scores


def test_the_shipped_rule_is_of_the_shipped_weights_and_survives_json():
    rule = load_case_rule(LITE_CHECKPOINT)
    assert rule is not None and {q.name for q in ATTRIBUTES} == set(rule.questions)
    assert CaseRule.from_json(json.loads(json.dumps(rule.as_json()))) == rule


def test_a_rule_of_other_weights_is_not_used_and_a_damaged_one_is_named(tmp_path):
    shutil.copy(LITE_CHECKPOINT / SIMILAR_CASES, tmp_path)
    assert load_case_rule(tmp_path) is None
    (tmp_path / SIMILAR_CASES).write_text("{}")
    with pytest.raises(BadInputError, match=SIMILAR_CASES):
        load_case_rule(tmp_path)


def test_cases_are_measured_with_without_and_as_decoys():
    def scores(best):
        return {q.name: np.eye(len(q.options))[0] * 0.4 + 0.6 / len(q.options) for q in best}

    truth = {q.name: q.options[0] for q in (CELL_TYPE, *ATTRIBUTES)} | {SHAPE.name: "round"}
    rounds = [like(n, CELL_TYPE.options[0], shape="round") for n in range(6)]
    decoys = [like(n, "monocyte", 0.5) for n in range(6, 9)]
    rule = CaseRule(6, 0.05, 0.03, {SHAPE.name: Weights(0.5, 2.0, 0.1)})
    rows = [(truth, scores((CELL_TYPE, *ATTRIBUTES)), [*rounds, *decoys])] * 12
    told = measured(rows, rule)
    assert (
        told["with"]["attribute_macro_f1"]["value"]
        == 1.0
        > told["without"]["attribute_macro_f1"]["value"]
    )
    assert told["with"]["weighed"] == 1 and told["nearest_of_other_types"]["weighed"] == 0
    assert told["nearest_of_other_types"]["difference"]["attribute_macro_f1"]["value"] == 0


@pytest.fixture
def toolbox(tmp_path):
    images = ImageFolder(tmp_path, max_pixels=10**6, max_bytes=10**6)
    model, library = SureModel(), ListLibrary(list(BANDS))
    settings = Settings(_env_file=None)
    made = Toolbox(
        settings, library, model, WordEncoder, FeatureCache(model, images), case_rule=RULE
    )
    return made, library, images.put(png()).image_id


async def test_a_turn_weighs_what_is_seen_with_the_library_and_says_so(toolbox):
    box, _, image_id = toolbox
    (seen,) = (await box.describe_image(image_id)).evidence
    assert len(seen.weighed_with) == 4
    assert beside_cases(seen) == " (weighed with 4 similar cases)"


async def test_a_library_that_is_away_leaves_the_description_as_it_is(toolbox):
    box, library, image_id = toolbox
    library.fails = StoreUnavailableError("gone")
    result = await box.describe_image(image_id)
    assert result.error is None and result.evidence[0].weighed_with == ()
