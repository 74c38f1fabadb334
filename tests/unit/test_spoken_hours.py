"""How opening hours are said, in Chinese and English."""

from datetime import date

import pytest

from callcenter.calls.model import Line
from callcenter.schedule.model import OpeningHours, ScheduleFacts
from callcenter.schedule.spoken import spoken_hours

DAY = date(2026, 11, 25)
MORNING, AFTERNOON, NIGHT = (9 * 60, 12 * 60), (13 * 60 + 30, 17 * 60), (0, 24 * 60)


def hours(*rows: tuple[set[int], tuple[int, int]], line: Line = Line.HOTLINE) -> tuple[OpeningHours, ...]:
    return tuple(OpeningHours(n, line, frozenset(days), *span) for n, (days, span) in enumerate(rows))


WEEK, WEEKEND = {1, 2, 3, 4, 5}, {6, 7}
CASES = [
    (hours((WEEK, (540, 1020))), "周一至周五，9点至17点", "Monday to Friday, 9 to 17"),
    (
        hours((WEEK, MORNING), (WEEK, AFTERNOON)),
        "周一至周五，9点至12点，13点30分至17点",
        "Monday to Friday, 9 to 12 and 13:30 to 17",
    ),
    (
        hours((WEEK, (540, 1020)), (WEEKEND, MORNING)),
        "周一至周五，9点至17点；周六、周日，9点至12点",
        "Monday to Friday, 9 to 17; Saturday and Sunday, 9 to 12",
    ),
    (hours(({1, 3, 4, 5}, MORNING)), "周一、周三至周五，9点至12点", "Monday and Wednesday to Friday, 9 to 12"),
    (hours((WEEK | WEEKEND, NIGHT)), "每天，0点至24点", "every day, 0 to 24"),
    (hours((WEEK, MORNING), (WEEK, (600, 1020))), "周一至周五，9点至17点", "Monday to Friday, 9 to 17"),
    ((), "以公告为准", "as announced"),
]


@pytest.mark.parametrize(("rows", "zh", "en"), CASES)
def test_hours_in_words(rows: tuple[OpeningHours, ...], zh: str, en: str) -> None:
    assert spoken_hours(Line.HOTLINE, DAY, ScheduleFacts(hours=rows)) == {"zh": zh, "en": en}


def test_only_what_is_valid_is_said() -> None:
    past = OpeningHours(1, Line.HOTLINE, frozenset(WEEK), 480, 960, valid_until=DAY)
    now = OpeningHours(2, Line.HOTLINE, frozenset(WEEK), 540, 1020, valid_from=DAY)
    assert spoken_hours(Line.HOTLINE, DAY, ScheduleFacts(hours=(past, now)))["zh"] == "周一至周五，9点至17点"
