"""A report as headings, paragraphs, tables and drawings, written as Markdown and as HTML."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

STYLE = """\
.report table{border-collapse:collapse;font-size:14px;margin:1rem 0}
.report th,.report td{border-bottom:1px solid #ddd;padding:.3rem .6rem;text-align:right;\
white-space:nowrap}
.report th:first-child,.report td:first-child{text-align:left}
.report .wide{overflow-x:auto}.report figure{margin:1rem 0;max-width:52rem}
.report img{width:100%}"""
CODE = re.compile(r"`([^`]+)`")
WHOLE_PAGE = """\
body{font:16px/1.5 sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#222}"""


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Paragraph:
    text: str


@dataclass(frozen=True)
class Table:
    """The first column is on the left, numbers on the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Drawing:
    """An SVG, kept as a file beside the Markdown and inside the HTML."""

    name: str
    svg: str
    says: str


Part = Heading | Paragraph | Table | Drawing


def write(title: str, parts: Sequence[Part], out: Path, stem: str) -> tuple[Path, Path]:
    """<stem>.md with its drawings in plots/, and <stem>.html, whole in one file."""
    plots = out / "plots"
    for part in parts:
        if isinstance(part, Drawing):
            plots.mkdir(parents=True, exist_ok=True)
            (plots / f"{part.name}.svg").write_text(part.svg, "utf-8")
    markdown, html = out / f"{stem}.md", out / f"{stem}.html"
    markdown.write_text("\n\n".join([f"# {title}", *map(_markdown, parts)]) + "\n", "utf-8")
    html.write_text(page(title, parts), "utf-8")
    return markdown, html


def _markdown(part: Part) -> str:
    match part:
        case Heading(text):
            return f"## {text}"
        case Paragraph(text):
            return text
        case Drawing(name, _, says):
            return f"![{says}](plots/{name}.svg)"
        case Table(head, rows):
            lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
            return "\n".join(f"| {' | '.join(_cell(c) for c in line)} |" for line in lines)


def _cell(text: str) -> str:
    """Kept on its line, and never taken for markup: some cells hold what users wrote."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def page(title: str, parts: Sequence[Part]) -> str:
    """The whole as one HTML file."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{WHOLE_PAGE}</style><h1>{escape(title)}</h1>{fragment(parts)}</html>\n"
    )


def fragment(parts: Sequence[Part]) -> str:
    """HTML to put into a page, with the style of its own tables and figures."""
    return f'<style>{STYLE}</style><div class="report">{"".join(map(_html, parts))}</div>'


def _html(part: Part) -> str:
    match part:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Paragraph(text):
            words = CODE.sub(r"<code>\1</code>", escape(text))
            return f"<p>{words}</p>"
        case Drawing(_, svg, says):
            # as an image: Streamlit takes SVG elements out of HTML
            data = b64encode(svg.encode()).decode()
            image = f'<img alt="{escape(says)}" src="data:image/svg+xml;base64,{data}">'
            return f"<figure>{image}</figure>"
        case Table(head, rows):
            top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
            body = "".join(
                f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
            )
            table = f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
            return f'<div class="wide">{table}</div>'
