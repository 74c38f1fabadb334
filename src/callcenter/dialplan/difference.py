"""What a deployment would change, in Asterisk's terms; and which calls in progress it would lead astray. Pure."""

import re
from collections.abc import Iterator, Mapping

from callcenter.dialplan.files import objects, read_config
from callcenter.dialplan.graph import targets
from callcenter.dialplan.source import MAIN_FILE, Context, Dialplan, Step, read_dialplan

SECRET_OPTION = re.compile(r"secret|password|md5_cred|passphrase", re.IGNORECASE)
HIDDEN = "***"

Position = tuple[str, str, int]
"""Context, extension, priority of a running call."""


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """One line a change; secrets as `***`. Files map names to texts; an empty `old` is a first deployment."""
    return [*_dialplan_changes(_plan(old), _plan(new)), *_option_changes(old, new)]


def _plan(files: Mapping[str, str]) -> Dialplan:
    return read_dialplan(files) if MAIN_FILE in files else Dialplan()


def _dialplan_changes(old: Dialplan, new: Dialplan) -> Iterator[str]:
    for name in sorted({*old.variables, *new.variables}):
        if old.variables.get(name) != new.variables.get(name):
            yield f"~ global {name}: {old.variables.get(name, '–')} → {new.variables.get(name, '–')}"
    for name in sorted({*old.contexts, *new.contexts}):
        before, after = old.contexts.get(name), new.contexts.get(name)
        if before is None or after is None:
            yield f"{'+' if before is None else '-'} context [{name}]"
        yield from _extension_changes(name, before, after)


def _extension_changes(name: str, before: Context | None, after: Context | None) -> Iterator[str]:
    old, new = (before.extensions if before else {}), (after.extensions if after else {})
    for extension in sorted({*old, *new}):
        was = {s.priority: s.text for s in old.get(extension, [])}
        will = {s.priority: s.text for s in new.get(extension, [])}
        for priority in sorted({*was, *will}):
            where = f"[{name}] {extension},{priority}"
            if priority not in was:
                yield f"+ {where}: {will[priority]}"
            elif priority not in will:
                yield f"- {where}: {was[priority]}"
            elif was[priority] != will[priority]:
                yield f"~ {where}: {was[priority]} → {will[priority]}"


def _option_changes(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    ours = dialplan_files(old) | dialplan_files(new)
    for file in sorted(({*old, *new} - ours) | ({MAIN_FILE} & {*old, *new})):
        was, will = _options(file, old.get(file, "")), _options(file, new.get(file, ""))
        for key in sorted({*was, *will}):
            if was.get(key) != will.get(key):
                yield _option_change(file, key, was.get(key, ()), will.get(key, ()))


def dialplan_files(files: Mapping[str, str]) -> set[str]:
    """`extensions.conf` and what it includes."""
    return {e.value for e in read_config(files[MAIN_FILE]).includes} | {MAIN_FILE} if MAIN_FILE in files else set()


def _options(file: str, text: str) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """(section, its type, option) → its values, templates filled in."""
    found: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for thing in objects(read_config(text)):
        if file == MAIN_FILE and thing.name != "general":
            continue
        for key, value in thing.options:
            place = (thing.name, thing.kind, key)
            found[place] = (*found.get(place, ()), value)
    return found


def _option_change(file: str, key: tuple[str, str, str], was: tuple[str, ...], will: tuple[str, ...]) -> str:
    section, kind, option = key
    thing = f"{file} [{section}]{f' {kind}' if kind else ''} {option}"
    sign = "+" if not was else "-" if not will else "~"
    if SECRET_OPTION.search(option):
        return f"{sign} {thing}: {HIDDEN}"
    added, gone = [v for v in will if v not in was], [v for v in was if v not in will]
    return f"{sign} {thing}: {' & '.join(gone) or '–'} → {' & '.join(added) or '–'}"


def in_the_way(positions: Mapping[str, Position], old: Dialplan, new: Dialplan) -> list[str]:
    """Channels that would go on at a wrong step: Asterisk keeps a call's context, extension and *number* of the step.

    A call within a subroutine also counts at every step that may have called it, for it returns there.
    """
    changed = _changed_tails(old, new)
    callers = _callers_of(old)
    found = []
    for channel, position in positions.items():
        if _goes_astray(position, changed) or any(_goes_astray(p, changed) for p in callers.get(position[0], ())):
            found.append(channel)
    return sorted(found)


def _changed_tails(old: Dialplan, new: Dialplan) -> dict[tuple[str, str], int]:
    """(context, extension) → the highest changed priority: a call that stands before it meets the change."""
    changed = {}
    for name, context in old.contexts.items():
        after = new.contexts[name].extensions if name in new.contexts else {}
        for extension, steps in context.extensions.items():
            was = {s.priority: s.text for s in steps}
            will = {s.priority: s.text for s in after.get(extension, [])}
            if differing := [p for p in {*was, *will} if was.get(p) != will.get(p)]:
                changed[name, extension] = max(differing)
    return changed


def _goes_astray(position: Position, changed: Mapping[tuple[str, str], int]) -> bool:
    context, extension, priority = position
    return priority < changed.get((context, extension), 0)


def _callers_of(plan: Dialplan) -> dict[str, set[Position]]:
    """Context of a subroutine → the steps that call it, also through other subroutines."""
    direct: dict[str, set[Position]] = {}
    for step in plan.steps():
        for target in targets(step):
            if target.subroutine:
                direct.setdefault(target.context, set()).add(_position(step))
    for _ in range(4):  # subroutines of subroutines
        for callers in direct.values():
            callers |= {p for c, _, _ in tuple(callers) for p in direct.get(c, ())}
    return direct


def _position(step: Step) -> Position:
    return step.context, step.extension, step.priority
