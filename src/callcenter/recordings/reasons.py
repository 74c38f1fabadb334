"""Why somebody listens: from the header `X-Reason` or the query, checked."""

import unicodedata
from typing import Annotated
from urllib.parse import unquote
from uuid import UUID

from fastapi import Depends, Header, Query, Request

from callcenter.errors import InvalidInput
from callcenter.http.auth import from_own_pages
from callcenter.recordings.playbacks import How, Listening

LONGEST = 200
REASON_PATTERN = r"^[^\x00-\x1f\x7f-\x9f]{1,200}$"
UNFIT = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories that move a cursor, turn text round or end a line."""

ASKED = "why you listen, 1 to 200 characters; kept with the playback"
Asked = Annotated[str | None, Query(pattern=REASON_PATTERN, description=ASKED, examples=["复核投诉 2026-118"])]
Said = Annotated[
    str | None, Header(alias="X-Reason", pattern=r"^[ -~]{1,1800}$", description=f"{ASKED}; percent-encoded UTF-8")
]


def checked_reason(text: str, where: str) -> str:
    """A reason without blanks around it. Raises `InvalidInput`."""
    reason = text.strip()
    if not 1 <= len(reason) <= LONGEST or any(unicodedata.category(each) in UNFIT for each in reason):
        mend = f"write 1 to {LONGEST} characters, no control characters"
        raise InvalidInput(where=where, what="that is no reason for listening", mend=mend)
    return reason


def given_reason(reason: Asked = None, x_reason: Said = None) -> str:
    """The reason of a request; empty without one. The query is stronger."""
    if reason is not None:
        return checked_reason(reason, "query.reason")
    return checked_reason(_decoded(x_reason), "header.X-Reason") if x_reason is not None else ""


def _decoded(header: str) -> str:
    try:
        return unquote(header, errors="strict")
    except UnicodeDecodeError:
        mend = "percent-encode its UTF-8"
        raise InvalidInput(where="header.X-Reason", what="it can't be read", mend=mend) from None


Reason = Annotated[str, Depends(given_reason)]


def required_reason(reason: Reason) -> str:
    """Raises `InvalidInput` without a reason."""
    if not reason:
        mend = "send ?reason=… or the header X-Reason"
        raise InvalidInput(where="query.reason", what="a reason for listening is required", mend=mend)
    return reason


RequiredReason = Annotated[str, Depends(required_reason)]


NAMED = "the player's own name for all that it asks for until it is closed; it reports under it what it played"
Sitting = Annotated[UUID | None, Query(alias="listening", description=NAMED)]


def player_of(request: Request, reason: Reason, sitting: Sitting = None) -> Listening:
    """Who plays. Raises `InvalidInput` when the settings require a reason and there is none."""
    why = required_reason(reason) if request.app.state.playback_reason_required else reason
    return listening(request, why, How.PLAY, sitting)


def listening(request: Request, why: str, how: How, sitting: UUID | None = None) -> Listening:
    """Raises `NotAllowed` for another site's page: nobody shall seem to have listened who did not want to."""
    from_own_pages(request)
    return Listening(request.state.key_name, why, how, request.client.host if request.client else "", sitting)


Playing = Annotated[Listening, Depends(player_of)]
