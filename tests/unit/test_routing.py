"""What the queues and AstDB should hold, and what is to be done about what they hold."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from callcenter.agents.desired import (
    blocked_keys,
    default_members,
    last_agent_keys,
    logged_out,
    session_keys,
    wanted_members,
)
from callcenter.agents.model import Blocked, LastAgent, Session
from callcenter.calls.model import Line, Service
from callcenter.clock import LOCAL_ZONE
from callcenter.routing.closing import Closing
from callcenter.routing.desired import (
    Difference,
    drifted,
    key_differences,
    member_differences,
    member_keys,
    providers,
    service_keys,
)
from callcenter.routing.facts import RoutingFacts
from callcenter.routing.found import Found, Waiting, steps
from callcenter.schedule.model import Override, ScheduleFacts, ServiceState

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=LOCAL_ZONE)
EPOCH = int(NOW.timestamp())
HOUR = timedelta(hours=1)
DEFAULTS = default_members(("1001", "1002", "1003"), ("1003",))


def names(members: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Queue → `agent/penalty …`, as a table's cell."""
    return {queue: " ".join(f"{a}/{p}" for a, p in each.items()) for queue, each in members.items()}


@pytest.mark.parametrize(
    ("own", "staff", "out", "hotline", "overflow", "emergency"),
    [
        ({}, (), (), "1001/0 1002/0 1003/10", "1003/0", "1001/0 1002/0 1003/0"),
        ({}, (), ("1001",), "1002/0 1003/10", "1003/0", "1002/0 1003/0"),
        ({}, (), ("1001", "1002", "1003"), "", "", "1001/0 1002/0 1003/0"),  # the emergency line rings somebody
        ({"hotline": {"1003": 0, "1001": 5}}, (), (), "1003/0 1001/5", "1003/0", "1001/0 1002/0 1003/0"),
        ({"hotline": {}}, (), (), "1001/0 1002/0 1003/10", "1003/0", "1001/0 1002/0 1003/0"),
        ({"emergency": {"1002": 0}}, (), ("1002",), "1001/0 1003/10", "1003/0", "1002/0"),
        ({}, ("1002",), (), "1002/0", "", "1001/0 1002/0 1003/0"),  # duty with a staff list
        ({}, ("1003", "1010"), (), "1003/0 1010/0", "1003/0", "1001/0 1002/0 1003/0"),
        ({"hotline": {"1002": 3}}, ("1002", "1003"), ("1003",), "1002/0", "", "1001/0 1002/0"),
    ],
)
def test_members(
    own: dict[str, dict[str, int]],
    staff: tuple[str, ...],
    out: tuple[str, ...],
    hotline: str,
    overflow: str,
    emergency: str,
) -> None:
    members = names(wanted_members(own, DEFAULTS, staff=staff, out=out))
    assert members == {"hotline": hotline, "hotline-overflow": overflow, "emergency": emergency}


def test_all_of_the_second_line_take_the_hotline_themselves() -> None:
    assert names(default_members(("1001",), ("1001",)))["hotline"] == "1001/0"


def test_who_logged_out() -> None:
    keys = {"agent/1001": "out;1795352433", "agent/1002": "in;1795352433", "agent/1003": "", "blocked/1004": "out"}
    assert logged_out(keys) == {"1001"}


def test_keys_end_with_their_term() -> None:
    blocked = [
        Blocked("13800138000", None, "", NOW, ""),
        Blocked("13800138001", NOW + HOUR, "", NOW, ""),
        Blocked("13800138002", NOW, "", NOW, ""),
    ]
    assert blocked_keys(blocked, NOW) == {"blocked/13800138000": "0", "blocked/13800138001": str(EPOCH + 3600)}
    last = [LastAgent("13800138000", "1001", NOW + HOUR), LastAgent("13800138001", "1002", NOW)]
    assert last_agent_keys(last, NOW) == {"last/13800138000": f"1001;{EPOCH + 3600}"}


@pytest.mark.parametrize("number", ["", "anonymous", "138/../service/hotline", "1 2", "١٢٣", "1" * 21, "+"])
def test_callers_text_becomes_no_key(number: str) -> None:
    assert last_agent_keys([LastAgent(number, "1001", NOW + HOUR)], NOW) == {}


STATES = {
    Line.HOTLINE: ServiceState(Service.OPEN, "", NOW + HOUR, "hours", closes_at=NOW + HOUR),
    Line.EMERGENCY: ServiceState(Service.OPEN, "", None, "always"),
}
FACTS = RoutingFacts(
    blocked=(Blocked("13800138000", None, "", NOW, ""),),
    sessions=(Session("1001", False, NOW), Session("1002", True, NOW)),
    pins={"1001": "salt$hash"},
)
RIGHT = {
    **service_keys(STATES, NOW), **session_keys(FACTS.sessions), "blocked/13800138000": "0", "pin/1001": "salt$hash"
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "differences"),
    [
        ({}, []),
        ({"blocked/13800138000": None}, [("blocked/13800138000", None, "0")]),
        ({"blocked/13800138000": "1"}, [("blocked/13800138000", "1", "0")]),
        ({"blocked/110": "0"}, [("blocked/110", "0", None)]),
        ({"last/110": "1001;9"}, [("last/110", "1001;9", None)]),
        ({"pin/1002": "mine"}, [("pin/1002", "mine", None)]),
        ({"emergency/shift/7": "0;1;20:1001"}, [("emergency/shift/7", "0;1;20:1001", None)]),
        ({"service/fax": "open"}, [("service/fax", "open", None)]),
        ({"service/hotline": "open"}, [("service/hotline", "open", RIGHT["service/hotline"])]),
        ({"agent/1001": "in;5"}, []),  # a feature code's word
        ({"agent/1001": None}, [("agent/1001", None, f"out;{EPOCH}")]),  # lost
        ({"agent/1001": "x"}, [("agent/1001", "x", f"out;{EPOCH}")]),
        ({"agent/1009": "out;5"}, []),
        ({"outbound/20261123/total": "7", "callback/1": "x"}, []),  # not ours
    ],
)
def test_keys_that_differ(change: dict[str, str | None], differences: list[tuple[str, str | None, str | None]]) -> None:
    found = {key: value for key, value in {**RIGHT, **change}.items() if value is not None}
    seen = key_differences(providers(FACTS, STATES), found, NOW)
    assert [(each.key, each.found, each.wanted) for each in seen] == differences


ONE, TWO, OLD = "members/hotline/PJSIP/a-1001", "members/hotline/PJSIP/b-1002", "members/hotline/PJSIP/c-1003"
WANT = {ONE: "1001;0", TWO: "1002;2"}


@pytest.mark.parametrize(
    ("found", "sent"),
    [
        (WANT, []),
        ({TWO: "1002;2"}, ["QueueAdd PJSIP/a-1001 0"]),
        ({**WANT, OLD: "1003;0"}, ["QueueRemove PJSIP/c-1003"]),
        ({OLD: "1003;0"}, ["QueueAdd PJSIP/a-1001 0", "QueueAdd PJSIP/b-1002 2", "QueueRemove PJSIP/c-1003"]),
        ({**WANT, TWO: "1002;0"}, ["QueuePenalty PJSIP/b-1002 2"]),
        ({**WANT, ONE: "somebody;0"}, ["QueueRemove PJSIP/a-1001", "QueueAdd PJSIP/a-1001 0"]),
        ({**WANT, "members/sales/PJSIP/x": "x;0"}, []),  # a queue that is not ours
    ],
)
def test_members_that_differ(found: dict[str, str], sent: list[str]) -> None:
    state = Found({}, ("hotline",), found, frozenset(), {}, ())
    seen = [a for each in member_differences(WANT, found, ("hotline",)) for a in steps(each, state)]
    headers = [dict(action.headers) for action in seen]
    shown = [f"{a.name} {h['Interface']} {h.get('Penalty', '')}" for a, h in zip(seen, headers, strict=True)]
    assert [each.strip() for each in shown] == sent


def test_member_of_the_configuration_file_cannot_be_removed() -> None:
    state = Found({}, ("hotline",), {OLD: "1003;0"}, frozenset({OLD}), {}, ())
    assert steps(Difference(OLD, "1003;0", None), state) == ()


def test_pause_is_kept_when_a_member_comes_back() -> None:
    state = Found({}, ("hotline",), {}, frozenset(), {"PJSIP/a-1001": "meal"}, ())
    (add,) = steps(Difference(ONE, None, "1001;0"), state)
    assert ("Paused", "true") in add.headers
    assert ("Reason", "meal") in add.headers


def test_only_phones_and_queues_that_exist() -> None:
    members = {"hotline": {"1001": 0, "9999": 0}, "hotline-overflow": {"1001": 0}}
    assert member_keys(members, {"1001": "PJSIP/a-1001"}, ["hotline"]) == {ONE: "1001;0"}


def test_drift_is_what_somebody_else_did() -> None:
    changed = Difference("blocked/1", "5", "0")
    assert not drifted(changed, None)  # our first look
    assert not drifted(changed, {"blocked/1": "5"})  # what we left; our facts are new
    assert drifted(changed, {"blocked/1": "0"})
    assert drifted(Difference("blocked/1", None, "0"), {"blocked/1": "0"})
    assert not drifted(Difference("blocked/2", None, "0"), {"blocked/1": "0"})


GRACE = timedelta(minutes=10)
SHUT = Override(4, Line.HOTLINE, Service.CLOSED, NOW, NOW + 5 * HOUR, "", "")
SCHEDULE = ScheduleFacts(overrides=(SHUT,))
OPEN = ServiceState(Service.OPEN, "", None, "hours")
BY_PERSON = ServiceState(Service.CLOSED, "", None, "override-4")
BY_HOURS = ServiceState(Service.CLOSED, "", None, "hours")


@pytest.mark.parametrize(
    ("before", "after", "since"),
    [
        (OPEN, BY_PERSON, NOW),
        (None, BY_PERSON, NOW),  # we were started later
        (OPEN, BY_HOURS, NOW + GRACE),  # seen at this look
        (None, BY_HOURS, None),  # before our time
        (OPEN, OPEN, None),
        (BY_HOURS, OPEN, None),
    ],
)
def test_since_when_the_line_is_closed(
    before: ServiceState | None, after: ServiceState, since: datetime | None
) -> None:
    closing = Closing()
    if before is not None:
        closing.see(before, SCHEDULE, NOW)
    closing.see(after, SCHEDULE, NOW + GRACE)
    assert closing.since == since


@pytest.mark.parametrize(
    ("minutes", "queue", "waits", "taken"),
    [
        (9, "hotline", 900, False),  # still in the grace
        (11, "hotline", 900, True),
        (11, "hotline-overflow", 900, True),
        (11, "emergency", 900, False),
        (11, "hotline", 60, False),  # came after the closing: an agent's transfer
    ],
)
def test_who_is_taken_out(minutes: int, queue: str, waits: int, taken: bool) -> None:
    closing = Closing()
    closing.see(OPEN, SCHEDULE, NOW)
    closing.see(BY_PERSON, SCHEDULE, NOW)
    caller = Waiting(queue, "PJSIP/trunk-1", waits)
    assert closing.overdue([caller], GRACE, NOW + timedelta(minutes=minutes)) == ((caller,) if taken else ())
