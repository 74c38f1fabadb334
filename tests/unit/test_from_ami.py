"""Lines made of AMI events are those that Asterisk wrote of the same calls: answered with hold, abandoned ringing,
rejected and rung in vain, transferred blindly (`captured/both.*`, one Asterisk 22.10.1, both ways at once)."""

import json
from pathlib import Path

import pytest

from callcenter.ami.messages import Event
from callcenter.journal.facts import CelFact, QueueFact, parse_lines
from callcenter.journal.from_ami import MOST_WAITS, WANTED, LinesFromAmi, event_time

CAPTURED = Path(__file__).with_name("captured")
ONLY_IN_FILES = {"RINGCANCELED", "BLINDTRANSFER"}
"""Lines of queue_log that AMI has no event for and no record reads."""


def event(name: str, **headers: str) -> Event:
    text = "".join(f"\r\n{key}: {value}" for key, value in headers.items())
    return Event(name, f"Event: {name}{text}".encode())


def captured_events() -> list[Event]:
    raw = (CAPTURED / "both.ami").read_bytes().split(b"\r\n\r\n")
    return [Event(message.partition(b"\r\n")[0].partition(b": ")[2].decode(), message) for message in raw if message]


def made(source: str) -> bytes:
    maker = LinesFromAmi()
    return b"".join(line.data for e in captured_events() for line in maker.feed(e, 0.0) if line.source == source)


def cel_facts(data: bytes) -> list[CelFact]:
    facts, rejects = parse_lines("cel", data, 0)
    assert rejects == []
    return [fact for fact in facts if isinstance(fact, CelFact)]


def test_channel_events_are_those_of_the_file() -> None:
    written, ours = cel_facts((CAPTURED / "both.cel.jsonl").read_bytes()), cel_facts(made("cel"))
    assert len(ours) == len(written) > 90
    for one, two in zip(written, ours, strict=True):
        assert two._replace(at=one.at, key=one.key) == one
        assert 0 <= (two.at - one.at).total_seconds() < 0.05
        assert int(two.at.timestamp()) == int(one.at.timestamp())


def test_every_field_of_the_file_is_there() -> None:
    written = [json.loads(line) for line in (CAPTURED / "both.cel.jsonl").read_bytes().splitlines()]
    ours = [json.loads(line) for line in made("cel").splitlines()]
    kept = [row for row in written if not row["userdeftype"].startswith("FILE_STREAM")]
    for one, two in zip(kept, ours, strict=True):
        del one["eventtime"], two["eventtime"]
        two.pop("senttime", None)
        assert two == one


def test_queue_lines_are_those_of_the_file() -> None:
    written = (CAPTURED / "both.queue_log").read_text().splitlines()
    ours = made("queue_log").decode().splitlines()
    assert ours == [line for line in written if line.split("|")[4] not in ONLY_IN_FILES]
    assert {line.split("|")[4] for line in ours} >= {
        "ENTERQUEUE",
        "CONNECT",
        "COMPLETECALLER",
        "ABANDON",
        "RINGNOANSWER",
    }


@pytest.mark.parametrize(
    ("wall", "sent", "arrived", "found"),
    [
        ("2026-11-25 17:34:32", "1795628072.015264", 0, "1795628072.015264"),
        ("2026-11-26 01:34:32", "1795628072.015264", 0, "1795628072.015264"),  # Shanghai
        ("2026-11-25 23:19:32", "1795628072.015264", 0, "1795628072.015264"),  # Kathmandu, +05:45
        ("2026-11-25 17:34:31", "1795628072.015264", 0, "1795628071.999999"),  # sent a little late
        ("2026-11-25 17:34:02", "1795628072.015264", 0, "1795628042.999999"),  # sent 30 s late
        ("2026-11-25 17:34:33", "1795628072.015264", 0, "1795628073.000000"),  # the clock was set back between
        ("2026-11-25 17:34:32", "", 1795628072.25, "1795628072.250000"),  # no timestampevents
        ("2026-11-25 17:34:32", "", 1795628075.25, "1795628072.999999"),
    ],
)
def test_time_of_an_event(wall: str, sent: str, arrived: float, found: str) -> None:
    assert event_time(wall, sent, arrived) == found


def cel(kind: str, uniqueid: str = "p-1.1", **headers: str) -> Event:
    known = {"EventName": kind, "UniqueID": uniqueid, "LinkedID": uniqueid, "EventTime": "2026-11-25 17:34:32"}
    return event("CEL", Timestamp="1795628072.015264", **{**known, **headers})


def queue(name: str, **headers: str) -> Event:
    return event(name, Timestamp="1795628072.015264", Uniqueid="p-1.1", Queue="hotline", **headers)


JOIN = queue("QueueCallerJoin", Position="2", CallerIDNum="<unknown>")
LEAVE, END = queue("QueueCallerLeave"), cel("APP_END", Application="Queue", AppData="hotline,,,,30")
CONNECT = queue("AgentConnect", MemberName="1001", HoldTime="1", RingTime="1", DestUniqueid="p-1.2")
ABANDON = queue("QueueCallerAbandon", Position="1", OriginalPosition="2", HoldTime="3")


@pytest.mark.parametrize(
    ("events", "kinds"),
    [
        ((JOIN, LEAVE, END), ["ENTERQUEUE", "EXITWITHKEY"]),
        ((JOIN, END, LEAVE), ["ENTERQUEUE", "EXITWITHKEY"]),
        ((LEAVE, END), ["EXITWITHKEY"]),  # joined before we listened
        ((JOIN, ABANDON, LEAVE, END), ["ENTERQUEUE", "ABANDON"]),
        ((JOIN, LEAVE, CONNECT, END), ["ENTERQUEUE", "CONNECT"]),
        ((JOIN, LEAVE, END, JOIN, ABANDON, LEAVE, END), ["ENTERQUEUE", "EXITWITHKEY", "ENTERQUEUE", "ABANDON"]),
    ],
)
def test_who_leaves_by_a_key(events: tuple[Event, ...], kinds: list[str]) -> None:
    maker = LinesFromAmi()
    lines = [line.data for e in events for line in maker.feed(e, 0) if line.source == "queue_log"]
    facts = [f for f in parse_lines("queue_log", b"".join(lines), 0)[0] if isinstance(f, QueueFact)]
    assert [fact.event for fact in facts] == kinds


def stream_types(*events: Event) -> list[str]:
    maker = LinesFromAmi()
    return [fact.user_event for e in events for line in maker.feed(e, 0) for fact in cel_facts(line.data)]


def test_music_that_ends_is_told_from_prompts() -> None:
    music, prompt = cel("STREAM_BEGIN", Extra='{"class":"hotline"}'), cel("STREAM_BEGIN", Extra='{"sound":"beep"}')
    end = cel("STREAM_END", Extra="")
    assert stream_types(music, end, prompt, end, music) == ["MOH_STREAM_BEGIN", "MOH_STREAM_END", "MOH_STREAM_BEGIN"]
    assert stream_types(music, prompt, end, end) == ["MOH_STREAM_BEGIN", "MOH_STREAM_END"]
    assert stream_types(end) == ["MOH_STREAM_END"]  # began before we listened


def test_what_a_caller_writes_names_no_channel() -> None:
    forged = event(
        "CEL", EventName="CHAN_START", CallerIDname="x\r\nUniqueID: forged\r\nLinkedID: forged", UniqueID="p-1.1",
        LinkedID="p-1.1", EventTime="2026-11-25 17:34:32", Timestamp="1795628072.015264",
    )  # fmt: skip
    (line,) = LinesFromAmi().feed(forged, 0)
    (fact,) = cel_facts(line.data)
    assert (fact.uniqueid, fact.linkedid) == ("p-1.1", "p-1.1")
    (line,) = LinesFromAmi().feed(queue("QueueCallerJoin", CallerIDNum="1|NONE|X\nY", Position="1"), 0)
    (joined,) = parse_lines("queue_log", line.data, 0)[0]
    assert isinstance(joined, QueueFact) and joined.values == ("", "1_NONE_X_Y", "1")


@pytest.mark.parametrize(
    "broken",
    [
        event("CEL"), cel(""), cel("CHAN_START", uniqueid=""), cel("CHAN_START", EventTime="yesterday"),
        event("AgentConnect", Queue="hotline"),
    ],
)  # fmt: skip
def test_half_an_event_is_no_fact(broken: Event) -> None:
    with pytest.raises(ValueError):
        LinesFromAmi().feed(broken, 0)


def test_memory_ends_with_the_channels() -> None:
    maker = LinesFromAmi()
    for e in captured_events():
        maker.feed(e, 0)
    assert not maker._streams and not maker._waits


def test_memory_is_bounded_whatever_comes() -> None:
    maker = LinesFromAmi()
    for number in range(MOST_WAITS + 50):
        maker.feed(event("QueueCallerLeave", Uniqueid=f"p-1.{number}", Queue="hotline"), 0)
    assert len(maker._waits) == MOST_WAITS


def test_manager_sends_what_is_read() -> None:
    manager = (Path(__file__).parents[2] / "asterisk" / "manager.conf.j2").read_text("utf-8").partition("-journal]")[2]
    sent = {line.partition("name(")[2].partition(")")[0] for line in manager.splitlines() if line.startswith("eventf")}
    assert sent == WANTED | {"FullyBooted", "Shutdown"}
