"""GET /v1/live: the states now, then what happens, as server-sent events."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request

from callcenter.errors import InvalidInput
from callcenter.http.openapi import problems
from callcenter.http.sse import KEEP_ALIVE, EventStream, message
from callcenter.publishing.feed import Event, Feed, Snapshot, Subscriber, take_snapshot

router = APIRouter(tags=["live"])

KEEP_ALIVE_SECONDS = 10.0

EXAMPLE = """id: 812
event: snapshot
data: {"complete":true,"states":[{"pbx":"hotline","kind":"queue","key":"hotline","payload":{"queue":"hotline"}}]}

id: 813
event: call
data: {"id":813,"pbx":"hotline","topic":"callcenter/hotline/calls/0b8f…/queued","kind":"call","payload":{}}

"""

STREAM = {
    "description": "An endless stream. The first event is `snapshot`; then one event per announcement, its kind "
    "(`call`, `queue`, `agent`) as the event's name. Comments keep it alive. Reconnect with `Last-Event-ID`.",
    "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}},
}


@router.get(
    "/v1/live", summary="Follow calls, queues and agents", response_class=EventStream, status_code=200,
    responses={200: STREAM, **problems(401, 422, 503)},
)  # fmt: skip
async def live(
    request: Request,
    last_event_id: Annotated[
        str | None, Header(description="the id of the last event received: missed events are sent again")
    ] = None,
) -> EventStream:
    """The live view: a snapshot of queue and agent states, then every announcement as it becomes true."""
    feed: Feed = request.app.state.feed
    after = _parsed(last_event_id)
    await feed.ready()
    subscriber = feed.subscribe()
    snapshot = await take_snapshot(request.app.state.engine, after)
    return EventStream(_events(subscriber, snapshot))


def _parsed(last_event_id: str | None) -> int | None:
    if last_event_id is None or last_event_id == "":
        return None
    if not (last_event_id.isascii() and last_event_id.isdecimal() and len(last_event_id) <= 18):
        raise InvalidInput(
            where="header.last-event-id", what="that is no id of an event", mend="send the last id received"
        )
    return int(last_event_id)


def _as_message(event: Event) -> bytes:
    return message(event["kind"], {name: event[name] for name in event if name != "retain"}, event["id"])


async def _events(subscriber: Subscriber, snapshot: Snapshot) -> AsyncIterator[bytes]:
    yield message("snapshot", {"complete": snapshot.complete, "states": snapshot.states}, snapshot.last_id)
    for missed in snapshot.missed:
        yield _as_message(missed)
    while not subscriber.closed:
        event = await subscriber.next(KEEP_ALIVE_SECONDS)
        if event is None:
            yield KEEP_ALIVE
        elif event["id"] not in snapshot.known:
            yield _as_message(event)
