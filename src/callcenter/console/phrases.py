"""What the service says in English, once, in the reader's language: found again by patterns, with what they hold."""

import re

from callcenter.catalogue.labels import Labels

Phrases = tuple[tuple[str, re.Pattern[str]], ...]
"""A key of the catalogue, and what is said by it"""


def translated(said: str, known: Phrases, texts: Labels, section: str) -> str | None:
    """The section's text for the first pattern that is all of what was said; None: it is not known."""
    for key, pattern in known:
        if found := pattern.fullmatch(said):
            return texts(f"{section}.{key}").format(**found.groupdict())
    return None
