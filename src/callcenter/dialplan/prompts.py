"""Prompts: the catalogue of what is said, in each language that this hotline speaks (`sounds.py` makes it heard).

Mandarin always; English, too, where callers can choose it, that is, with the menu.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from callcenter import clock
from callcenter.calls.model import Line
from callcenter.dialplan.site import Site, source_dir
from callcenter.errors import InvalidInput
from callcenter.schedule import snapshot
from callcenter.schedule.spoken import spoken_hours

VOICES = {"zh": ("-v", "cmn", "-s", "230", "-p", "45"), "en": ("-v", "en", "-s", "165", "-p", "45")}
"""Mandarin, about four characters a second, a slightly lower pitch; English at the same pace."""

HOURS = "{hours}"
"""Stands in a text for the opening hours as the schedule has them."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One entry of the catalogue. `name` is its file below `sounds/zh` and `sounds/en`, without ending."""

    name: str
    zh: str
    en: str
    foreign: bool = False
    """Offers the other language, and so is spoken in it: an English sentence among the Chinese prompts."""


@dataclass(frozen=True, slots=True)
class Saying:
    """A prompt in one language: what is spoken, and by which voice."""

    name: str
    language: str
    text: str
    voice: tuple[str, ...]

    @property
    def key(self) -> str:
        """`zh/goodbye`: its file below `sounds`, without ending."""
        return f"{self.language}/{self.name}"


def sayings(site: Site) -> list[Saying]:
    """The catalogue of `site`'s sources in every language that this hotline speaks, the hours filled in."""
    prompts = read_catalogue(site.folder("dialplans") / "prompts")
    languages = ("zh", "en") if site.settings.menu else ("zh",)
    today = clock.now().astimezone(clock.LOCAL_ZONE).date()
    hours = spoken_hours(Line.HOTLINE, today, snapshot.read(site.schedule_path))
    return [saying(prompt, language, hours[language]) for language in languages for prompt in prompts]


def saying(prompt: Prompt, language: str, hours: str = "") -> Saying:
    """The prompt for callers of `language`, zh or en."""
    spoken = ("en" if language == "zh" else "zh") if prompt.foreign else language
    text = prompt.zh if language == "zh" else prompt.en
    return Saying(prompt.name, language, text.replace(HOURS, hours), VOICES[spoken])


def read_catalogue(path: Path | None = None) -> tuple[Prompt, ...]:
    """The prompts of a file, or of every `*.toml` in a folder (`dialplans/prompts` when none is named).

    Raises `InvalidInput` for an entry without both languages.
    """
    place = path or source_dir("dialplans") / "prompts"
    files = sorted(place.glob("*.toml")) if place.is_dir() else [place]
    prompts = [prompt for file in files for prompt in _entries(tomllib.loads(file.read_text("utf-8")), "")]
    twice = [name for name, count in Counter(prompt.name for prompt in prompts).items() if count > 1]
    if twice:
        raise InvalidInput(where="dialplans/prompts", what=f"{twice[0]} is written twice", mend="keep one of them")
    return tuple(prompts)


def _entries(table: dict[str, object], prefix: str) -> Iterator[Prompt]:
    for key, value in table.items():
        name = f"{prefix}{key}"
        if not isinstance(value, dict) or not re.fullmatch(r"[a-z0-9-]+", key):
            raise InvalidInput(where="prompts.toml", what=f"{name} is no prompt", mend="give it zh and en")
        if isinstance(value.get("zh"), str) and isinstance(value.get("en"), str):
            yield Prompt(name, value["zh"], value["en"], value.get("foreign") is True)
        else:
            yield from _entries(value, f"{name}/")
