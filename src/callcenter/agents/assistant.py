"""What agents' codes need our service for: ending a wrap-up in time, pausing a recording, a conference.

Asterisk's dialplan can neither wait without a channel, nor mute a MixMonitor, nor redirect two channels at once. With
the service stopped a wrap-up lasts until *13, and a recording can't be paused: the agent is told so
(dialplans/feature-codes.conf). A conference is made by two redirects (dialplans/conference.conf).
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog

from callcenter import clock
from callcenter.agents import gathering
from callcenter.agents.recording_pauses import TRUNK, OnMute, RecordingPauses
from callcenter.agents.wrap_up import FAMILY, Begin, End, next_step
from callcenter.ami import actions
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import AmiFault
from callcenter.ami.messages import Event

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
RECORDING_PAUSE = "RecordingPause"


def agent_of(channel: str) -> str:
    """`1001` of PJSIP/d4f9-1001-0000000c."""
    return channel.partition("/")[2].rpartition("-")[0].rpartition("-")[2][:15]


class Assistant:
    """Runs until cancelled. `in_call` says whether an agent's phone has a call; `interfaces`: agent → PJSIP/device."""

    def __init__(
        self,
        client: AmiClient,
        interfaces: Mapping[str, str],
        in_call: Callable[[str], bool],
        *,
        may_pause: bool,
        longest_pause: timedelta = timedelta(minutes=3),
        on_mute: OnMute = lambda recorded, muted, by, at: None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._client, self._interfaces, self._in_call, self._may_pause = client, interfaces, in_call, may_pause
        self._now = now
        self._pauses = RecordingPauses(client, longest_pause, on_mute, now)
        self._asked: asyncio.Queue[Event] = asyncio.Queue()
        self._linked = False
        """There is a new connection: pauses may have begun that we don't know of"""

    def feed(self, event: Event) -> None:
        """Take a UserEvent of the dialplan; others are nobody's business here."""
        if event.get("UserEvent") in (RECORDING_PAUSE, gathering.USER_EVENT):
            self._asked.put_nowait(event)

    def see_link(self) -> None:
        """A new connection to Asterisk."""
        self._linked = True

    async def run(self) -> None:
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._answer(), name="agents' codes")
            loops.create_task(self._look(), name="wrap-ups")

    async def _answer(self) -> None:
        while True:
            event = await self._asked.get()
            try:
                await self._serve(event)
            except AmiFault as fault:  # the dialplan has waited in vain: it tells the agent, or does it itself
                log.warning("What an agent's code asked for was not done", asked=event.get("UserEvent"), why=str(fault))

    async def _serve(self, event: Event) -> None:
        if event.get("UserEvent") == gathering.USER_EVENT:
            await gathering.gather(self._client, event)
        else:
            await self._mute(event.get("Channel"), event.get("Caller"), event.get("State"))

    async def _mute(self, channel: str, recorded: str, state: str) -> None:
        """Mute or unmute both directions of the recording, then tell the waiting dialplan."""
        if state not in ("0", "1") or not recorded.startswith(TRUNK) or (state == "1" and not self._may_pause):
            log.warning("Recording pause refused", state=state[:10], recorded=recorded[:80])
            return
        await self.mute(recorded, mute=state == "1", by=f"phone {agent_of(channel)}")
        await self._client.ask(actions.set_variable(channel, "RECORDING_MUTED", state))

    async def mute(self, recorded: str, *, mute: bool, by: str) -> None:
        """Pause a channel's recording, or let it go on. Raises `AmiFault`."""
        await (self._pauses.pause(recorded, by) if mute else self._pauses.resume(recorded, by))

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._client.up:
                try:
                    await self._look_at_pauses()
                    await self._end_wrap_ups()
                except AmiFault as fault:
                    log.info("Pauses and wrap-ups not looked at", why=str(fault))

    async def _look_at_pauses(self) -> None:
        if self._linked:
            await self._pauses.take_over()
            self._linked = False
        await self._pauses.end_overdue()

    async def _end_wrap_ups(self) -> None:
        for entry in await self._client.collect(actions.db_get_tree(FAMILY)):
            agent = entry.get("Key").rpartition("/")[2]
            if agent in self._interfaces:
                await self._step(agent, next_step(entry.get("Val"), self._now(), in_call=self._in_call(agent)))

    async def _step(self, agent: str, step: Begin | End | None) -> None:
        match step:
            case Begin(value):
                await self._client.ask(actions.db_put(FAMILY, agent, value))
            case End():
                await self._client.ask(actions.db_del(FAMILY, agent))
                await self._client.ask(actions.queue_unpause(self._interfaces[agent]))
                log.info("Wrap-up ended", agent=agent)
