"""Who is a lost caller, and what joining a worklist entry makes of it. Pure."""

import re

from callcenter.callbacks.model import FollowUpKind, LostCall
from callcenter.calls.model import Outcome

LOST = (
    Outcome.ABANDONED_IN_MENU, Outcome.ABANDONED_IN_QUEUE, Outcome.ABANDONED_RINGING, Outcome.TIMED_OUT,
    Outcome.QUEUE_FULL, Outcome.NO_AGENT, Outcome.SYSTEM_FAILURE,
)  # fmt: skip
"""Outcomes of people who wanted something and spoke with nobody; who was told that it is closed is none of them."""

NUMBER = re.compile(r"\+?[0-9]{5,15}")


def can_be_rung(number: str) -> bool:
    """Whether that is a number at all: anonymous callers and odd texts can't be rung."""
    return NUMBER.fullmatch(number) is not None


def kind_of(call: LostCall) -> FollowUpKind:
    return FollowUpKind.VOICEMAIL if "voicemail" in call.marks else FollowUpKind.LOST


def joined_kind(before: FollowUpKind, now: FollowUpKind) -> FollowUpKind:
    """An entry's kind after one more call: a voicemail stays one, for it has to be heard."""
    return before if before is FollowUpKind.VOICEMAIL else now
