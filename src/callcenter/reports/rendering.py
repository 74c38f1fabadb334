"""The report as JSON, CSV and terminal table: the same figures, "–" where there was nothing to divide by."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table

from callcenter.calls.model import Outcome
from callcenter.catalogue.labels import Labels
from callcenter.clock import LOCAL_ZONE
from callcenter.reports import recordings
from callcenter.reports.figures import DEFINITION, Figure, Row, Slice
from callcenter.reports.grounds import CELLS, coverage_cells, coverage_lines, coverage_object
from callcenter.reports.periods import Period
from callcenter.reports.recordings import Completeness
from callcenter.reports.traffic import Issued

NOTHING = "–"


def as_object(issued: Issued, period: Period, labels: Labels) -> dict[str, Any]:
    """The report for JSON, with labels in the reader's language."""
    report = issued.report
    return {
        "period": period,
        "from": report.since,
        "until": report.until,
        "zone": LOCAL_ZONE.key,
        "definition": DEFINITION,
        "coverage": coverage_object(issued.coverage, labels),
        "days": [_row_object(row, labels, _recordings_of(issued, row)) for row in report.days],
        "total": _row_object(report.total, labels, _recordings_of(issued, report.total)),
    }


def _recordings_of(issued: Issued, row: Row) -> Completeness:
    if row.day is None:
        return recordings.total(issued.recordings.values())
    return issued.recordings.get(row.day, Completeness())


def _row_object(row: Row, labels: Labels, kept: Completeness) -> dict[str, Any]:
    return {
        "date": row.day,
        "received": row.received,
        "figures": {name: _figure_object(f, labels) for name, f in row.figures.items()},
        "lines": {part.value: _line_object(part, row, labels) for part in Slice},
        "recordings": recordings.as_object(kept),
    }


def _figure_object(figure: Figure, labels: Labels) -> dict[str, Any]:
    return {
        "label": labels(f"figures.{figure.name}"),
        "unit": figure.unit,
        "value": figure.value,
        "numerator": figure.numerator,
        "denominator": figure.denominator,
        "definition": figure.definition,
    }


def _line_object(part: Slice, row: Row, labels: Labels) -> dict[str, Any]:
    outcomes = row.ledger[part]
    return {
        "label": labels(f"slices.{part}"),
        "received": sum(outcomes.values()),
        "outcomes": {outcome.value: outcomes[outcome] for outcome in Outcome},
    }


def csv_rows(issued: Issued) -> Iterable[Sequence[Any]]:
    """A header of fixed names, a row a day, the total last; what the figures rest on stands at the end of each row."""
    report = issued.report
    yield [*_csv_header(report.total), *CELLS, *recordings.CELLS]
    for row, coverage in zip((*report.days, report.total), (*issued.days, issued.coverage), strict=True):
        yield [*_csv_row(row), *coverage_cells(coverage), *recordings.cells(_recordings_of(issued, row))]


def _csv_header(row: Row) -> list[str]:
    names = ["date", "received"]
    for figure in row.figures.values():
        names.append(figure.name)
        if figure.denominator is not None:
            names += [f"{figure.name}_numerator", f"{figure.name}_denominator"]
    for part in Slice:
        names += [f"{part}_received", *(f"{part}_{outcome}" for outcome in Outcome)]
    return [*names, "definition"]


def _csv_row(row: Row) -> list[Any]:
    cells: list[Any] = [row.day.isoformat() if row.day else "total", row.received]
    for figure in row.figures.values():
        cells.append(NOTHING if figure.value is None else figure.value)
        if figure.denominator is not None:
            cells += [figure.numerator, figure.denominator]
    for part in Slice:
        cells += [sum(row.ledger[part].values()), *(row.ledger[part][outcome] for outcome in Outcome)]
    return [*cells, DEFINITION]


def shown(figure: Figure) -> str:
    """A figure as people read it."""
    if figure.value is None:
        return NOTHING
    if figure.unit == "ratio":
        return f"{figure.value:.1%}"
    return f"{figure.value:.1f}" if figure.unit == "seconds" else f"{figure.value:.0f}"


TABLE_FIGURES = (
    "inbound", "answered", "lost", "loss_rate", "connection_rate", "answered_within_15",
    "answered_within_15_rate", "answered_within_90", "answered_beyond_90", "service_level_15", "asa",
)  # fmt: skip


def tables(issued: Issued, period: Period, labels: Labels) -> Iterable[Table]:
    """The figures a day, the ledger of the whole period, and what they rest on."""
    report = issued.report
    title = f"{labels('report.title')} · {labels(f'report.{period}')} {report.since} – {report.days[-1].day}"
    figures = Table(title=title, caption=f"{labels('report.definition')}: {DEFINITION}")
    figures.add_column(labels("report.date"), no_wrap=True)
    for key in ("report.received", *(f"figures.{name}" for name in TABLE_FIGURES)):
        figures.add_column(labels(key), justify="right")
    for row in report.days:
        figures.add_row(*_figure_cells(row, str(row.day)))
    figures.add_section()
    figures.add_row(*_figure_cells(report.total, labels("report.total")), style="bold")
    yield figures
    yield _ledger(report.total, labels)
    yield _coverage(issued, labels)
    yield _recordings(issued, labels)


def _coverage(issued: Issued, labels: Labels) -> Table:
    table = Table(title=labels("report.coverage"), show_header=False)
    for line in coverage_lines(issued.coverage, labels):
        table.add_row(line)
    return table


def _recordings(issued: Issued, labels: Labels) -> Table:
    """Whether every call is on record."""
    table = Table(title=labels("report.recordings"))
    table.add_column(labels("report.date"), no_wrap=True)
    for name in ("expected", *recordings.KINDS, "rate"):
        table.add_column(labels(f"report.recordings_{name}"), justify="right")
    for row in (*issued.report.days, issued.report.total):
        kept = _recordings_of(issued, row)
        counts = (str(getattr(kept, name)) for name in ("expected", *recordings.KINDS))
        rate = NOTHING if kept.rate is None else f"{kept.rate:.2%}"
        table.add_row(str(row.day or labels("report.total")), *counts, rate)
    return table


def _figure_cells(row: Row, name: str) -> list[str]:
    return [name, str(row.received), *(shown(row.figures[figure]) for figure in TABLE_FIGURES)]


def _ledger(total: Row, labels: Labels) -> Table:
    ledger = Table(title=labels("report.ledger"))
    ledger.add_column("")
    for part in Slice:
        ledger.add_column(labels(f"slices.{part}"), justify="right")
    for outcome in Outcome:
        ledger.add_row(labels(f"outcomes.{outcome}"), *(str(total.ledger[part][outcome]) for part in Slice))
    ledger.add_section()
    sums = (str(sum(total.ledger[part].values())) for part in Slice)
    ledger.add_row(labels("report.received"), *sums, style="bold")
    return ledger
