"""What would be deployed: rendered files that know their source lines, the dialplan in them, and what they may use."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from jinja2 import TemplateError

from callcenter.dialplan.files import ConfigFile, Object, objects, read_config
from callcenter.dialplan.prompts import read_catalogue
from callcenter.dialplan.render import environment, render, template_values
from callcenter.dialplan.site import Site
from callcenter.dialplan.source import Dialplan, Place, loaded_modules, read_dialplan

MARK = re.compile("\x01(\\d+)\x01")
DOCUMENTED = re.compile(r'<(application|function) name="([^"]+)" language="[^"]*" module="([^"]+)"')
SOURCE_NAMES = {"parking_applications": "res_parking", "builtin": ""}
"""Where the documentation names a source file that is no module of its own; an empty name is Asterisk's core."""


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """One configuration file as it would be written, and where each of its lines comes from."""

    name: str
    text: str
    source: str = ""
    """`dialplans/hotline.conf`: relative to the folder of the sources"""
    lines: tuple[int, ...] = ()
    """Source line of each rendered line; empty when they are the same"""

    def source_line(self, line: int) -> int:
        """The line of the source file that made this rendered line (both from 1)."""
        return self.lines[line - 1] if 0 < line <= len(self.lines) else line


@dataclass(frozen=True)
class Candidate:
    """Everything the rules look at. Pure data: reading it from disk is `read_candidate`'s work."""

    files: Mapping[str, RenderedFile]
    prompts: frozenset[str] = frozenset()
    """Names in the catalogue: they are made or recorded before a deployment takes effect"""
    sounds: frozenset[str] = frozenset()
    """Names below `sounds/<language>` that are there already: own recordings, Asterisk's own"""
    applications: Mapping[str, str] = field(default_factory=dict)
    """Application in lower case → module that carries it ("" is the core)"""
    functions: Mapping[str, str] = field(default_factory=dict)
    supervisors: frozenset[str] = frozenset()
    """Devices that need no queue"""
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Queue → devices that serve it by the settings"""
    years: frozenset[int] | None = None
    """Years whose holidays are loaded; None: not known here"""

    @cached_property
    def texts(self) -> dict[str, str]:
        return {name: file.text for name, file in self.files.items()}

    @cached_property
    def plan(self) -> Dialplan:
        return read_dialplan(self.texts)

    @cached_property
    def modules(self) -> frozenset[str]:
        return loaded_modules(self.texts.get("modules.conf", ""))

    @cached_property
    def configs(self) -> dict[str, ConfigFile]:
        """Every file, as sections."""
        return {name: read_config(text) for name, text in self.texts.items()}

    def objects(self, name: str) -> list[Object]:
        """The objects of a file such as pjsip.conf; none when there is no such file."""
        return objects(self.configs[name]) if name in self.configs else []

    def place(self, file: str, line: int) -> Place:
        """A rendered place as an administrator finds it: the source file and its line."""
        rendered = self.files.get(file)
        return Place(rendered.source or file, rendered.source_line(line)) if rendered else Place(file, line)


def read_candidate(site: Site, years: frozenset[int] | None = None) -> Candidate:
    """Render `site`'s sources and read what they may use. Raises `InvalidInput` for a value that can't stand there."""
    applications, functions = documented(site.documentation_dir)
    settings = site.settings
    device = {number: site.device_names[number] for number in settings.phones}
    everybody = tuple(device[number] for number in settings.agents)
    return Candidate(
        files={file.name: file for file in rendered_files(site)},
        prompts=frozenset(p.name for p in read_catalogue(site.folder("dialplans") / "prompts")),
        sounds=frozenset(_sounds(site.data_dir / "sounds")),
        applications=applications,
        functions=functions,
        supervisors=frozenset(device[number] for number in settings.supervisors),
        members={"hotline": everybody, "emergency": everybody},
        years=years,
    )


def rendered_files(site: Site) -> Iterator[RenderedFile]:
    """Each rendered file with its source lines."""
    values = {**template_values(site), **site.instead}
    for name, text in render(site):
        folder, path = _source_of(site, name)
        lines = source_lines(path, values, text) if path.suffix == ".j2" else ()
        yield RenderedFile(name, text, f"{folder}/{path.name}", lines)


def _source_of(site: Site, name: str) -> tuple[str, Path]:
    paths = (
        (folder, site.folder(folder) / f"{name}{end}") for folder in ("asterisk", "dialplans") for end in ("", ".j2")
    )
    return next((folder, path) for folder, path in paths if path.is_file())


def source_lines(template: Path, values: Mapping[str, object], rendered: str) -> tuple[int, ...]:
    """Which line of the template made each rendered line.

    The template is rendered once more with a mark at the end of each line of text. When the marks would change the
    result (or break a statement that spans lines), there is no answer and rendered lines stand for themselves.
    """
    marked = "\n".join(_marked(number, line) for number, line in enumerate(template.read_text("utf-8").split("\n"), 1))
    try:
        text = environment(template.parent).from_string(marked).render(values)
    except TemplateError:
        return ()
    if MARK.sub("", text) != rendered:
        return ()
    numbers: list[int] = []
    for line in text.split("\n"):
        found = MARK.search(line)
        numbers.append(int(found[1]) if found else (numbers[-1] + 1 if numbers else 1))
    return tuple(numbers)


def _marked(number: int, line: str) -> str:
    """A line that ends in a tag trims what follows it, so it gets no mark."""
    return line if line.rstrip().endswith(("%}", "#}", "{%", "{#")) else f"{line}\x01{number}\x01"


def documented(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Every application and function of this Asterisk with its module, by its own XML documentation."""
    found: dict[str, dict[str, str]] = {"application": {}, "function": {}}
    for path in sorted(folder.glob("*.xml")):
        for kind, name, module in DOCUMENTED.findall(path.read_text("utf-8", "replace")):
            key = name.lower() if kind == "application" else name
            found[kind][key] = SOURCE_NAMES.get(module, module)
    return found["application"], found["function"]


def _sounds(folder: Path) -> Iterator[str]:
    for path in folder.glob("*/**/*.*"):
        if path.is_file():
            yield str(path.relative_to(folder)).partition("/")[2].rpartition(".")[0]
