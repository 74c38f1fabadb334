"""What the HTTP edge reads and writes: instants, ranges, cursors, keys, CSV cells, languages."""

import base64
import contextlib
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from callcenter.catalogue.labels import labels, preferred
from callcenter.errors import InvalidInput, RangeNotSatisfiable, Unauthenticated
from callcenter.http.auth import offered_key
from callcenter.http.instants import parse_instant
from callcenter.http.paging import Position, read_cursor, write_cursor
from callcenter.http.ranges import asked_part
from callcenter.http.spreadsheet import FORMULA_STARTS, cell

NINE = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23", datetime(2026, 11, 22, 16, 0, tzinfo=UTC)),
        ("2026-11-23T09:00", NINE),
        ("2026-11-23 09:00:00", NINE),
        ("2026-11-23T01:00:00Z", NINE),
        ("2026-11-23T09:00:00+08:00", NINE),
        ("2026-11-23T09:00:00 08:00", NINE),
        ("2026-11-23T09:00:00.25 08:00", NINE.replace(microsecond=250_000)),
    ],
)
def test_instants(text: str, moment: datetime) -> None:
    assert parse_instant(text, "query.from") == moment


@pytest.mark.parametrize("text", ["", "now", "2026-02-30", "0001-01-01", "9999-12-31T23:59-10:00", "2026-11-23T25:00"])
def test_no_instants(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_instant(text, "query.from")


@given(st.text(max_size=60))
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert parse_instant(text, "query.from").tzinfo is UTC


@given(st.one_of(st.datetimes(timezones=st.just(UTC)), st.floats(0, 1e9)), st.uuids())
def test_cursors_come_back_whole(value: datetime | float, row_id: UUID) -> None:
    position = Position(value, row_id)
    assert read_cursor(write_cursor(position, "query"), "query") == position


@given(st.text(max_size=300))
def test_any_text_as_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_cursor(text, "query")


def test_changed_cursors_are_refused() -> None:
    cursor = write_cursor(Position(NINE, uuid4()), "query")
    with pytest.raises(InvalidInput):
        read_cursor(cursor, "another query")
    for forged in ("[]", '["x",1,"y"]', "null", '{"a":1}', "1" * 500, '["' + "[" * 200):
        with pytest.raises(InvalidInput):
            read_cursor(base64.urlsafe_b64encode(forged.encode()).decode(), "query")


def test_ranges() -> None:
    assert asked_part("bytes=0-0", 10) == (0, 1)
    assert asked_part("Bytes=5-", 10) == (5, 10)
    assert asked_part("bytes=-20", 10) == (0, 10)
    assert asked_part("bytes=2-99", 10) == (2, 10)
    assert asked_part(None, 10) is None
    assert asked_part("bytes=0-1,3-4", 10) is None
    for bad in ("bytes=10-", "bytes=3-2", "bytes=-0", "bytes=-", "bytes", "", "items=0-1", "bytes=٣-٤"):
        with pytest.raises(RangeNotSatisfiable):
            asked_part(bad, 10)
    with pytest.raises(RangeNotSatisfiable):
        asked_part("bytes=-5", 0)


def test_shown_keys() -> None:
    basic = base64.b64encode("王:the:key".encode()).decode()
    assert offered_key(Headers({"Authorization": "Bearer  the-key "})) == "the-key"
    assert offered_key(Headers({"X-API-Key": "the-key"})) == "the-key"
    assert offered_key(Headers({"Authorization": f"basic {basic}"})) == "the:key"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic ???"}, {"Authorization": "Basic /w=="},
     {"Authorization": "Digest x"}, {"X-API-Key": ""}, {"X-API-Key": "k" * 201}, {"X-API-Key": "\x80"}],
)  # fmt: skip
def test_no_keys(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        offered_key(Headers(headers))


@given(st.text(max_size=20))
def test_no_cell_begins_a_formula(text: str) -> None:
    shown = cell(text)
    assert not shown.startswith(FORMULA_STARTS)
    assert shown.endswith(text)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh"), ("en", "en"), ("en-GB,zh;q=0.5", "en"), ("zh-CN,en;q=0.9", "zh"), ("de,en;q=0.1", "en"),
        ("fr", "zh"), ("en;q=0, zh;q=0.1", "zh"), ("en;q=x", "zh"), ("zh;q=0.2,en;q=0.8", "en"), ("*", "zh"),
    ],
)  # fmt: skip
def test_languages(header: str, language: str) -> None:
    assert preferred(header) == language


def test_both_languages_say_the_same_things() -> None:
    zh, en = labels("zh"), labels("en")
    assert zh._texts.keys() == en._texts.keys()
    for section in zh._texts:
        assert zh.section(section).keys() == en.section(section).keys(), section
        assert all(zh.section(section).values())
