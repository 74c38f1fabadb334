"""The dialplan as data, read from rendered files as Asterisk's pbx_config reads them.

Every step knows its file and line. What can't be read is a fault with its place, so that a check can name all of them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from callcenter.dialplan.files import Entry, Section, meaningful_lines, read_config

MAIN_FILE = "extensions.conf"
VARIABLE = re.compile(r"\$\{(\w+)\}")
NOT_CONTEXTS = frozenset({"general", "globals"})


@dataclass(frozen=True, slots=True)
class Place:
    """A line (from 1) of a rendered file."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Step:
    """One priority of an extension; `arguments` is what stands between the outer parentheses."""

    context: str
    extension: str
    priority: int
    application: str
    arguments: str
    label: str = ""
    place: Place = Place("", 0)

    def __str__(self) -> str:
        return f"[{self.context}] {self.extension},{self.priority}: {self.text}"

    @property
    def text(self) -> str:
        return f"{self.application}({self.arguments})"


@dataclass(slots=True)
class Context:
    name: str
    place: Place
    comment: str = ""
    steps: list[Step] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)

    @property
    def extensions(self) -> dict[str, list[Step]]:
        """Extension → its steps by priority."""
        found: dict[str, list[Step]] = {}
        for step in sorted(self.steps, key=lambda s: s.priority):
            found.setdefault(step.extension, []).append(step)
        return found


@dataclass(frozen=True, slots=True)
class PlacedFault:
    place: Place
    what: str


@dataclass(slots=True)
class Dialplan:
    contexts: dict[str, Context] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    """`[globals]`, each with those before it filled in"""
    faults: list[PlacedFault] = field(default_factory=list)

    def steps(self) -> Iterator[Step]:
        for context in self.contexts.values():
            yield from context.steps


def read_dialplan(files: Mapping[str, str]) -> Dialplan:
    """`extensions.conf` with what it includes; `files` maps rendered names to texts."""
    plan = Dialplan()
    _take_file(plan, files, MAIN_FILE)
    return plan


def _take_file(plan: Dialplan, files: Mapping[str, str], name: str) -> None:
    text = files[name]
    config = read_config(text)
    plan.faults += [PlacedFault(Place(name, fault.line), fault.what) for fault in config.faults]
    for section in config.sections:
        if section.name == "globals":
            _take_globals(plan, section)
        elif section.name not in NOT_CONTEXTS:
            _take_context(plan, name, section, text)
    for include in config.includes:
        if include.value in files:
            _take_file(plan, files, include.value)
        else:
            plan.faults.append(PlacedFault(Place(name, include.line), f"there is no file {include.value}"))


def _take_globals(plan: Dialplan, section: Section) -> None:
    for entry in section.entries:
        plan.variables[entry.key] = filled(entry.value, plan.variables)


def filled(text: str, variables: Mapping[str, str]) -> str:
    """`${NAME}` of known variables replaced; others stay."""
    return VARIABLE.sub(lambda found: variables.get(found[1], found[0]), text)


def _take_context(plan: Dialplan, file: str, section: Section, text: str) -> None:
    place = Place(file, section.line)
    known = plan.contexts.get(section.name)
    if known and "+" not in section.parents:
        first = f"{known.place.file}, line {known.place.line}"
        plan.faults.append(PlacedFault(place, f"[{section.name}] is written twice; the first one is in {first}"))
    context = known or Context(section.name, place, opening_comment(text, section.line))
    plan.contexts[section.name] = context
    reader = _Reader(plan, context, file)
    for entry in section.entries:
        reader.take(entry)


class _Reader:
    """Goes through a context's entries; remembers the extension and priority that `same` and `n` go on from."""

    def __init__(self, plan: Dialplan, context: Context, file: str) -> None:
        self.plan, self.context, self.file = plan, context, file
        self.extension, self.priority = "", 0

    def take(self, entry: Entry) -> None:
        if entry.key == "exten":
            extension, _, rest = _cut_extension(entry.value)
            self.extension = filled(extension, self.plan.variables)
            self._take_step(rest, entry.line)
        elif entry.key == "same":
            self._take_step(entry.value, entry.line)
        elif entry.key == "include":
            self.context.includes.append(filled(entry.value, self.plan.variables))
        elif entry.key not in ("ignorepat", "switch"):
            self._fault(entry.line, f"{entry.key} is nothing that a context may hold")

    def _take_step(self, rest: str, line: int) -> None:
        where, comma, call = rest.partition(",")
        if not comma or not self.extension:
            self._fault(line, "extension, priority and application are not all there")
            return
        number, label = self._priority(where.strip())
        application, arguments, fault = split_call(call.strip())
        if not number or fault:
            self._fault(line, fault or f"{where!r} is no priority")
            return
        if number == "hint":
            return
        self.priority = int(number)
        step = Step(
            self.context.name,
            self.extension,
            self.priority,
            application,
            arguments,
            label,
            Place(self.file, line),
        )
        if any(s.extension == step.extension and s.priority == step.priority for s in self.context.steps):
            self._fault(line, f"{step.extension},{step.priority} is written twice in [{self.context.name}]")
        self.context.steps.append(step)

    def _priority(self, where: str) -> tuple[str, str]:
        """Number and label of `1`, `n`, `n(label)`, `n+2`; an empty number for anything else."""
        found = re.fullmatch(r"(\d+|n|s|hint)(?:\+(\d+))?(?:\(([\w-]+)\))?", where)
        if not found:
            return "", ""
        base = {"n": self.priority + 1, "s": self.priority}.get(found[1], found[1])
        return ("hint" if base == "hint" else str(int(base) + int(found[2] or 0))), found[3] or ""

    def _fault(self, line: int, what: str) -> None:
        self.plan.faults.append(PlacedFault(Place(self.file, line), what))


def _cut_extension(value: str) -> tuple[str, str, str]:
    """The extension may be a variable; a `,` within `${…}` or `[…]` does not end it."""
    parts = split_arguments(value, limit=1)
    return parts[0].strip(), ",", parts[1] if len(parts) > 1 else ""


def split_call(call: str) -> tuple[str, str, str]:
    """Application, arguments and, when it is none, what is wrong. As pbx_config: from the first ( to the last )."""
    name, opened, rest = call.partition("(")
    if not opened:
        return call, "", ""
    inside, closed, after = rest.rpartition(")")
    if not closed or after.strip():
        return name, rest, f"{call[:60]!r} has no closing parenthesis at its end"
    if fault := unbalanced(inside):
        return name, inside, f"{call[:80]!r}: {fault}"
    return name, inside, ""


def unbalanced(text: str) -> str:
    """What is opened and not closed, in words; empty when all is well."""
    for opening, closing in (("${", "}"), ("$[", "]")):
        if text.count(opening) > text.count(closing):
            return f"a {closing} is missing"
    stack: list[str] = []
    for sign in re.sub(r"\\.", "", text):
        if sign == "(":
            stack.append(sign)
        elif sign == ")" and (not stack or stack.pop() != "("):
            return "a ( is missing"
    return "a ) is missing" if stack else ""


def split_arguments(text: str, separator: str = ",", limit: int = -1) -> list[str]:
    """Split at separators outside of (), [], {} and quotes."""
    parts, depth, quoted, begin = [], 0, False, 0
    for at, sign in enumerate(text):
        escaped = at > 0 and text[at - 1] == "\\"
        if sign == '"' and not escaped:
            quoted = not quoted
        elif not quoted and not escaped and sign in "([{":
            depth += 1
        elif not quoted and not escaped and sign in ")]}":
            depth = max(0, depth - 1)
        elif sign == separator and depth == 0 and not quoted and not escaped and limit != 0:
            parts.append(text[begin:at])
            begin, limit = at + 1, limit - 1
    return [*parts, text[begin:]]


def opening_comment(text: str, line: int) -> str:
    """The comment lines that follow a context's heading."""
    texts = []
    for following in text.split("\n")[line:]:
        if not following.startswith(";"):
            break
        texts.append(following.lstrip("; "))
    return " ".join(texts)


def loaded_modules(modules_conf: str) -> frozenset[str]:
    """The names (without .so) that `modules.conf` loads."""
    lines = (line for _, line in meaningful_lines(modules_conf))
    found = (re.fullmatch(r"(?:load|preload|require)\s*=>?\s*(\w+?)(?:\.so)?", line) for line in lines)
    return frozenset(match[1] for match in found if match)
