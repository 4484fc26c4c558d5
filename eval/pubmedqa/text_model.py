"""A text model that decides PubMedQA's questions, by whatever server the settings name."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from agent.prompts import decide
from eval.official import ANSWERS
from eval.pubmedqa.questions import Question

_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
_ANSWER = re.compile(rf"\b({'|'.join(ANSWERS)})\b")
UNREADABLE = "maybe"  # what a reply without an answer counts as


@dataclass
class TextModelAnswerer:
    """Asks `complete` and reads the first answer in the reply; counts the replies without one."""

    name: str
    complete: Callable[[str], str]
    unreadable: int = 0

    def answer(self, question: Question) -> str:
        """yes, no or maybe; RemoteServiceError where the server does not answer."""
        reply = _THOUGHT.sub("", self.complete(decide(question.text, question.contexts))).lower()
        if (found := _ANSWER.search(reply)) is None:
            self.unreadable += 1
            return UNREADABLE
        return found[1]
