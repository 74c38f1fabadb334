"""The key that tells the dialplan what new calls get while recordings can't be written."""

from datetime import UTC, datetime, timedelta

import pytest

from callcenter.routing.desired import key_differences
from callcenter.routing.recording_failure import KEY, VALID_FOR, provider

NOW = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)


def changes(policy: str, found: dict[str, str], moment: datetime = NOW) -> list[str | None]:
    return [each.wanted for each in key_differences((provider(policy),), found, moment)]


def pushed(policy: str, ago: float) -> dict[str, str]:
    """What was pushed so many seconds ago."""
    until = NOW - timedelta(seconds=ago) + VALID_FOR
    return {KEY: f"{policy};{int(until.timestamp())}"}


def test_pushed_with_its_term() -> None:
    assert changes("refuse", {}) == [f"refuse;{int((NOW + VALID_FOR).timestamp())}"]


def test_taken_back_when_all_is_well() -> None:
    assert changes("", pushed("refuse", 10)) == [None]
    assert changes("", {}) == []


@pytest.mark.parametrize(("ago", "renewed"), [(0, False), (30, False), (59, False), (61, True), (300, True)])
def test_renewed_in_time(ago: float, renewed: bool) -> None:
    assert bool(changes("announce", pushed("announce", ago))) is renewed


@pytest.mark.parametrize("value", ["announce;99999999999", "announce;x", "announce", "refuse;0", ""])
def test_what_a_person_wrote_is_replaced(value: str) -> None:
    assert len(changes("announce", {KEY: value})) == 1
