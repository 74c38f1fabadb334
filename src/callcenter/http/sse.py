"""Server-sent events: one response that stays, ends when told, and never waits for ever on a client."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from callcenter.http.encoding import to_json

log = structlog.get_logger(__name__)

SEND_TIMEOUT = 20.0
"""A client that takes nothing for so long is cut off; it may come back with Last-Event-ID."""

KEEP_ALIVE = b": keep-alive\n\n"


def message(event: str, data: Any, event_id: int | None = None) -> bytes:
    """One event. The JSON holds no bare line ends, so it is one `data:` line."""
    head = f"event: {event}\n" if event_id is None else f"id: {event_id}\nevent: {event}\n"
    return head.encode() + b"data: " + to_json(data) + b"\n\n"


class EventStream(Response):
    """Sends what an iterator yields until it ends or the client leaves."""

    media_type = "text/event-stream"

    def __init__(self, source: AsyncIterator[bytes], headers: Mapping[str, str] | None = None) -> None:
        self.status_code = 200
        self.background = None
        self.source = source
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        error = None if sending.cancelled() else sending.exception()
        if isinstance(error, TimeoutError):
            log.info("a client that takes no events is cut off")
            return
        if error is not None:
            raise error

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for piece in self.source:
            async with asyncio.timeout(SEND_TIMEOUT):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
