"""What a report's figures rest on, for its three shapes: complete, or what may be missing and why."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from callcenter.catalogue.labels import Labels
from callcenter.clock import LOCAL_ZONE
from callcenter.coverage.model import Span, State
from callcenter.coverage.period import FailedCheck, PeriodCoverage

CELLS = ("complete", "observed_seconds", "filled_seconds", "unobserved_seconds", "failed_checks")
COMPLETE = {True: "complete", False: "incomplete", None: "unknown"}


def coverage_object(coverage: PeriodCoverage, labels: Labels) -> dict[str, Any]:
    """For JSON."""
    _, filled_seconds, unobserved_seconds = coverage.seconds()
    return {
        "complete": coverage.complete,
        "label": labels(f"coverage.{COMPLETE[coverage.complete]}"),
        "watched": [{"pbx": each.pbx, "since": each.watched_since} for each in coverage.pbxs],
        "unobserved_seconds": unobserved_seconds,
        "unobserved": [_span_object(pbx, span, labels) for pbx, span in _spans(coverage, State.UNOBSERVED)],
        "filled": {"spans": len(list(_spans(coverage, State.FILLED))), "seconds": filled_seconds},
        "checks": [_check_object(each) for each in coverage.failed],
    }


def _spans(coverage: PeriodCoverage, state: State) -> Iterator[tuple[str, Span]]:
    for each in coverage.pbxs:
        for span in each.spans(state):
            yield each.pbx, span


def _span_object(pbx: str, span: Span, labels: Labels) -> dict[str, Any]:
    shown = {"pbx": pbx, "from": span.since, "until": span.until, "seconds": round(span.seconds, 3)}
    return {**shown, "causes": span.causes, "label": _causes(span, labels)}


def _check_object(failed: FailedCheck) -> dict[str, Any]:
    check = failed.check
    return {
        "pbx": failed.pbx,
        "from": check.since,
        "until": check.at,
        "missing_calls": check.missing_calls,
        "missing_starts": len(check.missing_starts),
        "missing_ends": len(check.missing_ends) + len(check.missing_linkedid_ends),
    }


def _check_line(failed: FailedCheck, labels: Labels) -> str:
    check, counts = failed.check, _check_object(failed)
    when = {"since": _local(check.since or check.at), "until": _local(check.at)}
    missing = {name: counts[f"missing_{name}"] for name in ("calls", "starts", "ends")}
    return labels("coverage.failed_check").format(pbx=failed.pbx, **when, **missing)


def coverage_cells(coverage: PeriodCoverage) -> list[Any]:
    """For CSV, under `CELLS`."""
    return [COMPLETE[coverage.complete], *coverage.seconds(), len(coverage.failed)]


def coverage_lines(coverage: PeriodCoverage, labels: Labels) -> Iterable[str]:
    """For people: one line when all is there, else a line for each span that is not."""
    yield labels(f"coverage.{COMPLETE[coverage.complete]}")
    for each in coverage.pbxs:
        if each.watched_since >= each.coverage.since:
            yield labels("coverage.watched_since").format(pbx=each.pbx, since=_local(each.watched_since))
    for pbx, span in _spans(coverage, State.UNOBSERVED):
        when = {"since": _local(span.since), "until": _local(span.until), "seconds": f"{span.seconds:.0f}"}
        yield labels("coverage.unobserved_span").format(pbx=pbx, **when, causes=_causes(span, labels))
    yield from (_check_line(failed, labels) for failed in coverage.failed)
    if filled := list(_spans(coverage, State.FILLED)):
        seconds = f"{coverage.seconds()[1]:.0f}"
        yield labels("coverage.filled_spans").format(spans=len(filled), seconds=seconds)


def _causes(span: Span, labels: Labels) -> str:
    return " ".join(labels(f"causes.{cause}") for cause in span.causes)


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(LOCAL_ZONE):%Y-%m-%d %H:%M:%S}"
