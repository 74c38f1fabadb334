"""The value that the dialplan reads: what is written, what is believed, and when it is written anew."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.calls.model import Line, Service
from callcenter.clock import LOCAL_ZONE, from_epoch
from callcenter.routing.service import Pushed, read_pushed, wanted, will_do
from callcenter.schedule.hours import service_at
from callcenter.schedule.model import ServiceState

NOW = datetime(2026, 11, 22, 14, 5, 30, tzinfo=LOCAL_ZONE)
EPOCH = int(NOW.timestamp())


def pushed(mode: str, seconds: float, **facts: datetime | str) -> Pushed:
    return replace(Pushed(Service(mode), from_epoch(EPOCH + seconds), "hours"), **facts)


@pytest.mark.parametrize(
    ("state", "value"),
    [
        (ServiceState(Service.OPEN, "", None, "always"), f"open;{EPOCH + 300};always;;"),
        (ServiceState(Service.CLOSED, "", NOW + timedelta(seconds=20), "hours"), f"closed;{EPOCH + 20};hours;;"),
        (
            ServiceState(
                Service.DUTY, "", NOW + timedelta(hours=1), "duty-3",
                next_opening=NOW + timedelta(hours=9), closes_at=NOW + timedelta(hours=2),
            ),
            f"duty;{EPOCH + 300};duty-3;{EPOCH + 7200};{EPOCH + 32400}",
        ),
    ],
)  # fmt: skip
def test_what_is_written(state: ServiceState, value: str) -> None:
    assert str(wanted(state, NOW)) == value
    assert read_pushed(value) == wanted(state, NOW)


@pytest.mark.parametrize(
    "value",
    ["", "open", "open;1795352433", "ajar;1795352433;hours;;", "open;soon;hours;;", f"open;{'9' * 40};hours;;", ";;;;"],
)
def test_value_that_a_person_wrote(value: str) -> None:
    assert read_pushed(value) is None


SOON = NOW + timedelta(seconds=100)


@pytest.mark.parametrize(
    ("found", "stays"),
    [
        (None, False),
        (pushed("open", 300), False),  # another mode
        (pushed("closed", 300, reason="override-4"), False),  # another reason
        (pushed("closed", 300, closes_at=SOON), False),
        (pushed("closed", 300, next_opening=SOON), False),
        (pushed("closed", 300), True),
        (pushed("closed", 241), True),
        (pushed("closed", 240), False),  # runs out soon
        (pushed("closed", -5), False),
        (pushed("closed", 302), True),  # another listener's, a little later than ours
        (pushed("closed", 361), False),  # nobody of ours writes such a term
    ],
)
def test_what_may_stay(found: Pushed | None, stays: bool) -> None:
    assert will_do(pushed("closed", 300), found, NOW) is stays


def test_term_may_not_outlive_the_next_change() -> None:
    want = pushed("closed", 100)
    assert will_do(want, pushed("closed", 100), NOW)
    assert not will_do(want, pushed("closed", 101), NOW)
    assert not will_do(want, pushed("closed", 99), NOW)


@given(st.integers(0, 14 * 24 * 3600), st.integers(0, 240))
def test_two_listeners_accept_each_other(at: int, later: int) -> None:
    """What one wrote, another leaves alone until it must be renewed or the state changes."""
    first = NOW + timedelta(seconds=at)
    second = first + timedelta(seconds=later % 55)
    ours, theirs = (service_at(Line.HOTLINE, moment) for moment in (first, second))
    if (ours.mode, ours.until) == (theirs.mode, theirs.until) and ours.until and ours.until - second > timedelta(300):
        assert will_do(wanted(theirs, second), read_pushed(str(wanted(ours, first))), second)
        assert will_do(wanted(ours, first), read_pushed(str(wanted(theirs, second))), first)
