"""The dialplan as data, for the lint: contexts, extensions, steps, and the comment that opens each context."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"\[([\w-]+)\]")
STEP = re.compile(r"(?:exten => (?P<exten>.+?),1|same => n),(?P<app>\w+)\((?P<args>.*)\)$")


@dataclass(frozen=True, slots=True)
class Step:
    context: str
    extension: str
    application: str
    arguments: str

    def __str__(self) -> str:
        return f"[{self.context}] {self.extension}: {self.application}({self.arguments})"


@dataclass(slots=True)
class Context:
    name: str
    comment: str
    steps: list[Step] = field(default_factory=list)

    @property
    def extensions(self) -> set[str]:
        return {step.extension for step in self.steps}


def read_contexts() -> dict[str, Context]:
    """Every context of `dialplans/`, as written: templates' loops stand for one turn."""
    contexts: dict[str, Context] = {}
    for path in sorted((ROOT / "dialplans").glob("*.conf*")):
        for context in _contexts(path.read_text("utf-8").splitlines()):
            assert context.name not in contexts, f"[{context.name}] is written twice"
            contexts[context.name] = context
    return contexts


def _contexts(lines: list[str]) -> Iterator[Context]:
    context, extension = None, ""
    for number, line in enumerate(lines):
        if section := SECTION.fullmatch(line):
            if context:
                yield context
            context = Context(section[1], _comment(lines[number + 1 :]))
        elif context and (step := STEP.fullmatch(line.strip())):
            extension = step["exten"] or extension
            context.steps.append(Step(context.name, extension, step["app"], step["args"]))
        else:
            assert not line.strip() or line.lstrip().startswith((";", "{%")), f"unreadable: {line}"
    if context:
        yield context


def _comment(lines: list[str]) -> str:
    texts = []
    for line in lines:
        if not line.startswith(";"):
            break
        texts.append(line.lstrip("; "))
    return " ".join(texts)


def steps() -> list[Step]:
    return [step for context in read_contexts().values() for step in context.steps]


def loaded_modules() -> set[str]:
    text = (ROOT / "asterisk" / "modules.conf").read_text("utf-8")
    return set(re.findall(r"^load = (\w+)\.so$", text, re.MULTILINE))
