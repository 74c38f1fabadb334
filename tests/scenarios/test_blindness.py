"""What a record says of a call that was out of sight for a while: captured stories, cut where the link is lost."""

from datetime import UTC, datetime, timedelta

import pytest

from callcenter.ami.messages import Event
from callcenter.calls.events import CallEnded, CallEvent
from callcenter.calls.model import CallRecord
from callcenter.calls.tracker import CallTracker
from callcenter.journal.facts import CelFact, Fact, parse_cel
from callcenter.journal.sightings import blind_line, seen_line
from tests.scenarios.stories import facts

BOOT = datetime(2026, 11, 1, tzinfo=UTC)


def fact_of(data: bytes) -> Fact:
    return parse_cel(data.rstrip(b"\n"))


def talking_until(name: str = "answered") -> tuple[list[Fact], list[Fact]]:
    """The story until both are in the bridge, and the rest."""
    story = facts(name)
    second = [i for i, f in enumerate(story) if isinstance(f, CelFact) and f.type == "BRIDGE_ENTER"][1]
    return story[: second + 1], story[second + 1 :]


def listed(channel: CelFact, **headers: str) -> Event:
    known = {
        "Channel": channel.channel, "ChannelState": "6", "CallerIDNum": channel.number, "Uniqueid": channel.uniqueid,
        "Linkedid": channel.linkedid, "Application": channel.app, "ApplicationData": channel.app_data,
        "Duration": "00:00:20", "BridgeId": "", **headers,
    }  # fmt: skip
    lines = "".join(f"\r\n{name}: {value}" for name, value in known.items())
    return Event("CoreShowChannel", f"Event: CoreShowChannel{lines}".encode())


def feed(tracker: CallTracker, told: list[Fact]) -> list[CallEvent]:
    return [event for fact in told for event in tracker.feed(fact)]


def ended(events: list[CallEvent]) -> list[CallRecord]:
    return [event.record for event in events if isinstance(event, CallEnded)]


def channels(story: list[Fact]) -> dict[str, CelFact]:
    """The last fact of each channel."""
    return {f.uniqueid: f for f in story if isinstance(f, CelFact)}


def test_call_that_ended_unseen_is_closed_where_it_was_last_seen() -> None:
    seen, _ = talking_until()
    tracker, since = CallTracker("hotline"), seen[-1].at + timedelta(seconds=3)
    feed(tracker, seen)
    (record,) = ended(feed(tracker, [fact_of(blind_line(since, since + timedelta(seconds=30), (), BOOT).data)]))
    assert (record.evidence, record.outcome, record.hung_up_by) == ("blind_interval", "answered", None)
    assert record.talk_seconds == pytest.approx(3, abs=0.01)
    assert record.ended_at == since
    assert "blind_interval" in record.anomalies
    assert tracker.running == 0


def test_talk_counts_however_short_it_was_seen() -> None:
    seen, _ = talking_until()
    tracker, since = CallTracker("hotline"), seen[-1].at - timedelta(seconds=1)
    feed(tracker, seen)
    (record,) = ended(feed(tracker, [fact_of(blind_line(since, since + timedelta(seconds=30), (), BOOT).data)]))
    assert (record.outcome, record.evidence) == ("answered", "blind_interval")
    assert record.talk_seconds == pytest.approx(0, abs=0.01)


def test_agent_who_left_unseen_talks_no_longer() -> None:
    seen, _ = talking_until()
    tracker, since = CallTracker("hotline"), seen[-1].at + timedelta(seconds=3)
    feed(tracker, seen)
    until = since + timedelta(seconds=60)
    caller = seen[0].uniqueid
    assert ended(feed(tracker, [fact_of(blind_line(since, until, (caller,), BOOT).data)])) == []
    (record,) = ended(feed(tracker, [fact_of(blind_line(until, until + timedelta(seconds=1), (), BOOT).data)]))
    assert record.talk_seconds == pytest.approx(3, abs=0.01)


def test_caller_who_waited_and_is_gone_is_incomplete() -> None:
    story = facts("abandoned_ringing")
    ringing = next(i for i, f in enumerate(story) if isinstance(f, CelFact) and f.type == "APP_START")
    tracker, since = CallTracker("hotline"), story[ringing].at + timedelta(seconds=2)
    feed(tracker, story[: ringing + 1])
    (record,) = ended(feed(tracker, [fact_of(blind_line(since, since + timedelta(seconds=9), (), BOOT).data)]))
    assert (record.outcome, record.queue_visits[0].result) == ("incomplete", "incomplete")
    assert record.wait_seconds == pytest.approx(2, abs=0.01)


def test_call_that_went_on_is_as_it_would_have_been() -> None:
    seen, rest = talking_until()
    tracker, whole = CallTracker("hotline"), CallTracker("hotline")
    (expected,) = ended(feed(whole, seen + rest))[:1]
    feed(tracker, seen)
    up, since = channels(seen), seen[-1].at
    bridge = seen[-1].extra["bridge_id"] if isinstance(seen[-1], CelFact) else ""
    moment = since + timedelta(milliseconds=200)
    lines = [
        blind_line(since, moment, up, BOOT),
        *(seen_line(listed(f, BridgeId=bridge), since, moment) for f in up.values()),
    ]
    assert ended(feed(tracker, [fact_of(line.data) for line in lines])) == []
    record = ended(feed(tracker, rest))[0]
    assert (record.talk_seconds, record.evidence) == (expected.talk_seconds, "channel_ends")
    assert (record.outcome, record.hung_up_by, record.legs) == (expected.outcome, expected.hung_up_by, expected.legs)
    assert record.anomalies == ("blind_interval",)


def test_news_that_was_on_its_way_opens_the_call_again() -> None:
    """Taken for gone because the list no longer had it; its own end comes a moment later and is the truth."""
    seen, rest = talking_until()
    tracker = CallTracker("hotline")
    (expected,) = ended(feed(CallTracker("hotline"), seen + rest))[:1]
    feed(tracker, seen)
    since = seen[-1].at + timedelta(seconds=1)
    first = ended(feed(tracker, [fact_of(blind_line(since, since, (), BOOT).data)]))
    last = ended(feed(tracker, rest))
    assert [r.evidence for r in first] == ["blind_interval"]
    assert (last[-1].evidence, last[-1].id) == ("channel_ends", first[0].id)
    assert (last[-1].talk_seconds, last[-1].hung_up_by) == (expected.talk_seconds, expected.hung_up_by)
    assert last[-1].legs == expected.legs


def test_call_that_began_unseen_has_a_record() -> None:
    seen, rest = talking_until()
    tracker, moment = CallTracker("hotline"), seen[-1].at + timedelta(seconds=0.5)
    up = channels(seen)
    assert isinstance(seen[-1], CelFact)
    bridge = seen[-1].extra["bridge_id"]
    lines = [seen_line(listed(f, BridgeId=bridge), None, moment) for f in up.values()]
    feed(tracker, [fact_of(line.data) for line in lines])
    assert tracker.running == 1
    late = [f for f in rest if f.at > moment]
    record = ended(feed(tracker, late))[-1]
    assert record.started_at == moment - timedelta(seconds=20)
    assert "start_missing" in record.anomalies
    assert tracker.running == 0


def test_restart_of_asterisk_is_told_from_blindness() -> None:
    seen, _ = talking_until()
    tracker, boot = CallTracker("hotline"), seen[-1].at + timedelta(seconds=10)
    feed(tracker, seen)
    (record,) = ended(feed(tracker, [fact_of(blind_line(seen[-1].at, boot + timedelta(seconds=2), (), boot).data)]))
    assert record.evidence == "pbx_crash"


@pytest.mark.parametrize(
    "extra", [b"", b"{}", b'{"since":"x","alive":3,"boot":[]}', b'{"since":1e99,"alive":""}', b'{"since":1}']
)
def test_no_line_raises(extra: bytes) -> None:
    seen, _ = talking_until()
    tracker = CallTracker("hotline")
    feed(tracker, seen)
    line = blind_line(BOOT, BOOT, (), BOOT).data
    start, end = line.index(b'"eventextra":') + 13, line.index(b',"eventtype"')
    quoted = b'"' + extra.replace(b'"', b'\\"') + b'"'
    assert feed(tracker, [fact_of(line[:start] + quoted + line[end:])]) == []
    assert tracker.running == 1
