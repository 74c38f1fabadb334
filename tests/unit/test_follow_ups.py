"""When a lost caller is due, and who can be rung at all."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.callbacks.due import after_service_time, due_at
from callcenter.callbacks.lost import can_be_rung, joined_kind
from callcenter.callbacks.model import FollowUpKind
from callcenter.calls.model import Line
from callcenter.clock import LOCAL_ZONE
from callcenter.schedule.hours import service_at
from callcenter.schedule.model import ServiceState

FOUR_HOURS = timedelta(hours=4)


def hotline_at(moment: datetime) -> ServiceState:
    return service_at(Line.HOTLINE, moment)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL_ZONE)


@pytest.mark.parametrize(
    ("lost", "due"),
    [
        ("2026-11-23 09:00:00", "2026-11-23 13:00:00"),  # Monday
        ("2026-11-23 13:00:00", "2026-11-23 17:00:00"),  # the last second that is the same day's
        ("2026-11-23 13:00:01", "2026-11-24 09:00:01"),
        ("2026-11-23 16:59:59", "2026-11-24 12:59:59"),
        ("2026-11-23 20:00:00", "2026-11-24 13:00:00"),
        ("2026-11-23 03:00:00", "2026-11-23 13:00:00"),
        ("2026-11-27 16:00:00", "2026-11-30 12:00:00"),  # Friday to Monday
        ("2026-11-28 10:00:00", "2026-11-30 13:00:00"),  # Saturday
    ],
)
def test_due_in_service_hours(lost: str, due: str) -> None:
    assert due_at("hotline", local(lost), FOUR_HOURS, hotline_at) == local(due)


def test_emergency_is_due_at_once() -> None:
    lost = local("2026-11-28 03:00:00")
    assert due_at("emergency", lost, FOUR_HOURS, hotline_at) == lost


def test_longer_than_a_day() -> None:
    assert after_service_time(local("2026-11-23 09:00"), timedelta(hours=20), hotline_at) == local("2026-11-25 13:00")


@given(st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 20)), st.integers(60, 72 * 3600))
def test_open_time_between_is_what_was_asked(wall: datetime, seconds: int) -> None:
    """Counted again minute by minute, on the wall clock's hours alone."""
    lost = wall.replace(second=0, microsecond=0, tzinfo=LOCAL_ZONE)
    span = timedelta(minutes=seconds // 60)
    due = after_service_time(lost, span, hotline_at)
    minutes, at = 0, lost
    while at < due:
        minutes += at.isoweekday() <= 5 and 9 <= at.hour < 17
        at += timedelta(minutes=1)
    assert minutes == span // timedelta(minutes=1)


@pytest.mark.parametrize("number", ["", "anonymous", "1234", "+861", "1" * 16, "13800138000;x", "*72", "13８00138000"])
def test_who_cannot_be_rung(number: str) -> None:
    assert not can_be_rung(number)


def test_who_can_be_rung() -> None:
    assert can_be_rung("13800138000") and can_be_rung("+8613800138000") and can_be_rung("12345")


def test_a_voicemail_stays_one() -> None:
    voicemail, lost = FollowUpKind.VOICEMAIL, FollowUpKind.LOST
    assert joined_kind(voicemail, lost) is voicemail and joined_kind(lost, voicemail) is voicemail
