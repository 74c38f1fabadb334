"""Rules that follow a call: who reaches the outside from the trunk, and whether a self-test call could ring a phone."""

import re
from collections.abc import Iterator

from callcenter.dialplan.candidate import Candidate
from callcenter.dialplan.findings import Finding, finding
from callcenter.dialplan.graph import Node, entry_nodes, path_to, walk
from callcenter.dialplan.source import Step, split_arguments

TRUNK_CONTEXT = "from-trunk"
SELF_TEST_CONTEXT = "self-test"
SELF_TEST_VARIABLE = "SELF_TEST"

MAY_DIAL_OUT = {
    "emergency": "the duty roster's mobile numbers are rung for an emergency caller",
    "callback": "the citizen is rung back at the number he left, through the outbound rules",
}
"""Contexts, by the beginning of their name, through which a call from the trunk may lawfully get back out, and why."""


def outbound_from_trunk(candidate: Candidate) -> Iterator[Finding]:
    """A caller from the trunk must not get back out through it: that is how toll fraud begins."""
    plan = candidate.plan
    reached = walk(plan, entry_nodes(plan, TRUNK_CONTEXT), queue_contexts(candidate))
    for node in reached:
        path = path_to(reached, node)
        for step in plan.contexts[node[0]].extensions.get(node[1], []):
            if dials_out(step) and not any(_may_dial_out(context) for context, _ in path):
                yield finding(
                    candidate,
                    step.place,
                    "outbound-from-trunk",
                    what=f"a caller from the trunk reaches {step.text} by {_said(path)}",
                    why="whoever rings the hotline could ring on at our cost",
                    mend="cut that path, or name the context with its reason in dialplan/reach.py, MAY_DIAL_OUT",
                )


def dials_out(step: Step) -> bool:
    """Whether a step calls somebody who is not a phone of ours."""
    if step.application not in ("Dial", "Originate", "Page"):
        return False
    channels = split_arguments(step.arguments)[0]
    names = split_arguments(channels, "&")
    return not all(
        re.match(r"(?:PJSIP/\$\{DEVICE_|Local/|\$\{PJSIP_DIAL_CONTACTS\(\$\{DEVICE_)", name) for name in names
    )


def _may_dial_out(context: str) -> bool:
    return any(context == name or context.startswith(f"{name}-") for name in MAY_DIAL_OUT)


def _said(path: list[Node]) -> str:
    return " → ".join(f"{context},{extension}" for context, extension in path)


def queue_contexts(candidate: Candidate) -> dict[str, str]:
    """Queue → the context that its callers' digits enter (`context` in queues.conf)."""
    return {queue.name: queue.get("context") for queue in candidate.objects("queues.conf") if queue.get("context")}


def self_test_is_guarded(candidate: Candidate) -> Iterator[Finding]:
    """A self-test call turns aside (a GotoIf on SELF_TEST) before anything that rings a phone."""
    plan = candidate.plan
    if SELF_TEST_CONTEXT not in plan.contexts:
        return
    for step in _reached_by_self_test(candidate):
        if step.application in ("Queue", "Dial", "Page", "Originate"):
            yield finding(
                candidate,
                step.place,
                "self-test-rings",
                what=f"the self-test call of a deployment would reach {step.text}",
                why="agents' phones would ring at each deployment",
                mend=f'put GotoIf($["${{{SELF_TEST_VARIABLE}}}" != ""]?self-test,reached,1) before it',
            )


def _reached_by_self_test(candidate: Candidate) -> Iterator[Step]:
    """Every step that the call may execute, each extension cut at its guard."""
    plan = candidate.plan
    cut = _cut_at_guards(candidate)
    start = [node for node in entry_nodes(plan, TRUNK_CONTEXT) if not node[1].startswith("_")]
    for context, extension in walk(cut.plan, start, queue_contexts(candidate)):
        yield from cut.plan.contexts[context].extensions.get(extension, [])


def _cut_at_guards(candidate: Candidate) -> Candidate:
    cut = Candidate(files=candidate.files)
    for context in cut.plan.contexts.values():
        guards = {s.extension: s.priority for s in context.steps if _is_guard(s)}
        context.steps[:] = [s for s in context.steps if s.priority < guards.get(s.extension, s.priority + 1)]
    return cut


def _is_guard(step: Step) -> bool:
    return step.application == "GotoIf" and f"${{{SELF_TEST_VARIABLE}}}" in step.arguments
