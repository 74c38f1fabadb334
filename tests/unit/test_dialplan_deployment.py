"""What a deployment would change, reload and refuse; what is kept of it; which calls stand in its way."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from callcenter.ami.messages import Event
from callcenter.dialplan.deployments import Archive, Deployment, Vault, pack, unpack
from callcenter.dialplan.difference import differences, in_the_way
from callcenter.dialplan.loaded import dialplan_mismatches
from callcenter.dialplan.reloads import needs_restart, to_reload
from callcenter.dialplan.source import read_dialplan
from callcenter.errors import NotFound
from callcenter.journal.facts import CelFact
from callcenter.local.self_test import judge, of_call

MAIN = "[general]\n[globals]\nA = 1\n#include hotline.conf\n"
PLAN = """\
[hotline]
exten => s,1,Answer()
 same => n,Gosub(notice,s,1)
 same => n,Queue(hotline)
 same => n,Hangup()
[notice]
exten => s,1,Playback(welcome)
 same => n,Return()
"""
PJSIP = "[udp]\ntype = transport\nbind = 127.0.0.1:5060\n[a]\ntype = auth\npassword = s3cret\n"
OLD = {"extensions.conf": MAIN, "hotline.conf": PLAN, "pjsip.conf": PJSIP, "modules.conf": "[modules]\nload = a.so\n"}


def with_text(name: str, right: str, wrong: str) -> dict[str, str]:
    assert right in OLD[name]
    return {**OLD, name: OLD[name].replace(right, wrong)}


def test_nothing_changed_is_no_difference() -> None:
    assert differences(OLD, OLD) == []


@pytest.mark.parametrize(
    ("name", "right", "wrong", "line"),
    [
        ("hotline.conf", "Queue(hotline)", "Queue(other)", "~ [hotline] s,3: Queue(hotline) → Queue(other)"),
        ("hotline.conf", " same => n,Return()\n", "", "- [notice] s,2: Return()"),
        ("hotline.conf", "[notice]", "[more]\nexten => s,1,Hangup()\n[notice]", "+ [more] s,1: Hangup()"),
        ("extensions.conf", "A = 1", "A = 2", "~ global A: 1 → 2"),
        ("pjsip.conf", "s3cret", "t0psecret", "~ pjsip.conf [a] auth password: ***"),
        ("pjsip.conf", ":5060", ":5070", "~ pjsip.conf [udp] transport bind: 127.0.0.1:5060 → 127.0.0.1:5070"),
    ],
)
def test_difference_in_asterisks_terms(name: str, right: str, wrong: str, line: str) -> None:
    said = differences(OLD, with_text(name, right, wrong))
    assert line in said
    assert "secret" not in " ".join(said)


def test_only_modules_concerned_are_reloaded() -> None:
    assert to_reload(["hotline.conf"], OLD) == ["pbx_config.so"]
    assert to_reload(["queues.conf", "hotline.conf", "queuerules.conf"], OLD) == ["app_queue.so", "pbx_config.so"]
    assert to_reload([], OLD) == []


def test_what_a_reload_cannot_change_is_said() -> None:
    assert needs_restart(OLD, with_text("hotline.conf", "Queue(hotline)", "Queue(other)")) == []
    assert needs_restart(OLD, with_text("pjsip.conf", "s3cret", "other")) == []
    assert "transport" in needs_restart(OLD, with_text("pjsip.conf", ":5060", ":5070"))[0]
    assert "modules.conf" in needs_restart(OLD, with_text("modules.conf", "a.so", "b.so"))[0]
    assert needs_restart({}, OLD) == []


@pytest.mark.parametrize(
    ("position", "astray"),
    [
        (("hotline", "s", 1), True),  # the steps after it have moved
        (("hotline", "s", 3), True),
        (("notice", "s", 1), True),  # it returns to hotline,s,3
        (("hotline", "s", 5), False),  # nothing changed after it
        (("elsewhere", "s", 1), False),
    ],
)
def test_calls_before_a_moved_step_stand_in_the_way(position: tuple[str, str, int], astray: bool) -> None:
    new = read_dialplan(with_text("hotline.conf", " same => n,Queue(", " same => n,Set(A=1)\n same => n,Queue("))
    assert in_the_way({"PJSIP/trunk-1": position}, read_dialplan(OLD), new) == (["PJSIP/trunk-1"] if astray else [])


def test_calls_elsewhere_do_not_stand_in_the_way() -> None:
    new = read_dialplan(with_text("hotline.conf", "[notice]", "[more]\nexten => s,1,Hangup()\n[notice]"))
    assert in_the_way({"PJSIP/trunk-1": ("hotline", "s", 3)}, read_dialplan(OLD), new) == []


def listed(plan: str = PLAN) -> list[Event]:
    steps = read_dialplan({**OLD, "hotline.conf": plan}).steps()
    return [
        Event(
            "ListDialplan",
            (
                f"Event: ListDialplan\r\nContext: {s.context}\r\nExtension: {s.extension}\r\nPriority: {s.priority}\r\n"
                f"Application: {s.application}\r\nAppData: {s.arguments}\r\nRegistrar: pbx_config"
            ).encode(),
        )
        for s in steps
    ]


def test_loaded_dialplan_is_compared_step_by_step() -> None:
    plan = read_dialplan(OLD)
    assert dialplan_mismatches(plan, listed()) == []
    assert dialplan_mismatches(plan, listed()[:-1]) == ["[notice] s,2: sent Return(), loaded nothing"]
    other = listed(PLAN.replace("Queue(hotline)", "Queue(other)"))
    assert dialplan_mismatches(plan, other) == ["[hotline] s,3: sent Queue(hotline), loaded Queue(other)"]
    assert "sent nothing" in dialplan_mismatches(plan, listed(PLAN + " same => n,NoOp()\n"))[0]


def deployment(number: int, result: str = "deployed", text: str = "x") -> Deployment:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    return Deployment(number, "somebody", at, {"a.conf": text}, ("+ a",), result)


def test_archive_gives_back_what_was_put_in(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "deployments")
    archive.add(deployment(1))
    assert archive.all() == [deployment(1)]
    assert archive.get(1).files == {"a.conf": "x"}
    with pytest.raises(NotFound):
        archive.get(2)


def test_archive_passes_over_a_torn_file(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.add(deployment(1))
    (tmp_path / "00000002.json").write_text('{"number": 2')
    assert [d.number for d in archive.all()] == [1]
    assert archive.next_number() == 2


def test_the_one_before_was_in_force_and_differs(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    for made in (deployment(1), deployment(2, text="y"), deployment(3, "rolled_back", "z"), deployment(4, text="y")):
        archive.add(made)
    assert archive.before().number == 1


def test_no_earlier_deployment_is_said(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.add(deployment(1))
    with pytest.raises(NotFound):
        archive.before()


def test_packed_files_come_back() -> None:
    assert unpack(pack({"a.conf": "您好\n"})) == {"a.conf": "您好\n"}


def test_secrets_are_hidden_and_todays_filled_in() -> None:
    kept = Vault({"ami": "s3cret", "agent-1001": "s3cret9"}).hide(
        {"pjsip.conf": "password = s3cret9\nsecret = s3cret\n"}
    )
    assert kept == {"pjsip.conf": "password = <<secret agent-1001>>\nsecret = <<secret ami>>\n"}
    assert Vault({"ami": "new", "agent-1001": "newer"}).reveal(kept)["pjsip.conf"] == "password = newer\nsecret = new\n"
    assert "s3cret" not in repr(Vault({"ami": "s3cret"}))


def fact(event: str, extra: str = "", kind: str = "USER_DEFINED", uniqueid: str = "1.0") -> CelFact:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    return CelFact(kind, at, event, "", "", "", "", "", "c", "", "", uniqueid, "1.0", {"extra": extra}, 0)


PATH = [fact("MARK", "self_test;ab"), fact("SERVICE"), fact("RECORDING"), fact("NOTICE_PLAYED")]


def test_self_test_passes_where_a_phone_would_ring() -> None:
    result, over = judge("hotline", [*PATH, fact("NOTE", "self_test_reached;ab")])
    assert over and not result.why


def test_self_test_passes_at_the_closed_prompt() -> None:
    result, over = judge("hotline", [*PATH, fact("CLOSED_PLAYED")])
    assert over and not result.why


def test_self_test_that_is_hung_up_fails() -> None:
    result, over = judge("hotline", [*PATH, fact("", kind="HANGUP")])
    assert over and result.why == "it got no further than NOTICE_PLAYED"


def test_self_test_without_notice_fails() -> None:
    result, over = judge("hotline", [*PATH[:3], fact("NOTE", "self_test_reached;ab")])
    assert over and result.why == "NOTICE_PLAYED is missing"


def test_self_test_goes_on_while_it_runs() -> None:
    assert not judge("hotline", PATH)[1]
    assert not judge("hotline", [])[1]


def test_self_test_hears_only_its_own_call() -> None:
    others = [fact("NOTE", "self_test_reached;cd", uniqueid="2.0"), fact("LINE", uniqueid="2.0")]
    assert of_call([*others, *PATH], "ab") == PATH
    assert of_call(PATH, "cd") == []
