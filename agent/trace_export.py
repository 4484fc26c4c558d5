"""A trace as it leaves the database: with the turn's record and feedback, masked.

Uploaded images never leave; thumbnails of the library's cases do if they are asked for.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from agent.masking import Masker
from tools.trace import Trace


class Kept(Protocol):
    """What is read of a turn; `tools.store.Store` is one."""

    def turn(self, turn_id: str) -> str | None: ...

    def feedback(self, turn_id: str) -> list[str]: ...

    def thumbnails(self, ids: Sequence[str]) -> Mapping[str, bytes]: ...


def exported(trace: Trace, store: Kept, masker: Masker, images: bool = False) -> dict[str, Any]:
    """The trace as plain JSON; keys are only ever added, never renamed.

    `record` is null for a turn that failed; `start_ms` counts from the start of the turn.
    """
    whole = trace.model_dump(mode="json")
    for told, observed in zip(whole["observations"], trace.observations, strict=True):
        since = observed.started_at - trace.root.started_at
        told["start_ms"] = since.total_seconds() * 1000
    record = store.turn(trace.turn_id)
    whole["record"] = json.loads(record) if record else None
    whole["feedback"] = [json.loads(said) for said in store.feedback(trace.turn_id)]
    pictures = _pictures(trace, store, masker) if images else {}
    return {**masker(whole), "mask": masker.level, "images": pictures}


def _pictures(trace: Trace, store: Kept, masker: Masker) -> dict[str, str]:
    """Thumbnails of the similar cases, JPEG in base64, by the ids that the export shows."""
    found = [e for o in trace.observations for e in o.evidence() if e["kind"] == "case"]
    shown = store.thumbnails([e["image_id"] for e in found])
    return {masker(i): b64encode(jpeg).decode() for i, jpeg in shown.items()}
