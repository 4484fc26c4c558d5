"""Keep what a user said: the feedback, the corrections in it and its scores, all or nothing."""

from agent.reviewing import corrections
from agent.scores import scores
from agent.turn import Feedback, TurnRecord
from tools.errors import BadInputError
from tools.store import Store


def keep_feedback(store: Store, feedback: Feedback) -> None:
    """Store the feedback on its turn; a Delivery sends the scores.

    StoreUnavailableError, or BadInputError for a turn, an image or a finding that is not there:
    nothing was kept.
    """
    text = store.turn(feedback.turn_id)
    if text is None:
        raise BadInputError(f"There is no turn {feedback.turn_id!r} to give feedback on")
    record = TurnRecord.model_validate_json(text)
    store.save_feedback(
        feedback_id=feedback.feedback_id,
        turn_id=feedback.turn_id,
        given_at=feedback.given_at,
        feedback=feedback.model_dump_json(),
        corrections=corrections(feedback, record),
        scores=list(scores(feedback, record.trace_id)),
    )
