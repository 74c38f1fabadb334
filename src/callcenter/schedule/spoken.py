"""Opening hours as a prompt says them: 周一至周五，9点至17点. Pure."""

from collections.abc import Callable, Iterable
from datetime import date
from itertools import groupby

from callcenter.calls.model import Line
from callcenter.schedule.hours import covers, merged
from callcenter.schedule.model import ScheduleFacts

Spans = tuple[tuple[int, int], ...]
"""Minutes [opens, closes) of a day, in order"""
WHOLE_WEEK = tuple(range(1, 8))
ZH_DAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
EN_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def spoken_hours(line: Line, day: date, facts: ScheduleFacts) -> dict[str, str]:
    """The line's weekly hours that are valid on `day`, in each language (zh, en); holidays are not told."""
    week = _week(line, day, facts)
    if not week:
        return {"zh": "以公告为准", "en": "as announced"}
    return {"zh": _joined(week, _zh_days, _zh_spans, "；", "，"), "en": _joined(week, _en_days, _en_spans, "; ", ", ")}


def _week(line: Line, day: date, facts: ScheduleFacts) -> list[tuple[Spans, tuple[int, ...]]]:
    """Different hours, each with the ISO weekdays that have them; the earliest weekday first."""
    spans = {
        weekday: tuple(merged((each.opens, each.closes) for each in facts.hours if covers(each, line, weekday, day)))
        for weekday in WHOLE_WEEK
    }
    found: dict[Spans, list[int]] = {}
    for weekday, hours in spans.items():
        if hours:
            found.setdefault(hours, []).append(weekday)
    return [(hours, tuple(weekdays)) for hours, weekdays in found.items()]


def _joined(
    week: list[tuple[Spans, tuple[int, ...]]],
    days: Callable[[tuple[int, ...]], str],
    spans: Callable[[Spans], str],
    between: str,
    within: str,
) -> str:
    return between.join(f"{days(weekdays)}{within}{spans(hours)}" for hours, weekdays in week)


def _runs(weekdays: tuple[int, ...]) -> Iterable[list[int]]:
    """Weekdays that follow each other, together."""
    numbered = enumerate(weekdays)
    for _, run in groupby(numbered, key=lambda pair: pair[1] - pair[0]):
        yield [weekday for _, weekday in run]


def _named(weekdays: tuple[int, ...], names: tuple[str, ...], to: str) -> list[str]:
    """`周一至周五` for three and more in a row, else each by itself."""
    said = []
    for run in _runs(weekdays):
        ends = names[run[0] - 1], names[run[-1] - 1]
        said += [to.join(ends)] if len(run) > 2 else [names[weekday - 1] for weekday in run]
    return said


def _zh_days(weekdays: tuple[int, ...]) -> str:
    return "每天" if weekdays == WHOLE_WEEK else "、".join(_named(weekdays, ZH_DAYS, "至"))


def _en_days(weekdays: tuple[int, ...]) -> str:
    return "every day" if weekdays == WHOLE_WEEK else " and ".join(_named(weekdays, EN_DAYS, " to "))


def _zh_spans(spans: Spans) -> str:
    return "，".join(f"{_zh_time(opens)}至{_zh_time(closes)}" for opens, closes in spans)


def _zh_time(minutes: int) -> str:
    return f"{minutes // 60}点" + (f"{minutes % 60}分" if minutes % 60 else "")


def _en_spans(spans: Spans) -> str:
    return " and ".join(f"{_en_time(opens)} to {_en_time(closes)}" for opens, closes in spans)


def _en_time(minutes: int) -> str:
    return f"{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")
