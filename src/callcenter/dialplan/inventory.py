"""Rules on what the dialplan names: applications, functions, modules, prompts, queues, endpoints, holidays."""

import re
from collections.abc import Iterator
from datetime import datetime

from callcenter.dialplan.candidate import Candidate
from callcenter.dialplan.findings import Finding, Severity, finding
from callcenter.dialplan.music import FRESH
from callcenter.dialplan.rules import arguments_of
from callcenter.dialplan.source import Place, Step

FUNCTION = re.compile(r"(?:\$\{|^|=\$\{)([A-Z][A-Z0-9_]+)\(")
PLAYERS = {"Playback": 0, "Background": 0, "BackGround": 0, "Read": 1, "ControlPlayback": 0}
"""Application → which of its arguments names prompts."""
PROMPT_ARGUMENT = re.compile(r"\b(?:notice|say|prompt),[\w-]+,1\(([\w/-]+)")
ALLOWED_CONTEXTS = frozenset({"from-trunk", "from-agents", "from-supervisors", "no-calls"})
"""Where an endpoint's calls may begin."""


def applications(candidate: Candidate) -> Iterator[Finding]:
    """Every application exists in this Asterisk, and the module that carries it is loaded."""
    for step in candidate.plan.steps():
        known = candidate.applications
        if known and step.application.lower() not in known:
            yield _unknown(candidate, step, f"application {step.application}()")
        elif module := known.get(step.application.lower(), ""):
            yield from _not_loaded(candidate, step, f"{step.application}()", module)


def functions(candidate: Candidate) -> Iterator[Finding]:
    """Every function exists in this Asterisk, and the module that carries it is loaded."""
    for step in candidate.plan.steps():
        names = set(FUNCTION.findall(step.arguments))
        if step.application == "Set":
            names |= set(re.findall(r"^_{0,2}([A-Z][A-Z0-9_]+)\(", step.arguments))
        for name in sorted(names):
            if candidate.functions and name not in candidate.functions:
                yield _unknown(candidate, step, f"function {name}()")
            elif module := candidate.functions.get(name, ""):
                yield from _not_loaded(candidate, step, f"{name}()", module)


def _unknown(candidate: Candidate, step: Step, what: str) -> Finding:
    return finding(
        candidate,
        step.place,
        "unknown-name",
        what=f"there is no {what} in this Asterisk: {step.text}",
        why="Asterisk notices only when a call gets there, and hangs it up",
        mend="correct the name",
    )


def _not_loaded(candidate: Candidate, step: Step, what: str, module: str) -> Iterator[Finding]:
    if module not in candidate.modules:
        yield finding(
            candidate,
            step.place,
            "module-not-loaded",
            what=f"{what} is in {module}.so, which modules.conf does not load: {step.text}",
            why="Asterisk notices only when a call gets there, and hangs it up",
            mend=f"add `load = {module}.so` to asterisk/modules.conf.j2 and restart Asterisk",
        )


def modules(candidate: Candidate) -> Iterator[Finding]:
    """Modules are named one by one, and nobody enters without being known."""
    text = candidate.texts.get("modules.conf", "")
    place = Place("modules.conf", 1)
    if not re.search(r"^autoload\s*=\s*no\s*$", text, re.MULTILINE):
        yield finding(
            candidate,
            place,
            "autoload",
            what="modules are not named one by one",
            why="every module that is installed would be loaded: a wider attack surface",
            mend="write `autoload = no` and a `load =` for each",
        )
    if "res_pjsip_endpoint_identifier_anonymous" in candidate.modules:
        yield finding(
            candidate,
            place,
            "guest-calls",
            what="res_pjsip_endpoint_identifier_anonymous.so lets strangers in",
            why="anybody could ring through us",
            mend="remove it",
        )


def prompts(candidate: Candidate) -> Iterator[Finding]:
    """Every prompt is in the catalogue, was recorded, or is Asterisk's own."""
    known = candidate.prompts | candidate.sounds | {"beep", FRESH, "silence/1"}
    for step in candidate.plan.steps():
        for prompt in prompts_of(step):
            if prompt not in known and not prompt.startswith("silence/"):
                yield finding(
                    candidate,
                    step.place,
                    "unknown-prompt",
                    what=f"there is no prompt {prompt}: {step.text}",
                    why="the caller would hear nothing",
                    mend="add it with zh and en to a file in dialplans/prompts/",
                )


def prompts_of(step: Step) -> list[str]:
    """The prompts that a step names literally."""
    named = PROMPT_ARGUMENT.findall(step.arguments) if step.application.startswith("Go") else []
    if step.application in PLAYERS:
        arguments = arguments_of(step)
        place = PLAYERS[step.application]
        named = arguments[place].split("&") if len(arguments) > place else []
    return [name for name in named if name and "${" not in name]


def queues(candidate: Candidate) -> Iterator[Finding]:
    """Queues that the dialplan enters exist; contexts for digits exist."""
    names = {queue.name: queue for queue in candidate.objects("queues.conf")}
    for step in candidate.plan.steps():
        queue = arguments_of(step)[0] if step.application == "Queue" else ""
        if queue and "${" not in queue and queue not in names:
            yield finding(
                candidate,
                step.place,
                "unknown-queue",
                what=f"there is no queue {queue}",
                why="the caller would be sent away",
                mend="add it to asterisk/queues.conf.j2",
            )
    for queue_object in names.values():
        context = queue_object.get("context")
        if context and context not in candidate.plan.contexts:
            yield finding(
                candidate,
                Place("queues.conf", queue_object.line),
                "jump-into-nothing",
                what=f"queue {queue_object.name} sends digits into [{context}], which does not exist",
                why="a digit pressed while waiting would do nothing",
                mend="write the context or take `context =` away",
            )


def endpoints(candidate: Candidate) -> Iterator[Finding]:
    """Every phone serves a queue or is a supervisor's; every member is a phone; every call begins where it may."""
    phones = [o for o in candidate.objects("pjsip.conf") if o.kind == "endpoint"]
    served = _members(candidate)
    for phone in phones:
        if (context := phone.get("context")) not in ALLOWED_CONTEXTS or context not in {
            *candidate.plan.contexts,
            "no-calls",
        }:
            yield _endpoint(candidate, phone.line, f"{phone.name}'s calls begin in [{context}]", "use from-agents")
        if context != "from-trunk" and phone.name not in served | candidate.supervisors:
            yield _endpoint(candidate, phone.line, f"{phone.name} serves no queue", "add it to agents or supervisors")
    for member in sorted(served - {phone.name for phone in phones}):
        place = Place("queues.conf", 1)
        what = f"queue member {member} is no endpoint"
        yield finding(
            candidate, place, "endpoint", what=what, why="it can never be rung", mend="add it to the setting agents"
        )


def _members(candidate: Candidate) -> set[str]:
    static = {v.partition(",")[0] for q in candidate.objects("queues.conf") for v in q.every("member")}
    pushed = {device for devices in candidate.members.values() for device in devices}
    return {name.removeprefix("PJSIP/") for name in static} | pushed


def _endpoint(candidate: Candidate, line: int, what: str, mend: str) -> Finding:
    why = "its calls would go astray, or its agent would wait in vain for calls"
    return finding(candidate, Place("pjsip.conf", line), "endpoint", what=what, why=why, mend=mend)


def feature_codes(candidate: Candidate) -> Iterator[Finding]:
    """What features.conf runs, and where transferred calls go on, exists."""
    contexts = candidate.plan.contexts
    codes = [
        (o.line, value)
        for o in candidate.objects("features.conf")
        if o.name == "applicationmap"
        for _, value in o.options
    ]
    for line, value in codes:
        found = re.search(r"Gosub\(([\w-]+),([\w-]+),1", value)
        if found and found[2] not in (contexts[found[1]].extensions if found[1] in contexts else {}):
            yield _astray(candidate, Place("features.conf", line), f"a feature code leads to {found[1]},{found[2]}")
    for endpoint in candidate.objects("pjsip.conf"):
        for variable in endpoint.every("set_var"):
            name, _, context = variable.partition("=")
            if name.lstrip("_") == "TRANSFER_CONTEXT" and context not in contexts:
                yield _astray(
                    candidate, Place("pjsip.conf", endpoint.line), f"transfers of {endpoint.name} go to [{context}]"
                )


def _astray(candidate: Candidate, place: Place, what: str) -> Finding:
    return finding(
        candidate,
        place,
        "jump-into-nothing",
        what=f"{what}, which does not exist",
        why="the code or transfer would fail, or the call be lost",
        mend="name a context and extension that exist",
    )


def holidays(candidate: Candidate, moment: datetime) -> Iterator[Finding]:
    """This year's holidays are loaded; from 1 December on next year's as well."""
    if candidate.years is None:
        return
    for year in [moment.year, *([moment.year + 1] if moment.month == 12 else [])]:
        if year not in candidate.years:
            yield finding(
                candidate,
                Place("service.conf", 1),
                "holiday-year",
                what=f"the holidays of {year} are not loaded",
                why="the hotline would go by weekdays alone: open on holidays, closed on make-up workdays",
                mend="callcenter schedule import FILE with the State Council's list",
                severity=Severity.WARNING,
            )
