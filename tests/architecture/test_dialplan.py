"""The dialplan's rules: what a reviewer would look for, looked for each time."""

import re

import pytest
from tests.architecture.dialplan_source import ROOT, Step, loaded_modules, read_contexts, steps

from callcenter.ami.connection import ALWAYS_WANTED
from callcenter.ami.events import KNOWN
from callcenter.dialplan.prompts import read_catalogue

QUEUE_STATUSES = (
    *("TIMEOUT", "FULL", "JOINEMPTY", "LEAVEEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL", "CONTINUE", "WITHDRAW"),
    "",  # the queue does not exist
)
"""Every value of QUEUESTATUS in Asterisk 22 (app_queue.c, queue_results)."""

MODULES = {
    **dict.fromkeys(("Answer", "Goto", "GotoIf", "Hangup", "Set"), ""),
    "CELGenUserEvent": "app_celgenuserevent",
    "Dial": "app_dial",
    "Gosub": "app_stack",
    "MixMonitor": "app_mixmonitor",
    "Playback": "app_playback",
    "Queue": "app_queue",
    "Return": "app_stack",
    "CALLERID": "func_callerid",
    "CUT": "func_cut",
    "DB": "func_db",
    "FILTER": "func_strings",
    "IF": "func_logic",
    "CHANNEL": "func_channel",
    "LEN": "func_strings",
    "FIELDQTY": "func_strings",
    "PJSIP_HEADER": "res_pjsip_header_funcs",
    "PJSIP_PARSE_URI_FROM": "chan_pjsip",
    "STRFTIME": "func_strings",
}
"""Which module carries an application or function; an empty name is Asterisk's own core."""

CONTEXTS = read_contexts()


@pytest.mark.parametrize("name", CONTEXTS)
def test_context_says_who_enters(name: str) -> None:
    for word in ("Who:", "From:", "ay reach:"):
        assert word in CONTEXTS[name].comment, f"[{name}] does not open with {word}"


@pytest.mark.parametrize("name", [s.context for s in steps() if s.application == "Queue"])
def test_queue_outcomes_all_listed(name: str) -> None:
    missing = {f"result-{status}" for status in QUEUE_STATUSES} - CONTEXTS[name].extensions
    assert not missing
    assert "i" in CONTEXTS[name].extensions, "an outcome that we don't know"


def test_no_macro_no_relative_jump() -> None:
    for step in steps():
        assert "Macro" not in step.application
        if step.application.startswith("Go"):
            assert not re.search(r"[(,?:][+-]\d", f"({step.arguments}"), step


def test_dialled_digits_are_filtered() -> None:
    filtered = {s.arguments.partition("=")[0] for s in steps() if "=${FILTER(" in s.arguments}
    for step in (s for s in steps() if s.application in ("Dial", "MixMonitor", "Queue")):
        used = set(re.findall(r"\$\{(\w+)", step.arguments)) - {"RING_SECONDS", "QUEUE_SECONDS"}
        assert used <= filtered, step


def test_callers_data_only_through_filter() -> None:
    for step in steps():
        for outside in ("CALLERID(", "EXTEN", "UNIQUEID"):
            used = step.arguments.count("${" + outside)
            jump = "ring-agent,${EXTEN},1" in step.arguments  # an extension that was matched digit by digit
            assert used == len(re.findall(r"FILTER\([^,]+,\$\{" + re.escape(outside), step.arguments)) or jump, step


def test_prompts_are_in_the_catalogue() -> None:
    known = {prompt.name for prompt in read_catalogue()}
    assert {prompt for step in steps() for prompt in _prompts(step)} <= known


def _prompts(step: Step) -> list[str]:
    if step.application == "Playback" and not step.arguments.startswith("${ARG"):
        return step.arguments.split(",")[0].split("&")
    return re.findall(r"notice,s,1\(([\w-]+)\)", step.arguments)


def test_jumps_lead_somewhere() -> None:
    for step in (s for s in steps() if s.application in ("Goto", "GotoIf", "Gosub")):
        for context, extension in _targets(step):
            assert context in CONTEXTS, step
            named = extension in CONTEXTS[context].extensions
            assert named or "${" in extension, step


def _targets(step: Step) -> list[tuple[str, str]]:
    jump = re.sub(r"\(.*?\)$", "", step.arguments).rpartition("]?")[2]
    parts = [target.split(",") for target in jump.split(":")]
    return [(p[0], p[1]) if len(p) == 3 else (step.context, p[0]) for p in parts]


def test_every_application_is_loaded() -> None:
    loaded = loaded_modules() | {""}
    for step in steps():
        for name in (step.application, *re.findall(r"(?:\$\{|^)([A-Z_]+)\(", step.arguments)):
            assert MODULES[name] in loaded, f"{step}: {name}"


def test_modules_are_named_one_by_one() -> None:
    assert "autoload = no" in (ROOT / "asterisk" / "modules.conf").read_text("utf-8")


def test_nobody_enters_without_being_known() -> None:
    pjsip = (ROOT / "asterisk" / "pjsip.conf.j2").read_text("utf-8")
    assert "res_pjsip_endpoint_identifier_anonymous" not in loaded_modules()
    assert set(re.findall(r"^context = (.+)$", pjsip, re.MULTILINE)) == {"from-trunk", "from-agents"}


def test_agents_cannot_reach_the_trunk() -> None:
    for step in steps():
        if step.application == "Dial":
            assert step.arguments.startswith("PJSIP/${AGENT},"), step


def test_manager_sends_what_the_live_view_reads() -> None:
    """Of what Asterisk announces by itself; the others of KNOWN come in answers to actions."""
    manager = (ROOT / "asterisk" / "manager.conf.j2").read_text("utf-8")
    sent = set(re.findall(r"eventfilter\(action\(include\),name\((\w+)\)\)", manager))
    listed = {"QueueParams", "QueueEntry", "QueueMember", "ContactList", "CoreShowChannel"}
    assert sent == (KNOWN - listed) | ALWAYS_WANTED
