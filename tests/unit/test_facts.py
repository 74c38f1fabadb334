"""Lines of the journals: what callers put into them must not cost a record."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.journal.facts import USELESS, parse_cel, parse_lines, parse_queue_log

FIELDS = "eventtype userdeftype name num dnid exten context channame appname appdata uniqueid linkedid eventextra"


def cel_line(**values: str) -> bytes:
    row = dict.fromkeys(FIELDS.split(), "") | {"eventtype": "CHAN_START", "eventtime": "1795352433.713811"} | values
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogateescape")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (cel_line(name="王小明"), "王小明"),
        (cel_line(name="'; DROP TABLE calls; --"), "'; DROP TABLE calls; --"),
        (cel_line(name="😀🎉"), "😀🎉"),
        (cel_line(name="a\r\nAction: Originate"), "a\r\nAction: Originate"),
        (cel_line(name="bad \udcff\udcfe bytes"), "bad \ufffd\ufffd bytes"),
        (cel_line(name="NUL").replace(b"NUL", rb"a\u0000b"), "a\ufffdb"),
        (cel_line(name=r"six plain characters \u0000"), r"six plain characters \u0000"),
        (cel_line(name="SUR").replace(b"SUR", rb"\ud800x"), "?x"),
    ],
)
def test_any_caller_name_is_kept(line: bytes, name: str) -> None:
    assert parse_cel(line).name == name


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"garbage", "not JSON"),
        (b'{"eventtype": "CHAN_', "not JSON"),
        (b"[" * 100_000, "not a CEL record"),
        (b"[]", "not a CEL record"),
        (b"{}", "not a CEL record"),
        (cel_line(eventtime="yesterday"), "time 'yesterday'"),
        (cel_line(eventtime="1e300"), "not a CEL record"),
        (cel_line(eventtime="11795352434"), "not of these centuries"),
        (cel_line(eventtime="-62135596800"), "not of these centuries"),
        (cel_line()[:-1] + b', "more": ' + b"[" * 100_000, "recursion"),
        (cel_line().replace(b'"CHAN_START"', b"7"), "not a CEL record"),
    ],
)
def test_what_is_no_cel_record_says_why(line: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_cel(line)


@pytest.mark.parametrize(
    ("said", "extra"),
    [
        ('{"hangupcause":16,"hangupsource":"PJSIP/1001-1"}', {"hangupcause": 16, "hangupsource": "PJSIP/1001-1"}),
        (r'{"extra":"a\u0000b"}', {"extra": "a\ufffdb"}),
        (r'{"extra":"a\\u0000b"}', {"extra": r"a\u0000b"}),
        ('{"a":' * 3000, {"text": '{"a":' * 3000}),
        ('{"a":{"b":1}}', {"text": '{"a":{"b":1}}'}),
        ('{"a":99999999999999999999}', {"text": '{"a":99999999999999999999}'}),
        ("no JSON", {"text": "no JSON"}),
    ],
)
def test_what_an_event_says_besides(said: str, extra: dict[str, object]) -> None:
    assert parse_cel(cel_line(eventextra=said)).extra == extra


def test_queue_log_line() -> None:
    fact = parse_queue_log(b"1795352535|p-1795352531.26|hotline|1001|RINGNOANSWER|4000")
    assert (fact.uniqueid, fact.queue, fact.agent, fact.event, fact.values) == (
        *("p-1795352531.26", "hotline", "1001", "RINGNOANSWER"),
        ("4000",),
    )


@pytest.mark.parametrize("line", [b"", b"1|2", b"x|a|b|c|d", b"\xff\xfe|||", b"11795352434|a|b|c|d"])
def test_what_is_no_queue_log_line_says_why(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a queue_log record"):
        parse_queue_log(line)


def test_a_torn_line_costs_only_itself() -> None:
    good = cel_line(uniqueid="1.1")
    facts, rejects = parse_lines("cel", good + b"\n" + good[:40] + b"\n" + good + b"\n", 1000)
    assert len(facts) == 2
    assert rejects[0].position == 1000 + len(good) + 1


@given(st.binary())
def test_no_bytes_break_the_parser(data: bytes) -> None:
    for source in ("cel", "queue_log"):
        facts, rejects = parse_lines(source, data, 0)
        assert len(facts) + len(rejects) == sum(1 for line in data.split(b"\n") if line and USELESS not in line)
