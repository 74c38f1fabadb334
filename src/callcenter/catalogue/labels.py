"""Labels by language and key. A missing key is a fault of ours and raises; tests compare the languages."""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

DEFAULT = "zh"
LANGUAGES = ("zh", "en")


class Labels:
    """The texts of one language: `labels("figures.inbound")`."""

    def __init__(self, language: str, texts: Mapping[str, Any]) -> None:
        self.language = language
        self._texts = texts

    def __call__(self, key: str) -> str:
        section, _, name = key.partition(".")
        return str(self._texts[section][name])

    def section(self, name: str) -> Mapping[str, str]:
        """All texts of a section."""
        return dict(self._texts[name])


@cache
def labels(language: str) -> Labels:
    """The catalogue of a language; an unknown one gives the default."""
    known = language if language in LANGUAGES else DEFAULT
    return Labels(known, tomllib.loads((Path(__file__).parent / f"{known}.toml").read_text("utf-8")))


def preferred(accept_language: str) -> str:
    """The best of our languages for an Accept-Language header (RFC 9110); the default when none is asked for."""
    wishes = []
    for place, part in enumerate(accept_language.split(",")[:20]):
        tag, _, weight = part.strip().partition(";")
        quality = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", weight)
        worth = float(quality[1]) if quality else 0.0 if weight else 1.0
        wishes.append((-worth, place, tag.split("-")[0].lower()))
    return next((tag for worth, _, tag in sorted(wishes) if worth < 0 and tag in LANGUAGES), DEFAULT)
