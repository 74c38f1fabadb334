"""Extensions and patterns as Asterisk matches them (main/pbx.c): `_X!`, `_1[3-9]X.`; the most exact one wins."""

import re
from collections.abc import Iterable

CLASSES = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]"}
ANY_RANK, REST_RANK, NOTHING_RANK = 1000, 2000, 3000


def is_pattern(extension: str) -> bool:
    return extension.startswith("_")


def matches(extension: str, dialled: str) -> bool:
    """Whether a call to `dialled` takes this extension."""
    if not is_pattern(extension):
        return extension == dialled
    return re.fullmatch("".join(part for part, _ in _parts(extension[1:])), dialled) is not None


def best_match(extensions: Iterable[str], dialled: str) -> str | None:
    """The extension that Asterisk takes: the literal one, else the pattern that is most exact from the left."""
    fitting = [e for e in extensions if matches(e, dialled)]
    return min(fitting, key=_rank, default=None)


def _rank(extension: str) -> tuple[bool, list[int]]:
    if not is_pattern(extension):
        return False, []
    return True, [rank for _, rank in _parts(extension[1:])]


def _parts(pattern: str) -> list[tuple[str, int]]:
    """Each element as a regular expression and how many characters it takes."""
    parts, at = [], 0
    while at < len(pattern):
        sign = pattern[at]
        end = pattern.find("]", at) if sign == "[" else -1
        if end > 0:
            inside = pattern[at + 1 : end]
            parts.append((f"[{re.escape(inside).replace(chr(92) + '-', '-')}]", _size(inside)))
            at = end
        elif sign.upper() in CLASSES:
            parts.append((CLASSES[sign.upper()], {"X": 10, "Z": 9, "N": 8}[sign.upper()]))
        elif sign == ".":
            parts.append((".+", REST_RANK))
        elif sign == "!":
            parts.append((".*", NOTHING_RANK))
        elif sign not in "- ":
            parts.append((re.escape(sign), 1))
        at += 1
    return parts


def _size(inside: str) -> int:
    """How many characters a `[…]` takes."""
    ranges = re.findall(r"(.)-(.)", inside)
    return sum(ord(b) - ord(a) + 1 for a, b in ranges) + len(re.sub(r".-.", "", inside))
