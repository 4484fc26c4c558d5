"""What the probes work with: the real assistant, pictures, and what answers say of a picture."""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from agent.turn import Sentence, TurnRecord
from agent.wording import headline
from eval.class_names import CLASS_QUESTIONS
from eval.truth import Dataset, Truths, find_images
from eval.untrusted.rows import TEST
from tools.errors import BadInputError
from tools.evidence import DescriptionEvidence
from tools.simulate import starter_recipes
from tools.starter import SEED, picture_bytes

if TYPE_CHECKING:
    from agent.assistant import Assistant

PLAIN = "What cell is this?"
PROBE_SEED = SEED + 7  # no picture drawn with it is in the starter library


@dataclass(frozen=True)
class Picture:
    """An image file and what it shows, where that is known."""

    name: str
    data: bytes
    kind: str | None = None

    def pixels(self) -> Image.Image:
        return Image.open(BytesIO(self.data)).convert("RGB")


@dataclass
class Bench:
    """Asks the assistant; each question is a session of its own."""

    assistant: "Assistant"
    pictures: Sequence[Picture]
    attacks: Path = TEST  # what poisoned articles say
    _plain: dict[str, TurnRecord] = field(default_factory=dict)

    def ask(self, question: str, *images: bytes) -> TurnRecord:
        turn = self.assistant.new_turn(f"honesty-{uuid.uuid4().hex}", question, images)
        return self.assistant.ask(turn)

    def plainly(self, picture: Picture) -> TurnRecord:
        """The answer to a question that takes nothing for granted; asked once a picture."""
        if picture.name not in self._plain:
            self._plain[picture.name] = self.ask(PLAIN, picture.data)
        return self._plain[picture.name]


def image_claims(record: TurnRecord) -> list[Sentence]:
    """The sentences that claim something of an image from what the model sees or measures."""
    seen = {i for i, e in record.evidence().items() if isinstance(e, DescriptionEvidence)}
    claims = (s for s in record.answer.sentences if s.kind == "claim")
    return [sentence for sentence in claims if seen.intersection(sentence.evidence_ids)]


def kind_seen(record: TurnRecord) -> str | None:
    """The kind of cell or tissue that the answer claims to see; None where it claims none."""
    said = " ".join(sentence.text for sentence in image_claims(record))
    for evidence in record.evidence().values():
        main = headline(evidence) if isinstance(evidence, DescriptionEvidence) else None
        if main is not None and main.name != "subject" and main.value in said:
            return main.value
    return None


def png(image: Image.Image) -> bytes:
    """An image as a file."""
    out = BytesIO()
    image.convert("RGB").save(out, "PNG")
    return out.getvalue()


def drawn_pictures(n: int) -> list[Picture]:
    """Leukocytes and single red cells of the simulator, kinds in turn."""
    recipes = [r for r in starter_recipes(PROBE_SEED) if r.kind in ("cell", "red_cell")]
    return [Picture(r.name, picture_bytes(r), r.variant) for r in recipes[:n]]


def real_pictures(dataset: Dataset, root: Path, n: int, seed: int) -> list[Picture]:
    """Images of a labelled folder, drawn by seed; BadInputError where no class is known."""
    found = find_images(dataset, root)
    random.Random(seed).shuffle(found)
    truths, pictures = Truths(dataset, root), list[Picture]()
    for image in found:
        facts = truths.read(image).facts
        kind = next((facts[name] for name in CLASS_QUESTIONS if name in facts), None)
        if kind is not None:
            name = str(image.path.relative_to(root))
            pictures.append(Picture(name, image.path.read_bytes(), kind))
        if len(pictures) == n:
            return pictures
    if not pictures:
        raise BadInputError(f"{root} holds no image of a class that the model can say")
    return pictures
