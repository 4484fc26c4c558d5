"""Hides what may identify a person in texts that leave the machine: exports, and Langfuse's traces.

By rules, not by a model, so that it is the same every time: addresses, telephone and record
numbers, dates, and names where a title, a label ("Patient", "Name:") or a mark of de-identification
("[**…**]") says that one follows. A name that stands alone in a sentence is not found: the level
"text" hides free text altogether. Ids become pseudonyms.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any

from agent.settings import MaskLevel, Settings

_NAME = r"(?:[A-Z][\w'’-]+|[A-Z]\.)"
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("[NAME]", re.compile(r"\[\*\*.*?\*\*\]", re.DOTALL)),  # as MIMIC marks what it removed
    ("[EMAIL]", re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")),
    ("[ID]", re.compile(
        r"(?i:\b(?:mrn|medical record(?: number)?|patient(?: id| no\.?| number)|hadm_id|subject_id|"
        r"ssn|nhs(?: number)?|accession(?: number)?|id)\b)\s*[:#=]?\s*"
        r"(?=[\w-]*\d)[\w-]+")),
    ("[ID]", re.compile(r"\b\d{3}-\d{2}-\d{4}\b")),
    ("[DATE]", re.compile(r"\b\d{4}-\d{1,2}-\d{1,2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
                          r"(?:Z|[+-]\d{2}:?\d{2})?)?")),
    ("[DATE]", re.compile(r"\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b")),
    ("[DATE]", re.compile(
        rf"(?:\b(?:\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH}\b\.?,?(?:\s+\d{{4}})?|"
        rf"{_MONTH}\.?\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s+\d{{4}})?))")),
    ("[PHONE]", re.compile(r"(?<![\w.])\+?\(?\d{2,4}\)?[ /.-]\d{3,4}[ .-]\d{3,5}\b")),
    ("[NAME]", re.compile(
        rf"(?i:\b(?:mr|mrs|ms|miss|dr|prof|professor|doctor|herr|frau)\b\.?)\s+{_NAME}(?:\s+{_NAME})*")),
    ("[NAME]", re.compile(
        rf"(?i:\b(?:(?:patient|full|first|last|family)?\s*name|patient)\b)(?:\s*[:=]\s*|\s+)"
        rf"{_NAME}(?:,?\s+{_NAME})*")),
)  # fmt: skip

# What the values of these keys are.
IDS = frozenset({"session_id", "session.id", "user_id", "user.id", "user", "reviewer"})
DATES = frozenset({"asked_at", "given_at", "started_at"})
PATHS = frozenset({"overlay", "path"})
# Written by people, by models about people's images, or found in people's records.
FREE_TEXT = frozenset(
    {"question", "comment", "corrected_description", "passage", "title", "caption", "text",
     "generated_text", "comparison", "message", "error", "input", "output"}
)  # fmt: skip
# Our own, which no rule may change: digests look like record numbers.
OURS = frozenset(
    {"trace_id", "turn_id", "feedback_id", "observation_id", "parent_id", "evidence_id",
     "evidence_ids", "pmid", "name", "kind", "model", "unknown", "ontology_id", "licence",
     "settings_hash", "prompt_version", "adapter", "machine", "journal"}
)  # fmt: skip
PUBLIC = ("pmid:", "pmc:", "s2:", "doi:")  # sources that anybody can look up
_IMAGE_ID = re.compile(r"\bimg-[0-9a-f]{16}\b")


class Masker:
    """Masks plain JSON values; the pseudonyms of ids agree within one masker.

    `salt` makes them agree between maskers, too: whoever knows it can test a guessed id.
    """

    def __init__(self, level: MaskLevel, salt: bytes | None = None) -> None:
        self.level = level
        self._salt = salt or secrets.token_bytes(16)

    def __call__(self, value: Any, key: str = "") -> Any:
        """The value without what the level hides; `key` is the name it stands under."""
        if self.level == "nothing" or (key in OURS and not isinstance(value, Mapping)):
            return value
        if isinstance(value, Mapping):
            return {name: self(v, str(name)) for name, v in value.items()}
        if isinstance(value, list | tuple):
            return [self(v, key) for v in value]
        return self._words(value, key) if isinstance(value, str) else value

    def words(self, text: str) -> str:
        """A text without what the rules find."""
        for shown, pattern in RULES:
            text = pattern.sub(shown, text)
        return _IMAGE_ID.sub(lambda found: self.pseudonym(found[0], "img"), text)

    def pseudonym(self, identity: str, kind: str = "id") -> str:
        """The same for the same id, and no way back."""
        return f"{kind}-{hashlib.blake2b(identity.encode(), key=self._salt).hexdigest()[:12]}"

    def _words(self, text: str, key: str) -> str:
        if key in IDS:
            return self.pseudonym(text)
        if key in DATES:
            return "[DATE]"
        if key in PATHS:
            return "[PATH]"
        if key == "source_id" and not text.startswith(PUBLIC):
            return self.pseudonym(text)
        if _IMAGE_ID.fullmatch(text) or self.level != "text" or key not in FREE_TEXT:
            return self.words(text)
        return f"[TEXT, {len(text)} characters]"


def langfuse_masker(settings: Settings) -> Masker:
    """For all that goes to Langfuse: an id has one pseudonym, which only the keys' owner can make.

    So that sessions hold together in every process, and traces with their scores.
    """
    secret = settings.langfuse_secret_key
    salt = hashlib.sha256(secret.get_secret_value().encode() if secret else b"").digest()
    return Masker(settings.langfuse_mask, salt)
