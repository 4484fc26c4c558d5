"""The one place where prompts for models are built, in training and serving.

Those for the vision-language model are PaliGemma's task prefixes (Beyer et al. 2024,
arXiv:2407.07726); the processor adds the image tokens, <bos> and the newline. Case and spelling of
a user's question are left as typed.
"""

from collections.abc import Sequence


def describe() -> str:
    """Ask for a free description in English."""
    return "describe en"


def caption() -> str:
    """Ask for a caption as it stands beside an image on the web: short, of any style."""
    return "caption en"


def answer(question: str) -> str:
    """Ask a question about the image; white space is folded, an empty question is refused."""
    words = " ".join(question.split())
    if not words:
        raise ValueError("the question is empty; ask something about the image")
    return f"answer en {words}"


def answer_from(question: str, text: str) -> str:
    """Ask a question about a text that is given along, without an image."""
    return f"{answer(question)} context: {' '.join(text.split())}"


def detect(thing: str) -> str:
    """Ask for the boxes of every `thing`, as <loc> tokens."""
    words = " ".join(thing.split())
    if not words:
        raise ValueError("nothing to detect was named; say for example 'white blood cell'")
    return f"detect {words}"


def given_cases(prompt: str, labels: Sequence[str]) -> str:
    """A prompt with the labels of the most similar cases, nearest first; none changes nothing."""
    return f"{prompt} given cases: {', '.join(labels)}" if labels else prompt


def rewrite(question: str, passages: Sequence[str]) -> str:
    """Ask a text model to answer from numbered passages only, citing each sentence as [n]."""
    numbered = "\n".join(f"[{n}] {passage}" for n, passage in enumerate(passages, start=1))
    return (
        "Answer the question in at most three sentences, using only the passages. End each"
        " sentence with the number of the passage it comes from, like [1]. If the passages do not"
        f" answer it, say nothing.\n\nPassages:\n{numbered}\n\nQuestion: {question}\nAnswer:"
    )
