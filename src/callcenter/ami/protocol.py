"""panoramisk's protocol with reading, sending and ending of our own.

What changes: messages are framed as bytes and decoded whole; an event goes to one plain function in its order;
answers find their action by its id; nothing is kept over the end of a connection, so nothing is sent twice.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from panoramisk.actions import Action as PanoramiskAction
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from callcenter.ami.actions import Action
from callcenter.ami.faults import ActionFailed, ActionTimedOut, LinkDown, NotAmi
from callcenter.ami.framing import Framer
from callcenter.ami.messages import EVENT_PREFIX, Event, Response, read_message

log = structlog.get_logger(__name__)
_NAME_START = len(EVENT_PREFIX)


class Pending:
    """An action that waits for its answer; `events` collects the items of a list."""

    __slots__ = ("events", "future")

    def __init__(self, future: asyncio.Future[Response]) -> None:
        self.future = future
        self.events: list[Event] = []


class AmiProtocol(AMIProtocol):  # type: ignore[misc]
    """One connection's bytes, both ways. `wanted` lets only these events through (lists we asked for always)."""

    def __init__(
        self,
        on_event: Callable[[Event], None],
        on_lost: Callable[[str], None],
        wanted: frozenset[str] | None = None,
    ) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        self.banner: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._on_event, self._on_lost = on_event, on_lost
        self._wanted = None if wanted is None else frozenset(name.encode() for name in wanted)
        self._framer = Framer()
        self._pending: dict[str, Pending] = {}
        self._why = "Asterisk closed the connection"

    def data_received(self, data: bytes) -> None:
        """Take bytes as they come. A peer that isn't a manager interface is left at once."""
        self.heard_at = asyncio.get_running_loop().time()
        oversized = self._framer.oversized
        try:
            messages = self._framer.feed(data)
        except NotAmi as fault:
            self.abort(str(fault))
            return
        if not self.banner.done() and self._framer.banner is not None:
            self.banner.set_result(self._framer.banner)
        if self._framer.oversized > oversized:
            log.warning("A message from Asterisk was too long and left out", count=self._framer.oversized)
        self._take(messages)

    def _take(self, messages: list[bytes]) -> None:
        wanted, pending, deliver = self._wanted, self._pending, self._on_event
        for raw in messages:
            if not raw.startswith(EVENT_PREFIX):
                self._take_other(raw)
                continue
            end = raw.find(b"\r\n")
            name = raw[_NAME_START:end] if end > 0 else raw[_NAME_START:]
            if pending and b"\r\nActionID: " in raw and self._collect(Event(name.decode("utf-8", "replace"), raw)):
                continue
            if wanted is None or name in wanted:
                deliver(Event(name.decode("utf-8", "replace"), raw))

    def _take_other(self, raw: bytes) -> None:
        message = read_message(raw)
        if isinstance(message, Event):
            self._take([raw.lstrip(b"\r\n")] if raw[:1] in b"\r\n" else [])
        elif message is not None:
            self._answer(message)

    def _answer(self, response: Response) -> None:
        waiting = self._pending.get(response.get("ActionID"))
        if waiting is not None and response.get("EventList").lower() != "start":
            self._settle(response.get("ActionID"), response)

    def _collect(self, event: Event) -> bool:
        """Whether the event is an item of a list that an action waits for."""
        action_id = event.get("ActionID")
        waiting = self._pending.get(action_id)
        if waiting is None:
            return False
        if event.get("EventList").lower() in ("complete", "cancelled"):
            self._settle(action_id, Response(b"Response: Success"))
        else:
            waiting.events.append(event)
        return True

    def _settle(self, action_id: str, response: Response) -> None:
        waiting = self._pending.pop(action_id)
        if not waiting.future.done():
            waiting.future.set_result(response)

    def send(self, data: Action, as_list: bool | None = None) -> Pending:
        """Write one action. Raises `LinkDown` when the connection is gone; the answer's future fails with it, too."""
        if self.closed or self.transport.is_closing():
            raise LinkDown(why=self._why)
        action_id = PanoramiskAction.action_id_generator()
        waiting = Pending(asyncio.get_running_loop().create_future())
        waiting.future.add_done_callback(lambda _: self._pending.pop(action_id, None))
        self._pending[action_id] = waiting
        self.transport.write(data.encode(action_id))
        return waiting

    async def exchange(self, action: Action, seconds: float) -> tuple[Response, list[Event]]:
        """Send an action and wait for its answer, with the items if it is a list.

        Raises `LinkDown`, `ActionTimedOut` (both: not known whether it was carried out) or `ActionFailed`.
        """
        pending = self.send(action)
        try:
            async with asyncio.timeout(seconds):
                response = await pending.future
        except TimeoutError:
            raise ActionTimedOut(action=action.name, seconds=seconds) from None
        if not response.success:
            raise ActionFailed(action=action.name, said=response.text or "no reason given")
        return response, pending.events

    def abort(self, why: str) -> None:
        """End the connection now, without waiting for what is still to be written."""
        self._why = why
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what still waits: it is not known whether Asterisk did it, so nothing is ever sent again."""
        self.closed = True
        why = str(exc) if exc else self._why
        for waiting in list(self._pending.values()):
            if not waiting.future.done():
                waiting.future.set_exception(LinkDown(why=why))
        self.banner.cancel()
        self._on_lost(why)

    def close(self) -> None:
        self.abort("closed by us")


class OneConnection(Manager):  # type: ignore[misc]
    """panoramisk's manager for one connection; when to try again, ping or log in is `AmiClient`'s to say."""

    def connection_made(self, f: "asyncio.Task[Any]") -> None:
        if f.cancelled() or f.exception() is not None:
            return
        super().connection_made(f)
        pinger: asyncio.TimerHandle = self.pinger
        pinger.cancel()
