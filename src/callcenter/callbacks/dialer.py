"""Rings citizens back when their turn has come.

Theory of operation. Postgres holds what is to be done, Asterisk what is being done; each step looks at both anew and no
state is kept here that another process would miss. An attempt's id is stored before the call is placed, and how it
ended is read from its call record, which comes from Asterisk's journal: if we die in between, whoever comes next finds
the record, or asks Asterisk whether the call lives; only if neither is so, the attempt is taken not to have been made.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter import clock
from callcenter.ami import actions
from callcenter.ami.actions import Action
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import ActionFailed, AmiFault
from callcenter.callbacks import originate, repository
from callcenter.callbacks.follow_up_repository import add_failed_callbacks, take_lost_calls
from callcenter.callbacks.hours import hotline_state
from callcenter.callbacks.model import Callback, CallbackState, QueueSight
from callcenter.callbacks.turns import after_attempt, after_failure, placeholder_of, whose_turn
from callcenter.calls.ids import CALL_PREFIX
from callcenter.calls.model import Service
from callcenter.errors import in_one_line
from callcenter.storage.away import AWAY

log = structlog.get_logger(__name__)

BUSY_SECONDS = 1.0
IDLE_SECONDS = 3.0
RETRY_SECONDS = 2.0
TOGETHER_SECONDS = 0.05
"""Changes so close together are looked at once."""
NOT_MADE_AFTER = timedelta(seconds=15)
"""Beyond the time that a phone rings: an attempt without a living channel and without a record was never made."""
RENEW_PLACE_AFTER = timedelta(seconds=45)
"""A placeholder ends by itself after 60 s."""
QUEUE = "hotline"

Sight = Callable[[], QueueSight | None]
Health = Callable[[str, bool, str], None]


@dataclass(frozen=True, slots=True)
class DialerSettings:
    """What an administrator may set of it."""

    pbx: str
    attempts: int
    retry: timedelta
    follow_up_after: timedelta
    """Service hours until a lost caller is due"""
    ring_seconds: int
    caller_number: str
    """What the citizen's phone shows"""
    enabled: bool


class Dialer:
    """Runs until cancelled. `sight` says how the queue stands; None while that is not known."""

    def __init__(
        self, engine: AsyncEngine, client: AmiClient, sight: Sight, settings: DialerSettings, health: Health
    ) -> None:
        self._engine, self._client, self._sight = engine, client, sight
        self._settings, self._health = settings, health
        self._wake = asyncio.Event()
        self._busy = False

    def nudge(self) -> None:
        """An agent became free, somebody joined or left: look now, if there is a callback to be made."""
        if self._busy:
            self._wake.set()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            pause = await self._look()
            await asyncio.sleep(TOGETHER_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def _look(self) -> float:
        try:
            self._busy = await self.step(clock.now())
        except (AmiFault, *AWAY) as fault:
            log.warning("Callbacks wait", why=in_one_line(fault))
            self._health("callbacks", False, in_one_line(fault))
            return RETRY_SECONDS
        self._health("callbacks", True, "working")
        return BUSY_SECONDS if self._busy else IDLE_SECONDS

    async def step(self, moment: datetime) -> bool:
        """Do what is to be done now; True while there is a callback to be made."""
        async with self._engine.begin() as connection:
            if not await repository.one_at_a_time(connection, self._settings.pbx):
                return False
            await repository.take_requests(connection, self._settings.pbx)
            await self._conclude(connection, moment)
            expired = await repository.expire(connection, self._settings.pbx, moment)
            await add_failed_callbacks(connection, expired, moment)
            await take_lost_calls(connection, self._settings.pbx, self._settings.follow_up_after, moment)
            open_ones = await repository.open_callbacks(connection, self._settings.pbx)
            is_open = bool(open_ones) and await _is_open(connection, moment)
        if self._settings.enabled and self._client.up:
            await self._serve(open_ones, moment, is_open=is_open)
        return bool(open_ones)

    async def _conclude(self, connection: AsyncConnection, moment: datetime) -> None:
        most, retry = self._settings.attempts, self._settings.retry
        for callback, record in await repository.attempt_records(connection, self._settings.pbx):
            then = after_attempt(callback, record, moment, most=most, retry=retry)
            await repository.conclude(connection, callback, then, record)
            log.info("Callback attempt ended", callback=callback.id, state=then.state.value, cause=then.cause)
            if then.state is CallbackState.FAILED:
                await add_failed_callbacks(connection, [callback.id], moment)

    async def _serve(self, open_ones: list[Callback], moment: datetime, *, is_open: bool) -> None:
        sight = self._sight()
        if sight is None:
            return
        await self._recover([c for c in open_ones if c.state is not CallbackState.WAITING], sight, moment)
        turns = whose_turn(open_ones if is_open else [], sight, moment)
        await self._keep_places(turns.hold, sight, moment)
        for callback_id in turns.dial:
            await self._dial(callback_id, moment)

    async def _keep_places(self, hold: tuple[int, ...], sight: QueueSight, moment: datetime) -> None:
        """A placeholder for each of `hold` and no other; an ageing one is renewed before it goes."""
        kept: set[int] = set()
        for waiter in reversed(sight.waiting):
            place = placeholder_of(waiter.uniqueid)
            if place is None:
                continue
            if place not in hold or place in kept:
                await self._try(originate.hang_up(waiter.uniqueid))
            elif moment - waiter.since < RENEW_PLACE_AFTER:
                kept.add(place)
        for place in hold:
            if place not in kept:
                await self._try(originate.placeholder(place, moment))

    async def _dial(self, callback_id: int, moment: datetime) -> None:
        async with self._engine.begin() as connection:
            callback = await repository.claim(connection, self._settings.pbx, callback_id, moment)
        if callback is None:
            return
        if not await self._allowed(callback):
            return await self._refuse(callback, moment)
        log.info("Ringing a citizen back", callback=callback.id, attempt=callback.attempts)
        call = originate.call_back(callback, self._settings.caller_number, self._settings.ring_seconds)
        try:
            await self._client.ask(call)
        except ActionFailed as refused:
            log.warning("Asterisk refused a callback", callback=callback.id, why=str(refused))
            async with self._engine.begin() as connection:
                await repository.give_back(connection, callback, moment, "refused", self._settings.retry)

    async def _allowed(self, callback: Callback) -> bool:
        try:
            await self._client.ask(originate.may_be_rung(callback))
        except ActionFailed as refused:
            log.warning("The outbound rules refuse a callback", callback=callback.id, why=str(refused))
            return False
        return True

    async def _refuse(self, callback: Callback, moment: datetime) -> None:
        most, retry = self._settings.attempts, self._settings.retry
        then = after_failure(callback, "not_allowed", moment, most=most, retry=retry)
        async with self._engine.begin() as connection:
            await repository.conclude(connection, callback, then, {"agent": None, "ended_at": moment})
            if then.state is CallbackState.FAILED:
                await add_failed_callbacks(connection, [callback.id], moment)

    async def _recover(self, in_flight: list[Callback], sight: QueueSight, moment: datetime) -> None:
        """Note who has answered; give back what was never dialled, which shows by neither a channel nor a record."""
        in_queue = {w.uniqueid for w in sight.waiting}
        limit = timedelta(seconds=self._settings.ring_seconds) + NOT_MADE_AFTER
        doubtful = [c for c in in_flight if c.dialled_at is not None and moment - c.dialled_at > limit]
        alive = await self._alive() if doubtful else set()
        async with self._engine.begin() as connection:
            for callback in in_flight:
                if callback.uniqueid in in_queue and callback.state is CallbackState.DIALING:
                    await repository.note_reached(connection, str(callback.uniqueid))
            for callback in doubtful:
                if callback.uniqueid not in alive:
                    await repository.give_back(connection, callback, moment, "not_made", timedelta())
                    log.warning("A callback was not made; again", callback=callback.id)

    async def _alive(self) -> set[str]:
        listed = await self._client.collect(actions.SHOW_CHANNELS)
        return {uid for event in listed if (uid := event.get("Uniqueid")).startswith(CALL_PREFIX)}

    async def _try(self, action: Action) -> None:
        """What fails shows at the next look: a channel that is gone already, a queue without agents."""
        try:
            await self._client.ask(action)
        except ActionFailed as failed:
            log.debug("Not done", action=action.name, why=str(failed))


async def _is_open(connection: AsyncConnection, moment: datetime) -> bool:
    return (await hotline_state(connection, moment))(moment).mode is not Service.CLOSED
