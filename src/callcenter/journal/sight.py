"""How the journals of a PBX are to be read at a moment, for whoever keeps account of what was not observed."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum


class Sight(StrEnum):
    READ_UP = "read_up"
    """Every file was read to its end, and what was read is stored"""
    UNREADABLE = "unreadable"
    """The disk or its rights keep us from it; Asterisk writes on"""
    MISSING = "missing"
    """The folder is not there: Asterisk can't write"""


SeeJournal = Callable[[Sight, datetime, str], None]
"""Hears of each look at the journals: how it went, when it was begun, and why it failed."""


def look_away(sight: Sight, at: datetime, detail: str) -> None:
    """Nobody keeps account."""


class JournalUnreadable(OSError):
    """A file of the journal could not be opened or read"""
