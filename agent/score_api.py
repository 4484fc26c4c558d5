"""Langfuse's endpoint for scores: one request a score, by HTTP, with a short limit.

Not by the SDK: it drops what a server does not take, and we must know what was taken.
"""

from typing import Any

import httpx

from agent.masking import Masker, langfuse_masker
from agent.settings import Settings
from tools.closing import Closing
from tools.errors import BadInputError, RefusedScoreError, RemoteServiceError
from tools.score import Score

SECONDS = 2.0  # limit to connect, and between two bytes of the answer
COMMENT = "comment"  # what the masker knows free text as
TEXTS = ("user_comment", "corrected_description")  # scores whose value is free text
REFUSED = (400, 413, 422)  # by status: this score will not be taken, others may


class ScoreApi(Closing):
    """Posts scores with the keys of the settings; BadInputError where one is missing."""

    def __init__(self, settings: Settings) -> None:
        public, secret = settings.langfuse_public_key, settings.langfuse_secret_key
        if not (public and secret):
            raise BadInputError(
                "There is no server to send scores to: set LANGFUSE_PUBLIC_KEY, "
                "LANGFUSE_SECRET_KEY and, for a server of your own, LANGFUSE_BASE_URL"
            )
        self._server = settings.langfuse_base_url.rstrip("/")
        self._mask = langfuse_masker(settings)
        self._client = httpx.Client(auth=(public, secret.get_secret_value()), timeout=SECONDS)

    def post(self, score: Score) -> None:
        """Send a score and return when the server has taken it.

        RefusedScoreError: this score is not taken. RemoteServiceError: none is at present.
        """
        content = body(score, self._mask)
        answer = self._send(content)
        if answer.status_code == 400:  # servers of SDK 5 may want lists only
            answer = self._send([content])
        if answer.status_code in REFUSED or _rejected(answer):
            raise RefusedScoreError(
                f"{self._server} refuses the score {score.score_id}: {answer.text[:300]}"
            )
        if answer.status_code in (401, 403):
            raise RemoteServiceError(
                f"{self._server} refuses the keys ({answer.status_code}): check "
                "LANGFUSE_PUBLIC_KEY, LANGFUSE_SECRET_KEY and LANGFUSE_BASE_URL"
            )
        if not answer.is_success:
            raise RemoteServiceError(f"{self._server} answers {answer.status_code} to a score")

    def close(self) -> None:
        self._client.close()

    def _send(self, content: Any) -> httpx.Response:
        try:
            return self._client.post(f"{self._server}/api/public/scores", json=content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RemoteServiceError(
                f"{self._server} does not answer ({type(error).__name__}): {error}"
            ) from error


def body(score: Score, mask: Masker) -> dict[str, Any]:
    """A score in Langfuse's words (CreateScoreRequest of its API), its texts masked."""
    return {
        "id": score.score_id,
        "traceId": score.trace_id,
        "name": score.name,
        "value": mask(score.value, COMMENT if score.name in TEXTS else "value"),
        "dataType": score.data_type,
        "comment": mask(score.comment, COMMENT),
        "metadata": mask(score.details),
        "timestamp": score.created_at.isoformat(),
    }


def _rejected(answer: httpx.Response) -> bool:
    """Whether a list was answered by 207, which tells how many of it were rejected."""
    if answer.status_code != 207:
        return False
    try:
        return bool(answer.json().get("rejected"))
    except (ValueError, AttributeError):
        return True
