"""Figures with their intervals, a dot a cell, and the controls as hollow marks: an SVG."""

from collections.abc import Sequence
from html import escape
from math import isnan
from typing import NamedTuple

LEFT, WIDE, ROW, TOP = 190, 440, 22, 30
BLUE, GREY = "#1f6f8b", "#888888"


class Dot(NamedTuple):
    """A line of the drawing; shares of 0 to 1."""

    name: str
    value: float
    low: float
    high: float
    blank: float  # NaN: no such control, and no mark
    shuffled: float


def dots(dots: Sequence[Dot], says: str) -> str:
    """One line a cell on an axis from 0 to 1."""
    high = TOP + ROW * len(dots) + 28
    marks = "".join(_line(dot, TOP + ROW * number + ROW / 2) for number, dot in enumerate(dots))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDE + 30} {high}"'
        f' font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>'
        f'<text x="8" y="18">{escape(says)} (○ blank, × shuffled images)</text>'
        f"{_axis(high - 20)}{marks}</svg>"
    )


def _axis(bottom: float) -> str:
    parts = []
    for tenth in range(0, 11, 2):
        x = _x(tenth / 10)
        parts.append(f'<path d="M{x} {TOP}V{bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="{bottom + 14}" text-anchor="middle">{tenth / 10:g}</text>')
    return "".join(parts)


def _line(dot: Dot, y: float) -> str:
    return (
        f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{escape(dot.name)}</text>'
        f'<path d="M{_x(dot.low)} {y}H{_x(dot.high)}" stroke="{BLUE}" stroke-width="2"/>'
        f'<circle cx="{_x(dot.value)}" cy="{y}" r="4.5" fill="{BLUE}"/>'
        f"{_controls(dot, y)}"
    )


def _controls(dot: Dot, y: float) -> str:
    marks = ""
    if not isnan(dot.blank):
        marks += f'<circle cx="{_x(dot.blank)}" cy="{y}" r="4" fill="none" stroke="{GREY}"/>'
    if not isnan(dot.shuffled):
        at = f'x="{_x(dot.shuffled)}" y="{y + 4}"'
        marks += f'<text {at} text-anchor="middle" fill="{GREY}">×</text>'
    return marks


def _x(share: float) -> float:
    """NaN, a figure without a truth, is drawn at 0."""
    inside = min(1.0, max(0.0, share)) if share == share else 0.0
    return round(LEFT + WIDE * inside, 1)
