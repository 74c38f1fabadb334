"""This checkout's dialplan passes every rule of `callcenter dialplan check`, and some that hold for it alone."""

import re
from collections.abc import Callable, Iterator

import pytest
from tests.architecture.dialplan_source import ROOT, VARIANTS, candidate, steps

from callcenter.ami.connection import ALWAYS_WANTED
from callcenter.ami.events import KNOWN
from callcenter.dialplan.candidate import Candidate
from callcenter.dialplan.check import RULES
from callcenter.dialplan.findings import Finding
from callcenter.dialplan.source import loaded_modules


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_finds_nothing(rule: Callable[[Candidate], Iterator[Finding]], variant: str) -> None:
    found = list(rule(candidate(variant)))
    assert not found, "\n".join(map(str, found))


def test_rules_had_something_to_look_at() -> None:
    """A reader that read nothing would let everything pass."""
    plan = candidate("all there is").plan
    assert {"from-trunk", "hotline", "hotline-queue", "emergency", "from-agents", "self-test"} <= set(plan.contexts)
    assert len(steps()) > 300
    assert {"Queue", "Dial", "Playback", "Gosub", "Read"} <= {step.application for step in steps()}


def test_the_emergency_line_rings_filtered_numbers() -> None:
    """TARGETS and PHONES grow by a step's digit and by DUTY, which is filtered."""
    built = [s for s in steps() if s.arguments.startswith(("TARGETS=", "PHONES="))]
    parts = {name for step in built for name in re.findall(r"\$\{(\w+)", step.arguments)}
    assert parts == {"TARGETS", "PHONES", "STEP", "DUTY", "DEVICE_"}
    assert {s.arguments for s in steps() if s.arguments.startswith("DUTY=")} <= {
        "DUTY=${FILTER(0-9,${MEMBER})}",
        "DUTY=${FILTER(0-9,${EXTEN:1})}",
    }


def test_nobody_enters_without_being_known() -> None:
    pjsip = (ROOT / "asterisk" / "pjsip.conf.j2").read_text("utf-8")
    modules = loaded_modules((ROOT / "asterisk" / "modules.conf.j2").read_text("utf-8"))
    assert "res_pjsip_endpoint_identifier_anonymous" not in modules
    assert set(re.findall(r"^context = (.+)$", pjsip, re.MULTILINE)) == {"from-trunk", "from-agents"}


def test_only_checked_numbers_reach_the_trunk() -> None:
    contexts = candidate("all there is").plan.contexts
    dialled = [step for step in steps() if step.application == "Dial" and "@trunk" in step.arguments]
    assert dialled
    for step in dialled:
        assert "PJSIP/${OUTBOUND_NUMBER}@trunk" in step.arguments, step
        assert any(s.arguments.startswith("outbound-check,") for s in contexts[step.context].steps), step


def test_manager_sends_what_the_live_view_reads() -> None:
    """Of what Asterisk announces by itself; the others of KNOWN come in answers to actions."""
    manager = (ROOT / "asterisk" / "manager.conf.j2").read_text("utf-8").partition("-guard]")[0]
    sent = set(re.findall(r"eventfilter\(action\(include\),name\((\w+)\)\)", manager))
    listed = {"QueueParams", "QueueEntry", "QueueMember", "ContactList", "CoreShowChannel"}
    assert sent == (KNOWN - listed) | ALWAYS_WANTED
