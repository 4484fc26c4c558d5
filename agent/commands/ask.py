"""Ask one question, about an image or not, and print the answer with its evidence."""

import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.settings import Settings, load_settings
from tools.evidence import CaseEvidence, DescriptionEvidence, Evidence, Finding
from tools.images import Region, as_png, crop, open_image

if TYPE_CHECKING:
    from agent.turn import Sentence, TurnRecord


class RegionType(click.ParamType[Region]):
    """`left,top,right,bottom`."""

    name = "L,T,R,B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            left, top, right, bottom = map(int, str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not left,top,right,bottom in whole pixels", param, ctx)
        return Region(left, top, right, bottom)


REGION = RegionType()


@click.command()
@click.argument("question")
@click.option(
    "--image", "-i", "images", multiple=True, type=click.Path(path_type=Path),
    help="An image the question is about; may be given several times.",
)  # fmt: skip
@click.option(
    "--region",
    type=REGION,
    help="Only this part of the image: left,top,right,bottom in pixels.",
)
@click.option("--session", help="Go on with a session: its images and questions are known.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole record of the turn.")
def ask(
    question: str,
    images: tuple[Path, ...],
    region: Region | None,
    session: str | None,
    as_json: bool,
) -> None:
    """Ask one question and print the answer with its evidence.

    \b
    Examples:
      cytoscribe ask "What cell is this?" --image cell.png
      cytoscribe ask "Which cases resemble this cell?" -i smear.png --region 120,40,260,180
      cytoscribe ask "And what does the literature say about it?" --session <its id>
      cytoscribe ask "What is a band neutrophil?" --json
    """
    settings = load_settings()
    if region and len(images) != 1:
        raise click.UsageError(f"--region is of one image, and {len(images)} are given")
    files = [_read(path, settings, region) for path in images]
    from agent.build import open_assistant

    assistant = open_assistant(settings, progress=_say)
    try:
        turn = assistant.new_turn(session or uuid.uuid4().hex, question, files)
        record = assistant.ask(turn)
    finally:
        assistant.close()
    click.echo(record.model_dump_json(indent=2) if as_json else in_words(record))


def _say(step: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"{step} …", err=True)


def _read(path: Path, settings: Settings, region: Region | None) -> bytes:
    """The file, or a part of it as PNG; refused by name before anything slow starts."""
    limit = settings.max_upload_mb * 2**20
    opened = open_image(path, max_pixels=settings.max_pixels, max_bytes=limit)
    return as_png(crop(opened.pixels, region)) if region else path.read_bytes()


def in_words(record: "TurnRecord") -> str:
    """The answer, then the evidence under the numbers the answer uses."""
    numbers = {evidence_id: n for n, evidence_id in enumerate(record.evidence(), 1)}
    lines = [_sentence(sentence, numbers) for sentence in record.answer.sentences]
    if numbers:
        lines += ["", "Evidence"]
        lines += [f"  [{numbers[i]}] {_evidence(e)}" for i, e in record.evidence().items()]
    if record.answer.sureness:
        lines += ["", f"Confidence: {record.answer.sureness}. {record.answer.confidence_explained}"]
    lines += ["", f"Session {record.turn.session_id}"]
    return "\n".join(lines)


def _sentence(sentence: "Sentence", numbers: dict[str, int]) -> str:
    marks = "".join(f" [{numbers[i]}]" for i in sentence.evidence_ids)
    return f"{sentence.text}{marks}"


def _evidence(evidence: Evidence) -> str:
    if isinstance(evidence, DescriptionEvidence):
        findings = "; ".join(_finding(f) for f in evidence.findings) or "no probable finding"
        beside = f". {evidence.comparison}" if evidence.comparison else ""
        picture = f" Overlay: {evidence.overlay}" if evidence.overlay else ""
        return f"seen by {evidence.model}: {evidence.text} ({findings}){beside}{picture}"
    if isinstance(evidence, CaseEvidence):
        drawn = ", simulated" if evidence.simulated else ""
        caption = evidence.caption or ", ".join(f"{k} {v}" for k, v in evidence.labels.items())
        return (
            f"similar case {evidence.image_id}: {caption} "
            f"(similarity {evidence.similarity:.2f}, {evidence.source}, {evidence.licence}{drawn})"
        )
    retracted = "RETRACTED. " if evidence.retracted else ""
    place = ", ".join(str(x) for x in (evidence.journal, evidence.year, evidence.source_id) if x)
    return f"{retracted}{evidence.title} ({place}): {evidence.passage}"


def _finding(finding: Finding) -> str:
    unit = f" {finding.unit}" if finding.unit else ""
    sure = "measured" if finding.probability is None else f"{finding.probability:.2f}"
    return f"{finding.name} {finding.value}{unit}, {sure}"
