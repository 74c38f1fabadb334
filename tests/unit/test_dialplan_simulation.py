"""Expressions as Asterisk evaluates them, and the path of a call through a small dialplan."""

from datetime import datetime

import pytest

from callcenter.clock import LOCAL_ZONE
from callcenter.dialplan.expressions import NotKnown, cut, evaluate, fill, keep
from callcenter.dialplan.matching import best_match, matches
from callcenter.dialplan.simulation import Assumptions, Simulation
from callcenter.dialplan.source import read_dialplan

AT = datetime(2026, 10, 10, 10, 0, tzinfo=LOCAL_ZONE)
PLAN = """\
[general]
[globals]
TRIES = 2
[from-trunk]
exten => 12333,1,Gosub(sub,s,1(welcome))
 same => n,Set(OPEN=${IF($[${STRFTIME(${EPOCH},CST-8,%u)} <= 6]?yes:no)})
 same => n,GotoIf($["${OPEN}" = "yes"]?menu,1:closed,1)
exten => menu,1,Read(DIGIT,menu,1)
 same => n,Goto(digit-${DIGIT},1)
exten => digit-1,1,Queue(hotline,,,,300)
 same => n,Goto(result-${QUEUESTATUS},1)
exten => result-TIMEOUT,1,Hangup(17)
exten => closed,1,Playback(closed)
 same => n,Hangup()
exten => i,1,Frobnicate(x)
exten => _9X,1,Goto(12333,1)
[sub]
exten => s,1,Playback(${ARG1})
 same => n,Return()
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('"a" = "a"', "1"),
        ('"a" != "a"', "0"),
        ("10 > 9", "1"),  # as numbers
        ('"10" > "9"', "1"),
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("7 / 2", "3.5"),
        ("-4 + 1", "-3"),
        ('"" = "" & 1 < 2', "1"),
        ('"x" = "" | 3 >= 3', "1"),
        ('"12345" =~ "1"', "1"),
        ('"12345" =~ "7"', "0"),
    ],
)
def test_expression(text: str, value: str) -> None:
    assert evaluate(text) == value


def test_variables_are_filled_from_the_inside_out() -> None:
    known = {"N": "1", "DEVICE_1": "d0-1", "TEXT": "abcdef"}
    assert fill("PJSIP/${DEVICE_${N}}", known, {}) == "PJSIP/d0-1"
    assert fill("${TEXT:1:3}${TEXT:-2}${TEXT:0:-1}${GONE}", known, {}) == "bcdefabcde"
    assert fill("$[${N} + 1]", known, {}) == "2"


def test_unknown_function_is_said_and_not_guessed() -> None:
    with pytest.raises(NotKnown, match="CURL"):
        fill("${CURL(x)}", {}, {})


@pytest.mark.parametrize(
    ("allowed", "text", "kept"),
    [
        ("0-9", "a1b2", "12"),
        ("0-9+", "+8613&PJSIP/x", "+8613"),
        ("0-9A-Za-z._\\-", "a-b.c&d", "a-b.cd"),
        ("0-9*#A-D", "*1Z", "*1"),
        (r"\x20-\x21\x23-\x5b\x5d-\x7e", 'a"b\\c', "abc"),
    ],
)
def test_filter(allowed: str, text: str, kept: str) -> None:
    assert keep(allowed, text) == kept


def test_cut() -> None:
    assert (cut("a;b;c", ";", "2"), cut("a;b;c", ";", "2-"), cut("a;b;c", ";", "1-2")) == ("b", "b;c", "a;b")


def test_most_exact_extension_wins() -> None:
    known = ["_X.", "_1XXX", "_1[0-4]XX", "1001", "_!"]
    assert [best_match(known, n) for n in ("1001", "1101", "1901", "22", "")] == [
        "1001",
        "_1[0-4]XX",
        "_1XXX",
        "_X.",
        "_!",
    ]
    assert not matches("_X.", "a1")


def path(dialled: str = "12333", **assumed: str) -> tuple[list[str], str]:
    call = Simulation(read_dialplan({"extensions.conf": PLAN}), Assumptions(AT, **assumed), {"welcome": "您好"})  # type: ignore[arg-type]
    return [str(taken) for taken in call.run("from-trunk", dialled)], call.ended


def test_path_says_what_is_spoken_and_decided() -> None:
    steps, ended = path(pressed="1")
    assert "sub,s,1: Playback(${ARG1})   — 「您好」" in steps
    assert "from-trunk,menu,1: Read(DIGIT,menu,1)   — 「menu」 presses 1" in steps
    assert any("yes: to menu,1" in step for step in steps)
    assert ended == "an agent of hotline answers"


def test_assumed_outcome_of_the_queue_is_followed() -> None:
    assert path(pressed="1", queue="TIMEOUT")[1] == "hung up with cause 17"


def test_unknown_application_ends_the_path_plainly() -> None:
    assert path(pressed="7")[1] == "the simulation does not know application Frobnicate(): Frobnicate(x)"


def test_pattern_is_followed() -> None:
    assert path("98", pressed="1")[1] == "an agent of hotline answers"


def test_number_that_is_not_there() -> None:
    assert path("5")[1].startswith("the simulation does not know application Frobnicate")
