"""All that makes recordings beside one Asterisk, as one part: the watch, the pipeline, the way to the store."""

import asyncio
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.alerts.keeper import AlertKeeper
from callcenter.calls.store import Batch
from callcenter.local import recording_keys
from callcenter.recordings.archiving import Archiver
from callcenter.recordings.chain import Head
from callcenter.recordings.heads import HeadKeeper
from callcenter.recordings.lines import Lines
from callcenter.recordings.lives import Lives
from callcenter.recordings.one_sided import OneSided
from callcenter.recordings.orders import Orders
from callcenter.recordings.pipeline import Health, Pipeline, Place
from callcenter.recordings.watching import Watch
from callcenter.retention.expiring import Expirer
from callcenter.settings import Settings


class Pbx(Protocol):
    """What of Asterisk recordings have to do with (`routing.ami_side`)."""

    async def variable(self, channel: str, name: str) -> str:
        """A channel's variable, or a function of it. Raises `AmiFault`."""
        ...

    async def mute(self, channel: str, *, mute: bool, by: str) -> str:
        """Pause a channel's recording or let it go on; `done`, or why not."""
        ...

    def see_recordings(self, why: str | None) -> None:
        """Recordings can't be written (why), or can again (None)."""
        ...


class RecordingSide:
    """Runs until cancelled."""

    def __init__(self, settings: Settings, engine: AsyncEngine, keeper: AlertKeeper, health: Health, pbx: Pbx) -> None:
        recording_keys.ensure(settings)
        signer, store = recording_keys.load_signer(settings), recording_keys.store_of(settings)
        self._heads = HeadKeeper(engine, settings.pbx, settings.heads_dir, health)
        self._archiver = Archiver(
            engine, settings.pbx, settings.sealed_dir, store, signer, keeper, health, self._heads.see
        )
        patience = settings.recording_patience_seconds
        place = Place(settings.recordings_dir, settings.public_key_path, settings.recording_format, patience)
        self._lives = Lives(engine)
        self._pipeline = Pipeline(engine, settings.pbx, place, signer, health, self._see_sealed, self._lives.settle)
        one_sided = OneSided(keeper, self._lives, Lines(pbx.variable))
        self._watch = Watch(settings.spool_dir, keeper, self._lives, one_sided, pbx.see_recordings, health)
        self._mute = pbx.mute
        self._orders = Orders(engine, settings.pbx, self._carry)
        self._knows_calls = asyncio.Event()
        self._expirer = Expirer(engine, settings.pbx, settings.sealed_dir, store, signer, self._heads.see)
        self._controls = settings.control
        self._sees_spool = settings.journal == "files"
        """Else Asterisk's disk is not ours to see."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._pipeline.run(), name="recordings")
            parts.create_task(self._archiver.run(), name="archive of recordings")
            parts.create_task(self._lives.run(), name="lives of recordings")
            parts.create_task(self._heads.run(), name="heads of the chain")
            parts.create_task(self._expirer.run(), name="terms of recordings")
            if self._controls:  # who does not, sees no pause to its end either
                parts.create_task(self._take_orders(), name="pauses by API")
            if self._sees_spool:
                parts.create_task(self._watch.run(), name="watch over recordings")

    async def _take_orders(self) -> None:
        """Only when it is known which calls are up."""
        await self._knows_calls.wait()
        await self._orders.run()

    def _see_sealed(self, head: Head) -> None:
        self._archiver.nudge()
        self._heads.see(head)

    async def _carry(self, recording: UUID, pause: bool, by: str) -> str:
        channel = self._watch.channel_of(recording)
        return "its call is not up" if channel is None else await self._mute(channel, mute=pause, by=by)

    def see_mute(self, channel: str, muted: bool, by: str, at: datetime) -> None:
        """A channel's recording was paused, or goes on."""
        self._watch.see_mute(channel, muted, by, at)

    def see_read(self, batch: Batch) -> None:
        """What was read of the journals: calls that were answered, and calls that are over."""
        moment = batch.read_at or clock.now()
        over = batch.over | {ref.id for record in batch.records.values() for ref in record.recordings}
        for each in batch.expected:
            if each.ref.id not in over:
                waited = (moment - each.ref.started_at).total_seconds()
                self._watch.begin(each.ref.id, each.ref.name, each.channel, waited)
        self._watch.end(over)
        self._knows_calls.set()

    def see_stored(self, batch: Batch) -> None:
        """What is in Postgres now."""
        if any(record.recordings for record in batch.records.values()):
            self._pipeline.nudge()
