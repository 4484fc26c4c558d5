"""The report as headings, tables and plots, the same for Markdown, HTML and the app."""

from collections.abc import Iterator, Sequence

from eval.document import Drawing, Heading, Paragraph, Part, Table
from eval.dots import Dot, dots
from eval.lines import Line, line_plot
from eval.quality.figures import Quantile, Share, share
from eval.quality.measured import Figure, Measured, Section
from eval.quality.report import Report
from eval.quality.satisfaction import PEOPLE, SIMULATED_USERS, Satisfaction
from eval.quality.times import Times, grouped

TITLE = "Cytoscribe: key measures"
NOT_MEASURED = "Not measured."
NOTE = (
    "In brackets: 95% intervals (shares: Wilson; percentiles: bootstrap over turns; evaluations: as"
    " each states). Research use only."
)
SESSIONS = 20  # the most that are listed
NAN = float("nan")


def parts(report: Report) -> Iterator[Part]:
    """The whole page."""
    yield Paragraph(_of_what(report))
    yield Paragraph(NOTE)
    yield Heading("Description accuracy")
    yield from _measured(report, "accuracy")
    yield from _in_use(report)
    yield Heading("Time to generate")
    yield from _times(report)
    yield Heading("User satisfaction")
    yield from _satisfaction(report)
    yield Heading("Retrieval")
    yield from _measured(report, "retrieval")
    yield Heading("Routing")
    yield from _measured(report, "routing")
    yield from _answers(report)
    yield Heading("Cost")
    yield from _cost(report)
    if any(one.section == "other" for one in report.measured):
        yield Heading("Other measures")
        yield from _measured(report, "other")


def _of_what(report: Report) -> str:
    if report.first is None or report.last is None:
        return "No turn is stored yet."
    unread = f" {report.unread:,} of another version could not be read." if report.unread else ""
    span = f"{report.first:%Y-%m-%d} to {report.last:%Y-%m-%d}"
    return f"Turns: {report.turns:,}; sessions: {report.sessions:,}; {span}.{unread}"


def _measured(report: Report, section: Section) -> Iterator[Part]:
    found = [one for one in report.measured if one.section == section and one.figures]
    if not found:
        yield Paragraph(f"{NOT_MEASURED} No result of `cytoscribe eval …` is in the folder.")
    for one in found:
        yield Paragraph(_source(one))
        yield _table(one)
    if drawn := [dot for one in found for dot in _dots(one)]:
        says = f"{section}: shares and their 95% intervals"
        yield Drawing(section, dots(drawn, says), says)


def _source(one: Measured) -> str:
    said = (f"`cytoscribe {one.command}`", one.data, one.model, one.date, one.file)
    return "; ".join(text for text in said if text) + ":"


def _table(one: Measured) -> Table:
    controls = list(dict.fromkeys(name for figure in one.figures for name in figure.controls))
    rows = [
        [
            figure.says,
            "–" if figure.n is None else f"{figure.n:,}",
            f"{figure.value:.3f} ({figure.ci[0]:.3f} to {figure.ci[1]:.3f})",
            *(_number(figure.controls.get(name)) for name in controls),
        ]
        for figure in one.figures
    ]
    return Table(["figure", "n", "value (95%)", *(c.replace("_", " ") for c in controls)], rows)


def _dots(one: Measured) -> Iterator[Dot]:
    """The first figure of a file that is a share: what it is about."""
    main = next((f for f in one.figures if _is_share(f)), None)
    if main:
        low, high = main.ci
        others = (main.controls.get(name, NAN) for name in ("blank", "shuffled"))
        yield Dot(f"{one.data or one.file}"[:28], main.value, low, high, *others)


def _is_share(figure: Figure) -> bool:
    return 0 <= figure.value <= 1 and not figure.key.startswith(("seconds", "ece", "count_mae"))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _in_use(report: Report) -> Iterator[Part]:
    rows = [
        [one.of, one.who, shown(one.right_findings)]
        for one in report.by_model
        if one.right_findings.whole
    ]
    if rows:
        yield Paragraph("In use: findings that users marked right, of those they marked:")
        yield Table(["model", "marked by", "right (95%)"], rows)
    else:
        yield Paragraph("In use: no finding was marked right or wrong yet.")


def _times(report: Report) -> Iterator[Part]:
    if not report.times:
        yield Paragraph(NOT_MEASURED)
        return
    yield Paragraph("Seconds from the question to the whole answer:")
    yield Table(
        ["model", "machine", "tools", "turns", "p50 (95%)", "p95 (95%)", "slowest",
         "CPU, p50 (95%)"],
        [
            [t.model, t.machine, _tools(t), f"{t.turns:,}", seconds(t.p50), seconds(t.p95),
             f"{t.seconds[-1]:.2f}", seconds(t.cpu_p50)]
            for t in report.times
        ],
    )  # fmt: skip
    says = "share of turns answered within x seconds"
    yield Drawing("times", line_plot(_distributions(report.times), x="seconds", y=says), says)
    yield Paragraph("Seconds a call of each tool:")
    yield Table(
        ["tool", "machine", "calls", "failed", "p50 (95%)", "p95 (95%)"],
        [
            [t.tool, t.machine, f"{t.calls:,}", f"{t.failed:,}", seconds(t.p50), seconds(t.p95)]
            for t in report.tools
        ],
    )


def _tools(times: Times) -> str:
    return ", ".join(tool.replace("_", " ") for tool in times.tools) or "none"


def _distributions(found: Sequence[Times]) -> dict[str, Line]:
    """A line a model and machine, all tools together."""
    by = grouped((f"{t.model}, {t.machine}", s) for t in found for s in t.seconds)
    return {
        name: [(min(each), 0.0), *((s, n / len(each)) for n, s in enumerate(sorted(each), 1))]
        for name, each in by.items()
    }


def _satisfaction(report: Report) -> Iterator[Part]:
    if (told := report.remarks).number:
        counted = f"{told.number:,}, {told.comments:,} with a comment"
        yield Paragraph(f"Remarks from forms: {counted}; thumbs up {shown(told.helpful)}.")
    if not report.by_model:
        yield Paragraph(f"{NOT_MEASURED} Nobody gave feedback on a turn yet.")
        return
    people = any(one.who == PEOPLE for one in report.by_model)
    if any(one.who == SIMULATED_USERS for one in report.by_model):
        alone = "" if people else " No person gave feedback yet."
        yield Paragraph(
            "Simulated users are scripts that answer by known labels: they show that the loop"
            f" works, and nothing about how satisfied people are.{alone}"
        )
    yield _said("model", report.by_model)
    yield _said("role", report.by_role)
    yield from _over_time(report)
    sessions = report.by_session[-SESSIONS:]
    if len(sessions) < len(report.by_session):
        yield Paragraph(f"{SESSIONS} of {len(report.by_session):,} sessions with feedback:")
    yield _said("session", sessions)
    if report.comments:
        yield Paragraph("The newest comments:")
        rows = [[f"{c.given_at:%Y-%m-%d}", c.role or "–", c.comment] for c in report.comments]
        yield Table(["day", "role", "comment"], rows)


def _said(name: str, found: Sequence[Satisfaction]) -> Table:
    head = [name, "who", "turns", "thumbs up (95%)", "comments", "findings corrected",
            "descriptions corrected", "findings marked right (95%)"]  # fmt: skip
    rows = [
        [s.of, s.who, f"{s.turns:,}", shown(s.helpful), f"{s.comments:,}",
         f"{s.corrected_findings:,}", f"{s.corrected_descriptions:,}", shown(s.right_findings)]
        for s in found
    ]  # fmt: skip
    return Table(head, rows)


def _over_time(report: Report) -> Iterator[Part]:
    """A plot of thumbs up by day, once there are two days."""
    days = sorted({day.day for day in report.by_day})
    if len(days) < 2:
        yield Paragraph("Over time: all thumbs are of one day." if days else "No thumbs yet.")
        return
    lines = grouped(
        (f"{day.model}, {day.who}", (days.index(day.day), day.helpful.value or 0.0))
        for day in report.by_day
    )
    says = "share of thumbs up, by day"
    svg = line_plot(lines, x="day", y=says, x_ends=(days[0], days[-1]))
    yield Drawing("thumbs", svg, says)


def _answers(report: Report) -> Iterator[Part]:
    status, plans = report.answers.status, report.answers.plans
    if report.turns:
        yield Paragraph("How the stored turns were planned and answered:")
        yield Table(
            ["of", "outcome", "turns (95%)"],
            [
                [of, name.replace("_", " "), shown(share(n, report.turns))]
                for of, counts in (("plan", plans), ("answer", status))
                for name, n in counts.items()
            ],
        )


def _cost(report: Report) -> Iterator[Part]:
    cost = report.cost
    if not cost.turns:
        yield Paragraph(NOT_MEASURED)
        return
    yield Table(
        ["cost", "value"],
        [
            ["turns whose CPU time is known", f"{cost.turns:,}"],
            ["CPU seconds a turn, median (95%)", seconds(cost.cpu_seconds_a_turn)],
            ["CPU seconds, all turns", f"{cost.cpu_seconds:,.0f}"],
            ["money for CPU", _money(cost.cpu_money, cost.currency, "CPU_HOUR_PRICE")],
            ["money for tokens", _money(cost.tokens_money, cost.currency, "MILLION_TOKENS_PRICE")],
        ],
    )
    if not cost.tokens:
        yield Paragraph("Tokens: not measured.")
        return
    yield Table(
        ["model", "turns", "tokens read", "tokens written", "of these a turn"],
        [
            [t.model, f"{t.turns:,}", f"{t.read:,}", f"{t.written:,}",
             f"{(t.read + t.written) / t.turns:,.0f}"]
            for t in cost.tokens
        ],
    )  # fmt: skip


def _money(amount: float | None, currency: str, price: str) -> str:
    return f"set CYTOSCRIBE_{price}" if amount is None else f"{amount:.4f} {currency}"


def shown(found: Share) -> str:
    """ "34/40: 0.850 (0.709 to 0.929)"."""
    if found.value is None or found.ci is None:
        return "–"
    low, high = found.ci
    return f"{found.part:,}/{found.whole:,}: {found.value:.3f} ({low:.3f} to {high:.3f})"


def seconds(found: Quantile) -> str:
    """ "0.31 (0.29 to 0.35)"."""
    if found.value is None or found.ci is None:
        return "–"
    return f"{found.value:.2f} ({found.ci[0]:.2f} to {found.ci[1]:.2f})"
