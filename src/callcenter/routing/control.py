"""The control loop: makes Asterisk's routing state what the schedule wants, and looks again and again.

It is driven by levels, not by events: on connect, on a changed override, at boundaries and every 30 s it reads what
Asterisk holds and sends what differs. A lost message, a restart or a hand-edited key is mended by the next look.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from callcenter import clock
from callcenter.ami import actions
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import ActionFailed, AmiFault
from callcenter.calls.model import Line
from callcenter.routing.desired import FAMILY, Pushed, must_send, read_pushed, service_key, wanted
from callcenter.schedule.hours import service_at
from callcenter.schedule.model import Override

log = structlog.get_logger(__name__)

LOOK_SECONDS = 30.0
RETRY_SECONDS = 1.0


class ControlLoop:
    """Pushes each line's mode. `overrides` answers with the last known ones, `None` while none were ever read."""

    def __init__(
        self,
        client: AmiClient,
        overrides: Callable[[], Sequence[Override] | None],
        on_state: Callable[[bool, str], None],
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._client, self._overrides, self._on_state, self._now = client, overrides, on_state, now
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Look now: something changed."""
        self._nudged.set()

    async def run(self) -> None:
        """Look until cancelled. Whatever fails is tried again; the pushed term bounds what can go stale."""
        while True:
            self._nudged.clear()
            pause = await self._look()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._nudged.wait(), pause)

    async def _look(self) -> float:
        """Compare and send; returns the seconds until the next look."""
        overrides = self._overrides()
        if overrides is None:
            self._on_state(False, "overrides not read yet; Asterisk goes by the hours in its dialplan")
            return LOOK_SECONDS
        if not self._client.up:
            self._on_state(False, "no connection to Asterisk; it goes by the hours in its dialplan")
            return LOOK_SECONDS
        try:
            modes = [f"{line.value} {await self._reconcile(line, overrides)}" for line in Line]
        except AmiFault as fault:
            log.warning("Routing state not pushed", why=str(fault))
            self._on_state(False, str(fault))
            return RETRY_SECONDS
        self._on_state(True, ", ".join(modes))
        return self._pause(overrides)

    async def _reconcile(self, line: Line, overrides: Sequence[Override]) -> str:
        moment = self._now()
        state = service_at(line, moment, overrides)
        want, found = wanted(state, moment), await self._found(line)
        if must_send(want, found):
            await self._client.ask(actions.db_put(FAMILY, service_key(line), str(want)))
            if found is None or found.mode is not want.mode:
                log.info("Line's mode pushed", line=line.value, mode=want.mode.value, why=state.why)
        return want.mode.value

    async def _found(self, line: Line) -> Pushed | None:
        try:
            entries = await self._client.collect(actions.db_get(FAMILY, service_key(line)))
        except ActionFailed:  # no such key
            return None
        return read_pushed(entries[0].get("Val")) if entries else None

    def _pause(self, overrides: Sequence[Override]) -> float:
        """Until the next boundary of any line, half a minute at most."""
        moment = self._now()
        ends = [state.until for line in Line if (state := service_at(line, moment, overrides)).until]
        soonest = min((end for end in ends if end), default=moment + timedelta(days=1))
        return min(LOOK_SECONDS, max(0.001, (soonest - moment).total_seconds()))
