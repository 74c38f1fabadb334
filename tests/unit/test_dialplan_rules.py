"""Each rule finds what it is for in a dialplan that is broken in one way, and lets the right one pass."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from callcenter.dialplan import inventory, reach, rules
from callcenter.dialplan.candidate import Candidate, RenderedFile
from callcenter.dialplan.check import RULES, check
from callcenter.dialplan.findings import Finding

CORE = (
    "answer",
    "goto",
    "gotoif",
    "set",
    "hangup",
    "playback",
    "read",
    "queue",
    "dial",
    "mixmonitor",
    "record",
    "gosub",
)

RIGHT = """\
[general]
static = yes
[globals]
HOTLINE_NUMBER = 12333
RING_SECONDS = 20
DEVICE_1001 = d0-1001
[from-trunk]
; Who: callers. From: the trunk. May reach: the hotline.
exten => ${HOTLINE_NUMBER},1,Set(NUMBER=${FILTER(0-9+,${CALLERID(num)})})
 same => n,Goto(hotline,s,1)
[hotline]
; Who: callers. From: from-trunk. May reach: the queue.
exten => s,1,Answer()
 same => n,Gosub(notice,s,1(welcome))
 same => n,GotoIf($["${SELF_TEST}" != ""]?self-test,reached,1)
 same => n,Queue(hotline)
 same => n,Goto(result-${QUEUESTATUS},1)
exten => result-TIMEOUT,1,Hangup()
exten => result-FULL,1,Hangup()
exten => result-JOINEMPTY,1,Hangup()
exten => result-LEAVEEMPTY,1,Hangup()
exten => result-JOINUNAVAIL,1,Hangup()
exten => result-LEAVEUNAVAIL,1,Hangup()
exten => result-CONTINUE,1,Hangup()
exten => result-WITHDRAW,1,Hangup()
exten => result-,1,Hangup()
exten => i,1,Hangup()
[notice]
; Who: callers. From: hotline. May reach: nothing; it returns.
exten => s,1,Playback(${ARG1})
 same => n,Return()
[from-agents]
; Who: agents. From: phones. May reach: agents.
exten => _1XXX,1,Set(AGENT=${FILTER(0-9,${EXTEN})})
 same => n,Dial(PJSIP/${DEVICE_${AGENT}},${RING_SECONDS})
[self-test]
; Who: deployments. From: AMI. May reach: nothing.
exten => reached,1,Hangup()
"""
PJSIP = "[trunk]\ntype = endpoint\ncontext = from-trunk\n[d0-1001]\ntype = endpoint\ncontext = from-agents\n"
QUEUES = "[general]\nautofill = yes\n[hotline]\nmember => PJSIP/d0-1001,0\n"
MODULES_CONF = "[modules]\nautoload = no\nload = app_queue.so\n"


def candidate(dialplan: str = RIGHT, **changed: str) -> Candidate:
    texts = {"extensions.conf": dialplan, "pjsip.conf": PJSIP, "queues.conf": QUEUES, "modules.conf": MODULES_CONF}
    texts |= {name.replace("_", ".", 1): text for name, text in changed.items()}
    return Candidate(
        files={name: RenderedFile(name, text) for name, text in texts.items()},
        prompts=frozenset({"welcome"}),
        applications={**dict.fromkeys((*CORE, "return"), ""), "queue": "app_queue", "chanspy": "app_chanspy"},
        functions={"FILTER": "", "CALLERID": "", "DB": "", "CUT": "", "GROUP": "func_groupcount"},
        years=frozenset({2026}),
    )


def names(found: Iterator[Finding]) -> list[str]:
    return [f"{f.rule}:{f.line}" for f in found]


def line_of(text: str, part: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_right_dialplan_passes(rule: Callable[[Candidate], Iterator[Finding]]) -> None:
    assert list(rule(candidate())) == []


def test_right_dialplan_passes_as_a_whole() -> None:
    assert check(candidate(), datetime(2026, 11, 24, tzinfo=UTC)) == []


GUARD = ' same => n,GotoIf($["${SELF_TEST}" != ""]?self-test,reached,1)\n'

BROKEN = [
    (rules.syntax, "syntax", "exten => s,1,Answer()", "exten => s,1,Answer("),
    (rules.syntax, "syntax", "exten => s,1,Answer()", "exten -> s,1,Answer()"),
    (rules.syntax, "syntax", "exten => s,1,Answer()", "exten => s,one,Answer()"),
    (rules.syntax, "syntax", "exten => s,1,Answer()", "exten => s,1,Set(A=${B)"),
    (rules.syntax, "syntax", "exten => s,1,Answer()", "exten => s,1,Set(A=$[1 + 2)"),
    (rules.syntax, "syntax", "[notice]", "[notice"),
    (rules.syntax, "syntax", "[notice]", "[hotline]"),
    (rules.syntax, "syntax", "exten => result-FULL,1,", "exten => result-TIMEOUT,1,"),
    (rules.syntax, "priority-gap", " same => n,Return()", " same => 5,Return()"),
    (rules.opening_comments, "opening-comment", "; Who: agents. From: phones. May reach: agents.", "; Agents."),
    (rules.jumps, "jump-into-nothing", " same => n,Goto(hotline,s,1)", " same => n,Goto(hotlin,s,1)"),
    (rules.jumps, "jump-into-nothing", " same => n,Goto(hotline,s,1)", " same => n,Goto(hotline,x,1)"),
    (rules.jumps, "jump-into-nothing", " same => n,Goto(hotline,s,1)", " same => n,Goto(hotline,s,99)"),
    (rules.jumps, "jump-into-nothing", " same => n,Goto(hotline,s,1)", " same => n,Goto(hotline,s,label)"),
    (rules.jumps, "jump-into-nothing", "Gosub(notice,s,1(welcome))", "Gosub(notices,s,1(welcome))"),
    (rules.jumps, "jump-into-nothing", "?self-test,reached,1)", "?self-test,reached,1:nowhere,1)"),
    (rules.jumps, "jump-into-nothing", "Goto(result-${QUEUESTATUS},1)", "Goto(outcome-${QUEUESTATUS},1)"),
    (rules.jumps, "jump-into-nothing", ",${RING_SECONDS})", ",${RING_SECONDS},U(nowhere^s^1))"),
    (rules.no_relative_jumps, "relative-jump", " same => n,Goto(hotline,s,1)", " same => n,Goto(+2)"),
    (rules.retired, "retired-application", "exten => s,1,Answer()", "exten => s,1,Macro(answer)"),
    (rules.retired, "retired-application", "exten => s,1,Answer()", "exten => s,1,System(date)"),
    (rules.retired, "retired-application", "exten => s,1,Answer()", "exten => s,1,Set(A=${SHELL(date)})"),
    (rules.queue_outcomes, "queue-outcome", "exten => result-WITHDRAW,1,Hangup()\n", ""),
    (rules.wide_patterns, "wide-pattern", "exten => _1XXX,1,", "exten => _.,1,"),
    (rules.filtered_data, "unfiltered", "${FILTER(0-9,${EXTEN})}", "${EXTEN}"),
    (rules.filtered_data, "unfiltered", "${FILTER(0-9+,${CALLERID(num)})}", "${CALLERID(num)}"),
    (rules.filtered_data, "unfiltered", "Dial(PJSIP/${DEVICE_${AGENT}}", "Dial(PJSIP/${EXTEN}"),
    (rules.filtered_data, "unfiltered", "exten => s,1,Answer()", "exten => s,1,Record(${TYPED}.wav)"),
    (rules.hangup_handling, "hangup-handling", "Queue(hotline)", "Queue(hotline)\n same => n,Set(DB(a/b)=0)"),
    (inventory.applications, "unknown-name", "exten => s,1,Answer()", "exten => s,1,Anwser()"),
    (inventory.applications, "module-not-loaded", "exten => s,1,Answer()", "exten => s,1,ChanSpy(PJSIP)"),
    (inventory.functions, "unknown-name", "exten => s,1,Answer()", "exten => s,1,Set(A=${FILTR(0-9,1)})"),
    (inventory.functions, "module-not-loaded", "exten => s,1,Answer()", "exten => s,1,Set(GROUP()=a)"),
    (inventory.prompts, "unknown-prompt", "s,1(welcome)", "s,1(welcom)"),
    (inventory.prompts, "unknown-prompt", "exten => result-FULL,1,Hangup()", "exten => result-FULL,1,Playback(gone)"),
    (inventory.queues, "unknown-queue", "Queue(hotline)", "Queue(hotlin)"),
    (reach.outbound_from_trunk, "outbound-from-trunk", "exten => i,1,Hangup()", "exten => i,1,Dial(PJSIP/139@trunk)"),
    (reach.self_test_is_guarded, "self-test-rings", GUARD, ""),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "name", "right", "wrong"), BROKEN, ids=[f"{n}-{b[1]}" for n, b in enumerate(BROKEN)])
def test_broken_dialplan_is_found(
    rule: Callable[[Candidate], Iterator[Finding]], name: str, right: str, wrong: str
) -> None:
    assert right in RIGHT
    text = RIGHT.replace(right, wrong, 1)
    found = list(rule(candidate(text)))
    assert name in {f.rule for f in found}
    assert all(f.what and f.why and f.mend and f.file == "extensions.conf" for f in found)
    assert any(abs(f.line - line_of(RIGHT, right.strip().splitlines()[0])) <= 12 for f in found if f.rule == name)


def test_finding_names_the_very_line() -> None:
    text = RIGHT.replace("Goto(hotline,s,1)", "Goto(hotlin,s,1)")
    [found] = rules.jumps(candidate(text))
    assert (found.file, found.line) == ("extensions.conf", line_of(text, "hotlin,s,1"))


def test_finding_names_the_template_and_its_line() -> None:
    """A loop of a template makes many lines; each of them is told with the line that was written."""
    text = RIGHT.replace("Goto(hotline,s,1)", "Goto(hotlin,s,1)")
    lines = tuple(7 for _ in text.splitlines())
    file = RenderedFile("extensions.conf", text, "asterisk/extensions.conf.j2", lines)
    [found] = rules.jumps(Candidate(files={"extensions.conf": file}))
    assert (found.file, found.line) == ("asterisk/extensions.conf.j2", 7)


def test_emergency_may_dial_out() -> None:
    out = "[emergency-mobile]\n; Who: a. From: b. May reach: c.\nexten => s,1,Dial(PJSIP/139@trunk)\n"
    text = RIGHT.replace("exten => i,1,Hangup()", "exten => i,1,Goto(emergency-mobile,s,1)") + out
    assert list(reach.outbound_from_trunk(candidate(text))) == []
    renamed = text.replace("emergency-mobile", "mobile")
    [found] = reach.outbound_from_trunk(candidate(renamed))
    assert "from-trunk,12333 → hotline,s → hotline,i → mobile,s" in found.what


def test_digits_pressed_in_a_queue_are_followed() -> None:
    out = "[digits]\n; Who: a. From: b. May reach: c.\nexten => 5,1,Dial(PJSIP/139@trunk)\n"
    queues = QUEUES + "context = digits\n"
    assert [f.rule for f in reach.outbound_from_trunk(candidate(RIGHT + out, queues_conf=queues))] == [
        "outbound-from-trunk"
    ]
    assert list(reach.outbound_from_trunk(candidate(RIGHT + out))) == []


def test_queue_context_that_is_missing_is_found() -> None:
    [found] = inventory.queues(candidate(queues_conf=QUEUES + "context = nowhere\n"))
    assert (found.file, found.rule) == ("queues.conf", "jump-into-nothing")


def test_phone_without_queue_is_found() -> None:
    more = PJSIP + "[d0-1009]\ntype = endpoint\ncontext = from-agents\n"
    [found] = inventory.endpoints(candidate(pjsip_conf=more))
    assert "d0-1009 serves no queue" in found.what


def test_phone_that_enters_elsewhere_is_found() -> None:
    [found] = inventory.endpoints(candidate(pjsip_conf=PJSIP.replace("from-agents", "hotline")))
    assert "begin in [hotline]" in found.what


def test_member_without_phone_is_found() -> None:
    [found] = inventory.endpoints(candidate(queues_conf=QUEUES + "member => PJSIP/d0-7777,0\n"))
    assert "d0-7777 is no endpoint" in found.what


def test_feature_code_into_nothing_is_found() -> None:
    features = "[applicationmap]\nnote => *15,self,Gosub({},1)\n"
    assert list(inventory.feature_codes(candidate(features_conf=features.format("notice,s")))) == []
    [found] = inventory.feature_codes(candidate(features_conf=features.format("notice,gone")))
    assert found.file == "features.conf"


def test_transfer_into_nothing_is_found() -> None:
    [found] = inventory.feature_codes(candidate(pjsip_conf=PJSIP + "set_var = TRANSFER_CONTEXT=gone\n"))
    assert "transfers of d0-1001 go to [gone]" in found.what


def test_modules_loaded_by_themselves_are_found() -> None:
    assert names(inventory.modules(candidate(modules_conf="[modules]\nautoload = yes\n"))) == ["autoload:1"]
    guest = MODULES_CONF + "load = res_pjsip_endpoint_identifier_anonymous.so\n"
    assert names(inventory.modules(candidate(modules_conf=guest))) == ["guest-calls:1"]


@pytest.mark.parametrize(
    ("moment", "missing"),
    [(datetime(2026, 11, 30, tzinfo=UTC), []), (datetime(2026, 12, 1, tzinfo=UTC), [2027])],
)
def test_unloaded_holiday_year_is_found(moment: datetime, missing: list[int]) -> None:
    found = list(inventory.holidays(candidate(), moment))
    assert [str(year) in f.what for f, year in zip(found, missing, strict=True)] == [True] * len(missing)
