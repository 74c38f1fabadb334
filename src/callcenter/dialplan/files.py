"""Asterisk's configuration files as data: sections and their entries, each with its line (main/config.c)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SECTION = re.compile(r"\[([^\]]+)\](?:\(([^)]*)\))?\s*$")
ENTRY = re.compile(r"([^=]+?)\s*=>?\s*(.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """`key = value` or `key => value`; the value as Asterisk keeps it, without comment, `\\;` as `;`."""

    key: str
    value: str
    line: int


@dataclass(slots=True)
class Section:
    """`[name](parents)`; `+` adds to an earlier section, `!` is a template that is nothing by itself."""

    name: str
    parents: tuple[str, ...]
    line: int
    entries: list[Entry] = field(default_factory=list)

    @property
    def is_template(self) -> bool:
        return "!" in self.parents

    def get(self, key: str, default: str = "") -> str:
        """The last value of a key."""
        return next((e.value for e in reversed(self.entries) if e.key == key), default)


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that Asterisk would not take, or not as it is meant."""

    line: int
    what: str


@dataclass(slots=True)
class ConfigFile:
    """One file: its sections in order, the files it includes, what can't be read."""

    sections: list[Section] = field(default_factory=list)
    includes: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read_config(text: str) -> ConfigFile:
    """Read one file; what can't be read is a fault, never an exception."""
    read = ConfigFile()
    for number, line in meaningful_lines(text):
        if line.startswith("#"):
            _take_directive(read, number, line)
        elif line.startswith("["):
            _take_section(read, number, line)
        else:
            _take_entry(read, number, line)
    return read


def meaningful_lines(text: str) -> Iterator[tuple[int, str]]:
    """Line number (from 1) and text without comments; empty lines are left out."""
    inside_block = False
    for number, raw in enumerate(text.split("\n"), 1):
        line, inside_block = _without_block(raw, inside_block)
        stripped = _without_comment(line).strip()
        if stripped:
            yield number, stripped


def _without_block(line: str, inside: bool) -> tuple[str, bool]:
    """Cut `;-- … --;` out; it may span lines."""
    kept = ""
    while line:
        if inside:
            _, end, line = line.partition("--;")
            inside = not end
        else:
            before, begin, line = line.partition(";--")
            kept, inside = kept + before, bool(begin)
            if begin and line.startswith("-"):  # ;--- is a plain comment
                return kept, False
    return kept, inside


def _without_comment(line: str) -> str:
    return re.sub(r"(?<!\\);.*$", "", line).replace(r"\;", ";")


def _take_directive(read: ConfigFile, number: int, line: str) -> None:
    word, _, target = line[1:].partition(" ")
    if word in ("include", "tryinclude") and target.strip():
        read.includes.append(Entry(word, target.strip().strip('"<>'), number))
    else:
        read.faults.append(Fault(number, f"#{word} is no directive that we use"))


def _take_section(read: ConfigFile, number: int, line: str) -> None:
    found = SECTION.match(line)
    if not found:
        read.faults.append(Fault(number, f"{line[:60]!r} is no section: a ] or ) is missing"))
        return
    parents = tuple(p.strip() for p in (found[2] or "").split(",") if p.strip())
    read.sections.append(Section(found[1], parents, number))


def _take_entry(read: ConfigFile, number: int, line: str) -> None:
    found = ENTRY.match(line)
    if not found:
        read.faults.append(Fault(number, f"{line[:60]!r} is no setting: there is no ="))
    elif not read.sections:
        read.faults.append(Fault(number, f"{line[:60]!r} stands before the first section"))
    else:
        read.sections[-1].entries.append(Entry(found[1], found[2].strip(), number))


@dataclass(frozen=True, slots=True)
class Object:
    """A section with what it inherits: `[name](template)`."""

    name: str
    kind: str
    """`type` of pjsip.conf; empty elsewhere"""
    options: tuple[tuple[str, str], ...]
    line: int

    def get(self, key: str, default: str = "") -> str:
        return next((value for name, value in reversed(self.options) if name == key), default)

    def every(self, key: str) -> tuple[str, ...]:
        return tuple(value for name, value in self.options if name == key)


def objects(read: ConfigFile) -> list[Object]:
    """The sections that are something by themselves, templates filled in."""
    templates: dict[str, tuple[tuple[str, str], ...]] = {}
    found = []
    for section in read.sections:
        options = _with_inherited(section, templates)
        if section.is_template:
            templates[section.name] = options
        else:
            kind = next((value for key, value in reversed(options) if key == "type"), "")
            found.append(Object(section.name, kind, options, section.line))
    return found


def _with_inherited(
    section: Section, templates: Mapping[str, tuple[tuple[str, str], ...]]
) -> tuple[tuple[str, str], ...]:
    inherited = tuple(pair for parent in section.parents for pair in templates.get(parent, ()))
    return (*inherited, *((e.key, e.value) for e in section.entries))
