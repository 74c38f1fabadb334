"""The live view: manager events in, what a wallboard shows out."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.ami.events import ChannelGone, ChannelListed, ChannelRings, EmergencyTaken
from callcenter.ami.framing import Framer
from callcenter.ami.messages import Event, read_message
from callcenter.ami.model import Snapshot, SnapshotBegun
from callcenter.queues.live import LiveQueues
from callcenter.queues.live_view import LiveView

RECORDED = Path(__file__).parents[1] / "scenarios" / "ami"
START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def event(name: str, **headers: str | int) -> Event:
    lines = [f"Event: {name}", *(f"{header}: {value}" for header, value in headers.items())]
    return Event(name, "\r\n".join(lines).encode())


def member(agent: str, status: int = 1, paused: int = 0, in_call: int = 0, queue: str = "hotline") -> Event:
    headers = {"Queue": queue, "Name": agent, "Location": f"PJSIP/{agent}", "StateInterface": f"PJSIP/{agent}"}
    return event("QueueMember", **headers, InCall=in_call, Status=status, Paused=paused)


def join(call: str, position: int, number: str = "13800138000", at: float = 0) -> Event:
    stamp = START.timestamp() + at
    return event(
        "QueueCallerJoin",
        Timestamp=f"{stamp:.6f}",
        CallerIDNum=number,
        Uniqueid=call,
        Queue="hotline",
        Position=position,
    )


def leave(call: str) -> Event:
    return event("QueueCallerLeave", Uniqueid=call, Queue="hotline", Position=1)


def agent_event(name: str, agent: str, call: str, number: str = "13800138000") -> Event:
    return event(name, CallerIDNum=number, Uniqueid=call, Queue="hotline", MemberName=agent, Interface=f"PJSIP/{agent}")


def device(agent: str, state: str) -> Event:
    return event("DeviceStateChange", Device=f"PJSIP/{agent}", State=state)


def snapshot(*events: Event, at: float = 0) -> Snapshot:
    return Snapshot(START + timedelta(seconds=at), (event("QueueParams", Queue="hotline"), *events))


def view_after(*items: Event | Snapshot | SnapshotBegun) -> LiveView:
    view = LiveView(("1001", "1002"), START)
    for item in (SnapshotBegun(START), snapshot(member("1001"), member("1002", 5)), *items):
        view.feed(item, START)
    return view


def queue_of(view: LiveView, name: str = "hotline") -> dict[str, Any]:
    return view.states()["queue", name]


def agent_of(view: LiveView, number: str = "1001") -> dict[str, Any]:
    return view.states()["agent", number]


def test_fresh_snapshot() -> None:
    view = view_after()
    assert queue_of(view) == {
        "queue": "hotline",
        "waiting": [],
        "waiting_count": 0,
        "agents_available": 1,
        "agents_total": 2,
        "calls_in_talk": 0,
    }
    assert agent_of(view) == {
        "agent": "1001",
        "name": "1001",
        "state": "available",
        "since": "2026-11-23T01:00:00+00:00",
        "call_id": None,
        "caller_number": None,
        "pause_reason": None,
        "queues": ["hotline"],
    }
    assert agent_of(view, "1002")["state"] == "offline"


def test_waiting_callers_move_up() -> None:
    view = view_after(join("a", 1, "1", at=1), join("b", 2, "2", at=2), join("c", 3, "3", at=3), leave("a"))
    assert queue_of(view)["waiting"] == [
        {"caller_number": "2", "position": 1, "waiting_since": "2026-11-23T01:00:02+00:00"},
        {"caller_number": "3", "position": 2, "waiting_since": "2026-11-23T01:00:03+00:00"},
    ]


def test_caller_with_priority_is_first() -> None:
    view = view_after(join("a", 1, "1"), join("b", 1, "2"))
    assert [each["caller_number"] for each in queue_of(view)["waiting"]] == ["2", "1"]


@pytest.mark.parametrize("number", ["", "<unknown>"])
def test_hidden_number(number: str) -> None:
    assert queue_of(view_after(join("a", 1, number)))["waiting"][0]["caller_number"] is None


def test_answered_call() -> None:
    items = [join("a", 1), agent_event("AgentCalled", "1001", "a"), device("1001", "RINGING")]
    ringing = view_after(*items)
    assert (agent_of(ringing)["state"], agent_of(ringing)["caller_number"]) == ("ringing", "13800138000")
    assert queue_of(ringing)["agents_available"] == 0
    items += [device("1001", "INUSE"), leave("a"), agent_event("AgentConnect", "1001", "a")]
    talking = view_after(*items)
    assert (agent_of(talking)["state"], agent_of(talking)["caller_number"]) == ("talking", "13800138000")
    assert (queue_of(talking)["waiting_count"], queue_of(talking)["calls_in_talk"]) == (0, 1)
    items += [agent_event("AgentComplete", "1001", "a"), device("1001", "NOT_INUSE")]
    over = view_after(*items)
    assert (agent_of(over)["state"], agent_of(over)["caller_number"]) == ("available", None)
    assert queue_of(over)["calls_in_talk"] == 0


def test_talk_ends_with_the_callers_channel() -> None:
    view = view_after(agent_event("AgentConnect", "1001", "a"), event("Hangup", Uniqueid="a"))
    assert queue_of(view)["calls_in_talk"] == 0


@pytest.mark.parametrize(
    ("device_state", "paused", "contacts", "expected"),
    [
        ("NOT_INUSE", 0, 1, "available"),
        ("NOT_INUSE", 1, 1, "paused"),
        ("INUSE", 1, 1, "talking"),
        ("RINGING", 0, 1, "ringing"),
        ("RINGINUSE", 0, 1, "talking"),
        ("ONHOLD", 0, 1, "talking"),
        ("UNAVAILABLE", 0, 0, "offline"),
        ("UNAVAILABLE", 1, 0, "offline"),
        ("UNAVAILABLE", 0, 1, "unavailable"),
        ("INVALID", 0, 0, "offline"),
        ("SOMETHING NEW", 0, 1, "unavailable"),
    ],
)
def test_presence(device_state: str, paused: int, contacts: int, expected: str) -> None:
    seen = [event("ContactStatus", EndpointName="1001", URI="sip:1", ContactStatus="Reachable")] * contacts
    pause = event("QueueMemberPause", Queue="hotline", MemberName="1001", Paused=paused)
    assert agent_of(view_after(*seen, pause, device("1001", device_state)))["state"] == expected


def test_contact_removed_is_offline() -> None:
    def contact(status: str) -> Event:
        return event("ContactStatus", EndpointName="1001", URI="sip:1", ContactStatus=status)

    view = view_after(contact("Reachable"), device("1001", "UNAVAILABLE"), contact("Removed"))
    assert agent_of(view)["state"] == "offline"


def test_paused_in_one_queue_of_two_still_works() -> None:
    second = member("1001", queue="emergency")
    view = view_after(second, event("QueueMemberPause", Queue="hotline", MemberName="1001", Paused=1))
    assert agent_of(view)["state"] == "available"
    assert queue_of(view)["agents_available"] == 0
    assert queue_of(view, "emergency")["agents_available"] == 1


def test_removed_member_is_no_agent_of_the_queue() -> None:
    view = view_after(event("QueueMemberRemoved", Queue="hotline", MemberName="1002"))
    assert queue_of(view)["agents_total"] == 1
    assert agent_of(view, "1002")["queues"] == []


def test_snapshot_repairs_what_was_missed() -> None:
    """While nobody looked: a left, b still waits and is known, c is new, 1001 talks, 1002 came, a queue went."""
    entry = {"Queue": "hotline", "CallerIDNum": "3", "Position": 2, "Wait": 7}
    later = snapshot(
        event("QueueEntry", Queue="hotline", CallerIDNum="2", Uniqueid="b", Position=1, Wait=60),
        event("QueueEntry", Uniqueid="c", **entry),
        member("1001", 2, in_call=1),
        member("1002", 1),
        event("CoreShowChannel", Uniqueid="b"),
        at=60,
    )
    view = view_after(join("a", 1, "1"), join("b", 2, "2", at=2), SnapshotBegun(START), later)
    assert queue_of(view)["waiting"] == [
        {"caller_number": "2", "position": 1, "waiting_since": "2026-11-23T01:00:02+00:00"},
        {"caller_number": "3", "position": 2, "waiting_since": "2026-11-23T01:00:53+00:00"},
    ]
    assert queue_of(view)["calls_in_talk"] == 1
    assert (agent_of(view)["state"], agent_of(view, "1002")["state"]) == ("talking", "available")


def test_restart_keeps_since_of_an_unchanged_state() -> None:
    view = view_after()
    earlier = "2026-11-23T00:30:00+00:00"
    view.agents.remember([{"agent": "1001", "state": "available", "since": earlier}])
    view.agents.remember([{"agent": "1002", "state": "talking", "since": earlier}])
    assert agent_of(view)["since"] == earlier
    assert agent_of(view, "1002")["since"] == "2026-11-23T01:00:00+00:00"


@pytest.mark.parametrize("name", ["answered.ami", "attended_transfer.ami"])
def test_recorded_call_leaves_nothing_behind(name: str) -> None:
    view = LiveView((), START)
    waiting, talks = 0, 0
    for item in recorded(name):
        view.feed(item, START)
        queue = view.states().get(("queue", "desk"), {"waiting_count": 0, "calls_in_talk": 0})
        waiting, talks = max(waiting, queue["waiting_count"]), max(talks, queue["calls_in_talk"])
    assert (waiting, talks) == (1, 1)
    last = queue_of(view, "desk")
    assert (last["waiting_count"], last["calls_in_talk"]) == (0, 0)


def recorded(name: str) -> Iterator[Event]:
    for raw in Framer().feed((RECORDED / name).read_bytes()):
        message = read_message(raw)
        if isinstance(message, Event):
            yield message


STORY = (join("a", 1), join("b", 2), leave("a"), join("c", 2), join("d", 1), leave("c"), join("a", 3), leave("d"))


def waiting_after(events: Sequence[Event]) -> list[str]:
    """The queue as Asterisk has it: the oracle."""
    order: list[str] = []
    for each in events:
        if each.name == "QueueCallerJoin":
            order.insert(int(each.get("Position")) - 1, each.get("Uniqueid"))
        else:
            order.remove(each.get("Uniqueid"))
    return order


def listed(events: Sequence[Event]) -> Snapshot:
    entries = [
        event("QueueEntry", Queue="hotline", Uniqueid=call, Position=n)
        for n, call in enumerate(waiting_after(events), 1)
    ]
    return snapshot(*entries)


@given(st.lists(st.integers(0, len(STORY)), min_size=3, max_size=3).map(sorted))
def test_snapshot_overlapping_events(moments: list[int]) -> None:
    """Begun before event i, made by Asterisk after event j, complete after event k: the end is always the same."""
    i, j, k = moments
    items = [*STORY[:i], SnapshotBegun(START), *STORY[i:k], listed(STORY[:j]), *STORY[k:]]
    view = LiveView((), START)
    for item in items:
        view.feed(item, START)
    assert [each.uniqueid for each in view.queues._at("hotline").waiting] == waiting_after(STORY)


names = ["QueueCallerJoin", "QueueMember", "AgentCalled", "DeviceStateChange", "ContactStatus", "Hangup", "X"]
headers = st.dictionaries(
    st.sampled_from(["Queue", "Position", "Status", "MemberName", "Device", "State", "Uniqueid", "Timestamp"]),
    st.text(st.characters(exclude_characters="\r\n", exclude_categories=("Cs",)), max_size=20),
)


@given(st.lists(st.tuples(st.sampled_from(names), headers), max_size=10))
def test_surprising_events_never_raise(rows: list[tuple[str, dict[str, str]]]) -> None:
    view = view_after(*(event(name, **each) for name, each in rows))
    assert all(state["waiting_count"] >= 0 for (kind, _), state in view.states().items() if kind == "queue")


def test_emergency_caller_is_seen_waiting_until_somebody_on_duty_answers() -> None:
    queues, at = LiveQueues(), datetime(2026, 11, 24, tzinfo=UTC)
    queues.feed(ChannelRings("Local/1@emergency-phones-1;1", "13800138000", "u1"), at)
    queues.feed(ChannelRings("Local/1@emergency-clock-1;1", "13800138000", "u1"), at)
    queues.feed(EmergencyTaken(""), at)  # somebody else's attempt
    (waiting,) = queues.payloads(lambda _: True)["emergency"]["waiting"]
    assert waiting["caller_number"] == "13800138000"
    queues.reset([ChannelListed("u1", "13800138000", True)], at)
    assert queues.payloads(lambda _: True)["emergency"]["waiting_count"] == 1
    queues.feed(EmergencyTaken("u1"), at)
    payload = queues.payloads(lambda _: True)["emergency"]
    assert (payload["waiting_count"], payload["calls_in_talk"]) == (0, 1)
    queues.feed(ChannelGone("u1"), at)
    assert queues.payloads(lambda _: True)["emergency"]["calls_in_talk"] == 0
