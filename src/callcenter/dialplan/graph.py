"""Where a call may go from a step: the dialplan as a graph of contexts and extensions."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from callcenter.dialplan.matching import best_match, is_pattern
from callcenter.dialplan.source import Dialplan, Step, split_arguments

JUMPS = frozenset({"Goto", "GotoIf", "GotoIfTime", "Gosub", "GosubIf"})
SUBROUTINES = frozenset({"Gosub", "GosubIf"})
OPTION_TARGET = re.compile(r"[UGbBF]\(([\w-]+)\^([^\^()]*)(?:\^([^()]*))?\)")
LOCAL_TARGET = re.compile(r"Local/([^@,&/]+)@([\w-]+)")
HANDLER = re.compile(r"CHANNEL\(hangup_handler_(?:push|wipe)\)=([\w-]+),([^,]+),")

SPECIAL = ("i", "t", "T", "h", "e", "o", "a")
"""Extensions that Asterisk enters by itself: invalid, time-outs, hang-up, errors, operator."""

Node = tuple[str, str]
"""Context and extension."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a step may lead. A `${…}` in it stands for anything."""

    context: str
    extension: str
    priority: str
    subroutine: bool = False

    def __str__(self) -> str:
        return f"{self.context},{self.extension},{self.priority}"


def targets(step: Step, queue_contexts: Mapping[str, str] | None = None) -> list[Target]:
    """Every place that a step names: jumps, subroutines, Dial's and Queue's own, Local channels, hang-up handlers."""
    found = [*_jumps(step)]
    found += [Target(m[0], m[1], m[2] or "1", True) for m in OPTION_TARGET.findall(step.arguments)]
    found += [Target(context, extension, "1") for extension, context in LOCAL_TARGET.findall(step.arguments)]
    found += [Target(context, extension, "1", True) for context, extension in HANDLER.findall(step.arguments)]
    if step.application == "Queue":
        context = (queue_contexts or {}).get(split_arguments(step.arguments)[0], "")
        found += [Target(context, "${DIGIT}", "1")] if context else []
    return found


def _jumps(step: Step) -> Iterator[Target]:
    if step.application not in JUMPS:
        return
    places = [step.arguments]
    if step.application in ("GotoIf", "GotoIfTime", "GosubIf"):
        _, _, after = _at_top(step.arguments, "?")
        places = split_arguments(after, ":")
    for place in places:
        if place.strip():
            yield _target(step, place.strip())


def condition(step: Step) -> str:
    """What a GotoIf or GosubIf asks."""
    return _at_top(step.arguments, "?")[0]


def _at_top(text: str, separator: str) -> tuple[str, str, str]:
    before, *after = split_arguments(text, separator, limit=1)
    return before, separator, after[0] if after else ""


def _target(step: Step, place: str) -> Target:
    sub = step.application in SUBROUTINES
    parts = [part.strip() for part in split_arguments(without_parameters(place) if sub else place)]
    context, extension, priority = ([step.context, step.extension][: max(0, 3 - len(parts))] + parts)[:3]
    return Target(context, extension, priority, sub)


def without_parameters(place: str) -> str:
    """`notice,s,1` of `notice,s,1(hotline-notice)`."""
    depth = 0
    for at in range(len(place) - 1, -1, -1):
        depth += (place[at] == ")") - (place[at] == "(")
        if depth == 0 and place[at] == "(":
            return place[:at]
        if depth == 0:
            return place
    return place


def extensions_of(plan: Dialplan, context: str, seen: frozenset[str] = frozenset()) -> dict[str, str]:
    """Extension → the context that holds it, included contexts too."""
    own = plan.contexts.get(context)
    if own is None or context in seen:
        return {}
    found: dict[str, str] = {}
    for included in reversed(own.includes):
        found |= extensions_of(plan, included.partition(",")[0], seen | {context})
    return found | dict.fromkeys(own.extensions, context)


def resolve(plan: Dialplan, target: Target) -> list[Node]:
    """The nodes that a target may mean; none when it leads into nothing."""
    if "${" in target.context:
        return [(name, e) for name in plan.contexts for e in extensions_of(plan, name)]
    known = extensions_of(plan, target.context)
    if "${" in target.extension:
        shape = re.compile(".*".join(re.escape(part) for part in re.split(r"\$\{.*?\}+", target.extension)))
        whole = target.extension.startswith("${")
        fitting = [e for e in known if is_pattern(e) or whole or shape.fullmatch(e)]
        return [(known[e], e) for e in fitting]
    match = best_match(known, target.extension)
    return [(known[match], match)] if match else []


def walk(plan: Dialplan, start: list[Node], queue_contexts: Mapping[str, str]) -> dict[Node, Node | None]:
    """Every node that a call may reach from `start`, each with the node it was reached from."""
    reached: dict[Node, Node | None] = dict.fromkeys(start)
    waiting = deque(start)
    while waiting:
        node = waiting.popleft()
        for following in _following(plan, node, queue_contexts):
            if following not in reached:
                reached[following] = node
                waiting.append(following)
    return reached


def _following(plan: Dialplan, node: Node, queue_contexts: Mapping[str, str]) -> Iterator[Node]:
    """Where a call at this node may be next; the context's special extensions can always come."""
    context = plan.contexts[node[0]]
    yield from ((node[0], special) for special in SPECIAL if special in context.extensions)
    for step in context.extensions.get(node[1], []):
        for target in targets(step, queue_contexts):
            yield from resolve(plan, target)


def path_to(reached: Mapping[Node, Node | None], node: Node) -> list[Node]:
    """How a call gets to a reached node, from the start on."""
    path = [node]
    while (before := reached[path[-1]]) is not None:
        path.append(before)
    return path[::-1]


def entry_nodes(plan: Dialplan, context: str) -> list[Node]:
    """Every extension that can be dialled in a context."""
    return [(holder, extension) for extension, holder in extensions_of(plan, context).items()]
