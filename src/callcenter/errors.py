"""One tree of errors. An error carries facts; the edges (HTTP, command line) decide how to say them.

The docstring of a class is its message, filled with the facts it was raised with (as in procrastinate).
"""

from typing import Any


class CallcenterError(Exception):
    """Something went wrong"""

    code = "internal"
    """A stable name for programs, kept for ever: it is the `code` of the API's problem answers."""

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        super().__init__((self.__doc__ or "").format(**facts))

    def __str__(self) -> str:
        return (self.__doc__ or "").format(**self.facts)


class InvalidInput(CallcenterError):
    """{where}: {what}; {mend}"""

    code = "invalid_input"


class NotFound(CallcenterError):
    """There is no {kind} {key}"""

    code = "not_found"


class Unauthenticated(CallcenterError):
    """{what}; send a key as Authorization: Bearer KEY, as X-API-Key, or as the password of HTTP Basic"""

    code = "unauthenticated"


class NotAllowed(CallcenterError):
    """{what}; {mend}"""

    code = "not_allowed"


class PartUnavailable(CallcenterError):
    """{part} is not available: {why}; {mend}"""

    code = "unavailable"


class StoreUnavailable(PartUnavailable):
    """The store of recordings {part} is not available: {why}; {mend}"""


class StoreRefused(CallcenterError):
    """The store of recordings {part} refuses: {why}; {mend}"""

    code = "store_refused"


class SetupFailed(CallcenterError):
    """{what}: {why}; {mend}"""

    code = "setup_failed"


class RecordingNotReady(CallcenterError):
    """Recording {key} is not ready yet: {why}; try again in a few seconds"""

    code = "recording_not_ready"


class RecordingMissing(CallcenterError):
    """There is no audio for recording {key}: {why}"""

    code = "recording_missing"


class RangeNotSatisfiable(CallcenterError):
    """{range} is not a part of {bytes} bytes"""

    code = "range_not_satisfiable"


class ReportUnbalanced(CallcenterError):
    """The report for {slice} does not balance and is not issued: {numbers}"""

    code = "report_unbalanced"


def in_one_line(error: BaseException) -> str:
    """Kind and first line of any error, 300 characters at most: for logs, health and reasons kept beside a record."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:300]
