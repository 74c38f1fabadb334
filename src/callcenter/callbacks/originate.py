"""The actions by which citizens are rung and places are kept. Ids are ours, so that we know them beforehand."""

from datetime import datetime

from callcenter.ami.actions import Action
from callcenter.callbacks.model import Callback
from callcenter.calls.ids import PLACEHOLDER_PREFIX

PLACE_MILLISECONDS = 60_000
"""A placeholder ends after so long, whatever became of us: no agent is kept from callers by a service that died."""


def call_back(callback: Callback, caller_number: str, ring_seconds: int) -> Action:
    """Ring a citizen through the trunk; the dialplan goes on when he answers (context `callback-call`)."""
    return Action(
        "Originate",
        (
            ("Channel", f"PJSIP/{callback.number}@trunk"),
            ("Context", "callback-call"),
            ("Exten", "s"),
            ("Priority", "1"),
            ("Timeout", str(ring_seconds * 1000)),
            ("CallerID", f"<{caller_number}>"),
            ("Variable", f"CALLBACK_ID={callback.id}"),
            ("Variable", f"CALLBACK_NUMBER={callback.number}"),
            ("ChannelId", str(callback.uniqueid)),
            ("Async", "true"),
        ),
    )


def may_be_rung(callback: Callback) -> Action:
    """Ask the outbound rules (context `callback-check`), and count the call when they allow it.

    Answered at once, so that waiting for it keeps the manager's session for milliseconds; an error is their no.
    """
    ours = f"{PLACEHOLDER_PREFIX}check-{callback.uniqueid}"
    return Action(
        "Originate",
        (
            ("Channel", f"Local/{callback.number}@callback-check/n"),
            ("Application", "Hangup"),
            ("Timeout", "2000"),
            ("ChannelId", f"{ours}.1"),
            ("OtherChannelId", f"{ours}.2"),
        ),
    )


def placeholder(callback_id: int, moment: datetime) -> Action:
    """Keep a callback's place in the queue (context `callback-place`)."""
    ours = f"{PLACEHOLDER_PREFIX}{callback_id}-{moment.timestamp():.3f}"
    return Action(
        "Originate",
        (
            ("Channel", "Local/s@callback-place/n"),
            ("Application", "Hangup"),
            ("Timeout", str(PLACE_MILLISECONDS)),
            ("ChannelId", f"{ours}.1"),
            ("OtherChannelId", f"{ours}.0"),
            ("Async", "true"),
        ),
    )


def hang_up(uniqueid: str) -> Action:
    """End a channel by its id."""
    return Action("Hangup", (("Channel", uniqueid), ("Cause", "16")))
