"""Headers of a message, and what we send."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.ami import actions
from callcenter.ami.actions import Action
from callcenter.ami.boot import read_boot
from callcenter.ami.messages import Event, Message, Response, read_message
from callcenter.errors import InvalidInput


def test_repeated_header_is_always_a_list() -> None:
    message = Message(b"Response: Success\r\nOutput: a\r\nOutput: b\r\nOutput: \r\nMessage: once")
    assert message.every("Output") == ("a", "b", "")
    assert message.every("Message") == ("once",)
    assert message.every("Missing") == ()
    assert message.get("Output") == "a"


def test_empty_last_value_is_there() -> None:
    message = Message(b"Event: X\r\nPriorCallID: ")
    assert message.headers == {"Event": ("X",), "PriorCallID": ("",)}
    assert message.get("PriorCallID", "default") == ""


def test_value_with_colons_and_spaces() -> None:
    assert Message(b"Event: X\r\nValue:  sip:a@b: c ").get("Value") == " sip:a@b: c "


def test_bytes_that_are_not_utf8_cost_nothing_else() -> None:
    message = Message(b"Event: X\r\nCallerIDName: a\xff\xfe\r\nExten: 2000")
    assert message.get("CallerIDName") == "a\ufffd\ufffd"
    assert message.get("Exten") == "2000"
    assert b"\xff\xfe" in message.raw


names = st.text("ABCDEFgh-", min_size=1, max_size=6)
values = st.text(st.characters(exclude_characters="\r\n"), max_size=20)


@given(st.lists(st.tuples(names, values), max_size=10))
def test_get_agrees_with_headers(pairs: list[tuple[str, str]]) -> None:
    raw = "".join(f"{name}: {value}\r\n" for name, value in [("Event", "X"), *pairs])[:-2]
    message = Message(raw.encode("utf-8", "surrogatepass"))
    assert {name: message.get(name) for name in message.headers} == {
        name: each[0] for name, each in message.headers.items()
    }


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"Event: X\r\nA: b", Event),
        (b"\r\nEvent: X", Event),
        (b"Response: Success", Response),
        (b"ActionID: 1\r\nResponse: Error", Response),
        (b"garbage", type(None)),
        (b"", type(None)),
    ],
)
def test_kind_of_message(raw: bytes, kind: type) -> None:
    assert isinstance(read_message(raw), kind)


@pytest.mark.parametrize("said", ["", "soon", "1e999", "nan", "-" * 40, "9" * 40])
def test_event_without_a_usable_time(said: str) -> None:
    assert Event("X", f"Event: X\r\nTimestamp: {said}".encode()).at is None


def test_event_time() -> None:
    event = Event("X", b"Event: X\r\nTimestamp: 1795352433.713811")
    assert event.at == datetime(2026, 11, 22, 13, 0, 33, 713811, UTC)


@pytest.mark.parametrize("bad", ["a\r\nAction: Originate", "a\nb", "a\rb", "a\0b", "x" * 2000, "\udcff"])
def test_value_that_can_smuggle_is_refused(bad: str) -> None:
    with pytest.raises(InvalidInput):
        actions.db_put("callcenter", "service/hotline", bad)
    with pytest.raises(InvalidInput):
        Action("Ping", ((bad, "value"),))
    with pytest.raises(InvalidInput):
        Action(bad)


def test_action_on_the_wire() -> None:
    sent = actions.db_put("callcenter", "service/hotline", "open;王").encode("7")
    expected = "Action: DBPut\r\nActionID: 7\r\nFamily: callcenter\r\nKey: service/hotline\r\nVal: open;王\r\n\r\n"
    assert sent == expected.encode()


@pytest.mark.parametrize(
    ("wall", "uptime", "expected"),
    [
        ("2026-11-22 14:15:33", "2", "14:15:33"),
        ("2026-11-22 22:15:33", "2", "14:15:33"),  # Asterisk's zone is UTC+8
        ("2026-11-22 19:45:33", "2", "14:15:33"),  # UTC+5:30
        ("2026-11-22 09:15:33", "3", "14:15:33"),  # UTC-5
    ],
)
def test_boot_instant_in_any_zone(wall: str, uptime: str, expected: str) -> None:
    date, time = wall.split()
    status = Response(f"Response: Success\r\nCoreStartupDate: {date}\r\nCoreStartupTime: {time}".encode())
    booted = Event("FullyBooted", f"Event: FullyBooted\r\nUptime: {uptime}".encode())
    boot = read_boot(status, booted, datetime(2026, 11, 22, 14, 15, 36, tzinfo=UTC))
    assert boot.at.isoformat() == f"2026-11-22T{expected}+00:00"
    assert boot.mark == wall


@pytest.mark.parametrize("uptime", ["", "²", "-1", "9" * 12, "9" * 5000])
@pytest.mark.parametrize("date", ["2026-11-22", "0001-01-01", "9999-12-31", "soon"])
def test_boot_that_no_clock_can_tell(date: str, uptime: str) -> None:
    status = Response(f"Response: Success\r\nCoreStartupDate: {date}\r\nCoreStartupTime: 14:15:33".encode())
    booted = Event("FullyBooted", f"Event: FullyBooted\r\nUptime: {uptime}".encode())
    moment = datetime(2026, 11, 22, 14, 15, 36, tzinfo=UTC)
    boot = read_boot(status, booted, moment)
    assert (boot.mark, boot.at.tzinfo) == (f"{date} 14:15:33", UTC)
    assert date == "2026-11-22" or boot.at == moment
