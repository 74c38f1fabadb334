"""The rules of a dialplan: what a reviewer would look for, looked for each time. Pure: a candidate in, findings out.

`reach.py` has those that follow a call's path, `inventory.py` those on endpoints, queues, modules and prompts.
"""

import re
from collections.abc import Iterator

from callcenter.dialplan.candidate import Candidate
from callcenter.dialplan.findings import Finding, Severity, finding
from callcenter.dialplan.graph import JUMPS, Target, extensions_of, resolve, targets
from callcenter.dialplan.matching import is_pattern
from callcenter.dialplan.source import Step, split_arguments

QUEUE_STATUSES = (
    *("TIMEOUT", "FULL", "JOINEMPTY", "LEAVEEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL", "CONTINUE", "WITHDRAW"),
    "",  # the queue does not exist
)
"""Every value of QUEUESTATUS in Asterisk 22 (app_queue.c, queue_results)."""

OPENING_WORDS = ("Who:", "From:", "ay reach:")
RETIRED = {
    "Macro": "Gosub",
    "MacroExclusive": "Gosub",
    "System": "AMI",
    "TrySystem": "AMI",
    "AGI": "AMI",
    "EAGI": "AMI",
}
"""Applications that are gone from Asterisk 22 or reach a shell, and what to use instead."""
SHELLS = frozenset({"SHELL", "FILE", "REALTIME", "ODBC_SQL", "CURL"})

OUTSIDE = ("CALLERID(", "EXTEN", "UNIQUEID", "PJSIP_HEADER(", "CHANNEL(pjsip,", "DIALEDPEERNUMBER", "READ_RESULT")
"""What a caller or a phone chose."""
DANGEROUS = frozenset({"Dial", "MixMonitor", "Queue", "Page", "Originate", "Record", "ChanSpy", "Exec", "ConfBridge"})
"""Applications whose arguments name channels, files or options."""
SAFE_WHOLE = frozenset({"Goto", "GotoIf", "Gosub", "GosubIf"})
CLEANERS = re.compile(r"\b(?:DB_DELETE\(|UNLOCK\(|DB\([^)]*\)=)|^UnpauseQueueMember\(")
STAYING = frozenset(
    {"Record", "ConfBridge", "ChanSpy", "MusicOnHold", "Dial", "Queue", "VoiceMail", "Read", "WaitExten"}
)
"""Applications in which a caller may well hang up; what stands after them then never runs."""


def syntax(candidate: Candidate) -> Iterator[Finding]:
    """Lines that Asterisk would not take, steps out of order, contexts and steps written twice."""
    for fault in candidate.plan.faults:
        yield finding(
            candidate,
            fault.place,
            "syntax",
            what=fault.what,
            why="Asterisk leaves such a line out and goes on with the rest",
            mend="correct the line",
        )
    for name, file in candidate.configs.items():
        for read in () if name in _dialplan_files(candidate) else file.faults:
            place = candidate.place(name, read.line)
            yield Finding(
                place.file, place.line, "syntax", read.what, "Asterisk would leave it out", "correct the line"
            )
    yield from _gaps(candidate)


def _dialplan_files(candidate: Candidate) -> set[str]:
    included = {e.value for e in candidate.configs["extensions.conf"].includes}
    return {"extensions.conf", *included}


def _gaps(candidate: Candidate) -> Iterator[Finding]:
    for context in candidate.plan.contexts.values():
        for extension, steps in context.extensions.items():
            numbers = [step.priority for step in steps]
            if missing := sorted(set(range(1, max(numbers))) - set(numbers)):
                yield finding(
                    candidate,
                    steps[0].place,
                    "priority-gap",
                    what=f"[{context.name}] {extension} has no priority {missing[0]}",
                    why="a call that gets there is hung up",
                    mend="write `same => n` instead of numbers",
                )


def opening_comments(candidate: Candidate) -> Iterator[Finding]:
    """Each context says who enters it, from where, and what it may reach."""
    for context in candidate.plan.contexts.values():
        if missing := [word for word in OPENING_WORDS if word not in context.comment]:
            yield finding(
                candidate,
                context.place,
                "opening-comment",
                what=f"[{context.name}] does not open with {missing[0].replace('ay', 'May')}",
                why="a reader can't tell who gets in and what he may reach",
                mend="write `; Who: … From: … May reach: …` under the heading",
                severity=Severity.WARNING,
            )


def jumps(candidate: Candidate) -> Iterator[Finding]:
    """Every Goto, Gosub, option and handler leads to a step that exists."""
    for step in candidate.plan.steps():
        for target in targets(step):
            if what := _leads_nowhere(candidate, step, target):
                yield finding(
                    candidate,
                    step.place,
                    "jump-into-nothing",
                    what=f"{step.text}: {what}",
                    why="the call would be hung up in mid-air",
                    mend="name a context and extension that exist",
                )


def _leads_nowhere(candidate: Candidate, step: Step, target: Target) -> str:
    plan = candidate.plan
    if "${" not in target.context and target.context not in plan.contexts:
        return f"there is no context {target.context}"
    nodes = resolve(plan, target)
    if not nodes:
        return f"[{target.context}] has no extension {target.extension}"
    if target.priority.isdigit() or "${" in target.priority:
        wanted = int(target.priority) if target.priority.isdigit() else 1
        found = any(s.priority == wanted for c, e in nodes for s in plan.contexts[c].extensions[e])
    else:
        found = any(s.label == target.priority for c, e in nodes for s in plan.contexts[c].extensions[e])
    return "" if found else f"{target} has no such priority or label"


def no_relative_jumps(candidate: Candidate) -> Iterator[Finding]:
    """A jump by so many steps breaks when somebody inserts one."""
    for step in candidate.plan.steps():
        if step.application in JUMPS and re.search(r"[(,?:][+-]\d", f"({step.arguments}"):
            yield finding(
                candidate,
                step.place,
                "relative-jump",
                what=f"{step.text} jumps by a number of steps",
                why="it leads elsewhere as soon as a step is inserted",
                mend="give the target an extension of its own",
            )


def retired(candidate: Candidate) -> Iterator[Finding]:
    """No Macro, no shell."""
    for step in candidate.plan.steps():
        if step.application in RETIRED:
            yield finding(
                candidate,
                step.place,
                "retired-application",
                what=f"{step.application} is not used here",
                why="it is gone from Asterisk 22, or it runs programs",
                mend=f"use {RETIRED[step.application]}",
            )
        for name in SHELLS & set(re.findall(r"(?:\$\{|^)(\w+)\(", step.arguments)):
            yield finding(
                candidate,
                step.place,
                "retired-application",
                what=f"{name}() reaches a program, a file or another server",
                why="a call would wait for it, and what a caller says could get there",
                mend="push what the dialplan must know into AstDB",
            )


def queue_outcomes(candidate: Candidate) -> Iterator[Finding]:
    """After Queue() each QUEUESTATUS has an extension, and `i` takes what we don't know."""
    for step in candidate.plan.steps():
        if step.application != "Queue":
            continue
        known = extensions_of(candidate.plan, step.context)
        wanted = [f"result-{status}" for status in QUEUE_STATUSES] + ["i"]
        if missing := [name for name in wanted if name not in known]:
            yield finding(
                candidate,
                step.place,
                "queue-outcome",
                what=f"[{step.context}] has Queue() and no extension {', '.join(missing)}",
                why="a caller whose wait ends so is hung up without a word",
                mend="add an extension for each, and `i`",
            )


def wide_patterns(candidate: Candidate) -> Iterator[Finding]:
    """`_.` and `_!` match anything, hang-up and error extensions included."""
    for context in candidate.plan.contexts.values():
        for extension, steps in context.extensions.items():
            if is_pattern(extension) and re.fullmatch(r"_[.!]", extension):
                yield finding(
                    candidate,
                    steps[0].place,
                    "wide-pattern",
                    what=f"[{context.name}] {extension} matches whatever is dialled",
                    why="letters, & and the special extensions h, i and t among it",
                    mend="match digits: _X. or a number of X",
                )


def filtered_data(candidate: Candidate) -> Iterator[Finding]:
    """What a caller or a phone chose passes FILTER() before it names a channel, a file, a key or an event."""
    clean = _clean_variables(candidate)
    for step in candidate.plan.steps():
        if raw := _raw_use(step):
            yield _unfiltered(candidate, step, raw)
        elif step.application in DANGEROUS:
            used = set(re.findall(r"\$\{(\w+)", step.arguments))
            if unclean := sorted(name for name in used if not _is_known(name, clean)):
                yield _unfiltered(candidate, step, f"${{{unclean[0]}}}")


def _unfiltered(candidate: Candidate, step: Step, raw: str) -> Finding:
    return finding(
        candidate,
        step.place,
        "unfiltered",
        what=f"{step.text} uses {raw} as it came",
        why="a caller could name another channel, another file, or write into the journal",
        mend="Set() a variable through ${FILTER(0-9,…)} and use that",
    )


def _raw_use(step: Step) -> str:
    """Outside data in a step that is neither read through FILTER() nor compared nor put aside to be filtered."""
    if step.application == "Set" and re.match(r"(?:__?)?WHO=", step.arguments):
        return ""  # put aside; what is taken out of it passes FILTER()
    text = _FILTERED.sub("", step.arguments)
    if step.application in SAFE_WHOLE:
        text = re.sub(r"\$\{EXTEN(?::-?\d+){0,2}\}", "", text)  # an extension that was matched digit by digit
        text = re.sub(r"^.*?\?", "", text) if step.application.endswith("If") else text
    return next((f"${{{name}" for name in OUTSIDE if "${" + name in text), "")


_FILTERED = re.compile(r"FILTER\([^,]+,(?:[^()]|\([^()]*\))*\)|\$\{LEN\([^)]*\)\}|\$\{CALLERID\(\w+\):0:0\}")


def _clean_variables(candidate: Candidate) -> set[str]:
    """Globals, what passed FILTER() or was computed from it, and arguments that only we pass."""
    clean = {*candidate.plan.variables, "ARGC", "EPOCH", *(f"ARG{n}" for n in range(1, 10))}
    sets = [_assignment(s) for s in candidate.plan.steps() if s.application == "Set"]
    unclean = {name for name, value in sets if not _is_clean(value, clean)}
    for _ in range(5):  # a variable made of clean ones is clean, too
        clean |= {name for name, _ in sets} - unclean
        unclean = {name for name, value in sets if not _is_clean(value, clean | {name})}
        clean -= unclean
    return clean


def _assignment(step: Step) -> tuple[str, str]:
    name, _, value = step.arguments.partition("=")
    return name.lstrip("_"), value


def _is_clean(value: str, clean: set[str]) -> bool:
    rest = _FILTERED.sub("", value)
    names = set(re.findall(r"\$\{(\w+)", rest)) - {
        "",
        "CUT",
        "IF",
        "MATH",
        "STRFTIME",
        "DB",
        "LEN",
        "RAND",
        "QUEUE_MEMBER",
    }
    return all(_is_known(name, clean) for name in names)


def _is_known(name: str, clean: set[str]) -> bool:
    """A name that ends in _ goes on with a variable of its own: `${DEVICE_${AGENT}}`."""
    return name in clean or (name.endswith("_") and any(known.startswith(name) for known in clean))


def hangup_handling(candidate: Candidate) -> Iterator[Finding]:
    """What must be undone after a step in which the caller may hang up is undone by `h` or a hang-up handler."""
    pushed = any("hangup_handler_push" in step.arguments for step in candidate.plan.steps())
    for context in () if pushed else candidate.plan.contexts.values():
        for steps in context.extensions.values() if "h" not in context.extensions else ():
            stay, lost = _lost_at_hangup(steps)
            if stay and lost:
                yield finding(
                    candidate,
                    lost.place,
                    "hangup-handling",
                    what=f"[{context.name}] {lost.text} does not run when the caller hangs up in {stay.application}()",
                    why="a hang-up ends the dialplan there: what was taken is never given back",
                    mend="put it into an `h` extension or push a CHANNEL(hangup_handler_push)",
                    severity=Severity.WARNING,
                )


def _lost_at_hangup(steps: list[Step]) -> tuple[Step | None, Step | None]:
    """The step in which a caller may hang up, and the first one after it that gives something back."""
    stay = next((s for s in steps if s.application in STAYING), None)
    after = (s for s in steps if stay and s.priority > stay.priority and CLEANERS.search(s.text))
    return stay, next(after, None)


def arguments_of(step: Step) -> list[str]:
    """A step's arguments, stripped."""
    return [part.strip() for part in split_arguments(step.arguments)]
