"""Similar cases weigh on attributes where they agree with what is seen, and never otherwise."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from agent_fakes import ListLibrary, SureModel, WordEncoder, case, png
from PIL import Image

from agent.case_rule import SIMILAR_CASES, load_case_rule
from agent.settings import LITE_CHECKPOINT, Settings
from agent.toolbox import Toolbox
from agent.wording import beside_cases
from eval.seeing import Looking
from finetune import neighbours, weighing
from finetune.data.example import Example
from finetune.neighbours import Library, Query
from finetune.weighed import Looked, measured
from finetune.weighing import fitted
from tools.describe_image import Advice, describe_images
from tools.errors import BadInputError, StoreUnavailableError
from tools.evidence import CaseEvidence
from tools.findings import ATTRIBUTES, BY_NAME, CELL_TYPE
from tools.image_features import FeatureCache
from tools.images import ImageFolder
from tools.protocols import Generated
from tools.weighing import CaseRule, Weights

SHAPE = BY_NAME["nucleus_shape"]
RULE = CaseRule(6, 0.05, 0.01, {SHAPE.name: Weights(0.1, 1.0)})
SEEN = {SHAPE.name: np.full(len(SHAPE.options), 1 / len(SHAPE.options))}


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
    assert RULE.agreeing(mixed, "neutrophil", SEEN) == []
    assert len(RULE.agreeing([*mixed[:3], like(7), like(8)], "neutrophil", SEEN)) == 4


def test_cases_beyond_the_gap_copies_and_simulated_ones_do_not_count():
    cases = [
        like(0, similarity=0.99, same_picture=True), like(1, similarity=0.98, simulated=True),
        like(2, similarity=0.95), like(3, similarity=0.92), like(4, similarity=0.7),
    ]  # fmt: skip
    assert [c.image_id for c in RULE.agreeing(cases, "neutrophil", SEEN)] == [
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


def test_cases_labelled_unlike_what_is_seen_do_not_count():
    strict = replace(RULE, agreement=0.1)
    sure = {SHAPE.name: np.array([0.98, *[0.004] * 5])}
    banded, rounded = like(1), like(2, shape="round")
    assert strict.agreeing([banded, rounded], "neutrophil", sure) == [banded]
    assert strict.agreeing([case(1), case(2)], "neutrophil", sure) == []


@pytest.mark.parametrize("kind", CELL_TYPE.options)
@pytest.mark.parametrize("similarity", [0.1, 1.0])
def test_no_neighbours_of_any_kind_change_the_cell_type(kind, similarity):
    """Whatever they are labelled and however near they are."""
    decoys = [like(n, kind, similarity) for n in range(20)]
    assert found(described(decoys))["cell_type"] == found(described([]))["cell_type"]
    if kind != "neutrophil":
        assert described(decoys) == described([])


class Writer(SureModel):
    """Writes of a round nucleus, of which it is not sure."""

    def describe(self, features, cancelled=bool):
        return [Generated("A neutrophil with a round nucleus.", 0.8)] * features.n

    def score(self, features, question, options):
        if question != SHAPE.prompt:
            return super().score(features, question, options)
        return np.tile([0.25, 0.35, 0.1, 0.1, 0.1, 0.1], (features.n, 1))


def test_the_text_says_what_was_weighed():
    alone = described([], Writer())
    assert alone.text == "A neutrophil. Uncertain: nucleus shape."
    cases = [like(n, shape="indented") for n in range(6)]
    weighed = described(cases, Writer())
    assert found(weighed)["nucleus_shape"][0] == "indented"
    assert weighed.text == "A neutrophil with an indented nucleus."
    assert weighed.generated_text == alone.generated_text


def cell(name, shape, vector):
    truth = {"cell_type": "neutrophil", SHAPE.name: shape, "cell_size": "big"}
    picture = np.zeros((8, 8, 3), np.uint8)
    return Example(name, picture, "cell", truth, "s", "CC0", name), np.array(vector, np.float32)


def a_library(*more):
    cells = [cell("a", "band", [1, 0]), cell("b", "round", [0, 1]), *more]
    return Library([e for e, _ in cells], np.stack([v for _, v in cells]))


QUERY = Query("q", {"cell_type": "neutrophil", SHAPE.name: "band"}, np.array([1, 0], np.float32))


def test_the_nearest_cells_come_first_and_decoys_are_wrong_in_one_way():
    other = replace(cell("c", "round", [0.9, 0.1])[0], facts={"cell_type": "monocyte"})
    library = a_library((other, np.array([0.9, 0.1], np.float32)))
    assert [c.image_id for c in neighbours.nearest(QUERY, library, 2)] == ["a", "c"]
    assert [c.image_id for c in neighbours.of_other_types(QUERY, library, 2)] == ["c"]
    (false, *_) = neighbours.falsely_labelled(QUERY, library, 1)
    assert false.labels["cell_type"] == "neutrophil"
    assert false.labels[SHAPE.name] != "band" and false.labels["cell_size"] == "small"
    (false, *_) = neighbours.with_false(SHAPE.name)(QUERY, library, 1)
    assert false.labels[SHAPE.name] != "band" and false.labels["cell_size"] == "big"
    (shown, *_) = neighbours.labelled_as_others(QUERY, library, 1)
    assert shown.labels in [dict(e.facts) for e in library.examples[:2]]


def test_what_cases_bring_is_measured_beside_decoys():
    library = a_library(*[cell(f"n{n}", "band", [1, 0.01 * n]) for n in range(8)])
    looked = Looked(Looking([Image.new("RGB", (8, 8))], Writer()), [QUERY])
    told = measured([looked] * 12, library, RULE)
    assert told["without"]["fact_f1"]["value"] < told["with"]["fact_f1"]["value"] == 1.0
    assert told["with"]["text_fact_f1"]["value"] == 1.0 and told["with"]["weighed"] == 1
    decoys = told["nearest_of_other_types"]
    assert decoys["weighed"] == 0 and decoys["fact_f1"]["difference"] == 0
    assert told["with"]["fact_f1"]["p"] < 0.05 <= decoys["fact_f1"]["p"]


def test_what_cases_tell_reliably_is_given_weight(monkeypatch):
    """The model sees no band nucleus and the cases all, so they must not have to agree with it."""
    monkeypatch.setattr(weighing, "AGREEMENT", 0.0)
    bands = a_library(*[cell(f"n{n}", "band", [1, 0.01 * n]) for n in range(15)])
    looked = [Looked(Looking([Image.new("RGB", (8, 8))], Writer()), [QUERY])]
    rule = fitted(looked * 3, bands)
    assert rule.questions[SHAPE.name].cases == 1
    assert rule.questions["granularity"] == Weights(1, 0)


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
