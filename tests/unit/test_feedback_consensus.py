"""What reviewers agree on, and the side each image is on."""

import pytest

from finetune.feedback.consensus import TIE, UNKNOWN, consensus
from finetune.feedback.sides import places
from tests.corrections import corrected
from tools.corrections import MEASURED


@pytest.mark.parametrize(
    ("votes", "truth"),
    [
        (["basophil"], "basophil"),
        (["neutrophil"], "neutrophil"),
        (["basophil", "basophil", "monocyte"], "basophil"),
        (["basophil", " Basophil "], " Basophil "),
        (["basophil", "monocyte"], None),
        (["basophil", None], None),
        (["basophil", "basophil", None], "basophil"),
        ([None], None),
    ],
)
def test_more_than_half_of_the_votes_make_the_truth(votes, truth):
    agreed, conflicts = consensus(
        corrected(1, vote, reviewer=str(n), minute=n) for n, vote in enumerate(votes)
    )
    assert [one.value for one in agreed] == ([truth] if truth else [])
    assert len(conflicts) == (truth is None)


def test_a_conflict_says_why_and_keeps_every_vote():
    tie = [corrected(1, "basophil", "ab"), corrected(1, "monocyte", "cd")]
    _, conflicts = consensus([*tie, corrected(2, None)])
    assert [(c.why, len(c.votes)) for c in conflicts] == [(TIE, 2), (UNKNOWN, 1)]


def test_a_reviewer_who_changes_their_mind_has_one_vote():
    agreed, conflicts = consensus(
        [corrected(1, "monocyte", minute=2), corrected(1, "basophil", minute=1)]
    )
    assert [one.value for one in agreed] == ["monocyte"] and not conflicts


def test_what_was_measured_is_no_label_of_the_model():
    assert consensus([corrected(1, "3", model=MEASURED)]) == ([], [])


def test_a_session_is_on_one_side_and_the_first_is_trained_on():
    many = [corrected(n, "basophil", session_id=f"s{n % 40}", minute=n) for n in range(200)]
    found = places(many)
    sides = {}
    for one in many:
        sides.setdefault(one.session_id, set()).add(found[one.image_id].side)
    assert all(len(of_session) == 1 for of_session in sides.values())
    assert {side for of_session in sides.values() for side in of_session} == {
        "train",
        "dev",
        "test",
    }
    assert sides["s0"] == {"train"}


def test_sessions_that_share_an_image_are_on_one_side():
    chain = [
        corrected(image, "basophil", session_id=session, minute=n)
        for n, (session, image) in enumerate([("a", 1), ("b", 2), ("c", 3), ("b", 3), ("a", 2)])
    ]
    assert {place.group for place in places(chain).values()} == {"a"}


def test_more_sessions_do_not_move_those_that_were_there():
    few = [corrected(n, "basophil", session_id=f"s{n}", minute=n) for n in range(30)]
    more = [corrected(n, "basophil", session_id=f"s{n}", minute=n) for n in range(60)]
    before, after = places(few), places(more)
    assert all(after[image_id] == place for image_id, place in before.items())
