"""Nothing is open: each request shows a key before anything else looks at it."""

import base64
import binascii
from typing import Annotated, NamedTuple, Protocol

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from callcenter.errors import CallcenterError, NotAllowed, Unauthenticated
from callcenter.http.problems import of_error

LONGEST_KEY = 200


class Owner(NamedTuple):
    """Whose key it is, and whether it may do more than read."""

    name: str
    may_change: bool


class KeyCheck(Protocol):
    """Who a key belongs to."""

    async def owner(self, key: str) -> Owner | None:
        """Whose the key is, or None. Raises `PartUnavailable` when that can't be told."""


def offered_key(headers: Headers) -> str:
    """The key that a request shows: Bearer, X-API-Key, or the password of Basic. Raises `Unauthenticated`."""
    direct = headers.get("x-api-key")
    if direct is not None:
        return _plausible(direct)
    scheme, _, rest = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return _plausible(rest.strip())
    if scheme.lower() == "basic":
        return _plausible(_basic_password(rest.strip()))
    raise Unauthenticated(what="No API key was sent")


def _basic_password(encoded: str) -> str:
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthenticated(what="The Basic credentials can't be read") from None
    return decoded.partition(":")[2]


def _plausible(key: str) -> str:
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Unauthenticated(what="That is not an API key")
    return key


class KeyRequired:
    """ASGI middleware around everything; the key's name is `request.state.key_name` afterwards."""

    def __init__(self, app: ASGIApp, keys: KeyCheck) -> None:
        self.app = app
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")
        try:
            owner = await self._owner(scope)
        except CallcenterError as error:
            return await of_error(error)(scope, receive, send)
        scope.setdefault("state", {}).update(key_name=owner.name, key_may_change=owner.may_change)
        return await self.app(scope, receive, send)

    async def _owner(self, scope: Scope) -> Owner:
        owner = await self.keys.owner(offered_key(Headers(scope=scope)))
        if owner is None:
            raise Unauthenticated(what="The API key is unknown or revoked")
        return owner


def changer(request: Request) -> str:
    """The name of the key that asks for a change. Raises `NotAllowed`."""
    if not request.state.key_may_change:
        what = f"The key {request.state.key_name} may only read"
        raise NotAllowed(what=what, mend="use one made with callcenter apikeys add NAME --may-change")
    from_own_pages(request)
    name: str = request.state.key_name
    return name


def from_own_pages(request: Request) -> None:
    """Raises `NotAllowed` for what a browser sends on behalf of another site's page.

    Told by Fetch Metadata; without TLS browsers send none, but `Origin` with whatever may change something (RFC 6454).
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None:
        site = "none" if origin is None or _is_here(origin, request) else "cross-site"
    if site not in ("same-origin", "none"):
        what = "The request comes from another site's page"
        raise NotAllowed(what=what, mend="send it from the console or a program")


def _is_here(origin: str, request: Request) -> bool:
    """`null` is nobody's."""
    return origin.partition("://")[2].lower() == request.headers.get("host", "").lower()


Changer = Annotated[str, Depends(changer)]
"""A route that changes something takes one: who asks for it."""
