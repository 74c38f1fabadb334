"""Pausing a running recording by API: the order goes through Postgres to the listener beside that Asterisk.

An order that is not carried out within seconds is void: nobody's recording may be paused later than it was asked for.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import BigInteger, Column, DateTime, Identity, Table, Text, func, insert, select, update
from sqlalchemy.dialects.postgresql import UUID as PgUUID
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.errors import in_one_line
from callcenter.storage.away import AWAY
from callcenter.storage.engine import metadata
from callcenter.storage.listening import listening

log = structlog.get_logger()

CHANNEL = "callcenter_recording_orders"
VALID = timedelta(seconds=3)
LOOK_SECONDS = 30.0
RETRY_SECONDS = 1.0
ANSWER_SECONDS = 3.0
ANSWER_POLL_SECONDS = 0.05

recording_orders = Table(
    "recording_orders",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("pbx", Text, nullable=False),
    Column("recording_id", PgUUID(as_uuid=True), nullable=False, index=True),
    Column("what", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("done_at", DateTime(timezone=True)),
    Column("result", Text),
)
"""`what`: pause or resume; `result`: done, or why not. Kept: who asked for what is on record."""

o = recording_orders.c
Carry = Callable[[UUID, bool, str], Awaitable[str]]
"""Pauses (True) or resumes a recording for somebody; the result as it is stored."""


async def give(engine: AsyncEngine, pbx: str, recording: UUID, what: str, by: str) -> str | None:
    """Give an order and wait for its result; None when nobody carried it out in time: then it is void."""
    row = {"pbx": pbx, "recording_id": recording, "what": what, "by": by}
    async with engine.begin() as connection:
        order = (await connection.execute(insert(recording_orders).values(row).returning(o.id))).scalar_one()
        await connection.execute(select(func.pg_notify(CHANNEL, pbx)))
    with suppress(TimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                async with engine.connect() as connection:
                    result: str | None = (await connection.execute(select(o.result).where(o.id == order))).scalar()
                if result is not None:
                    return result
                await asyncio.sleep(ANSWER_POLL_SECONDS)
    void = update(recording_orders).where(o.id == order, o.result.is_(None)).values(result="nobody carried it out")
    async with engine.begin() as connection:
        if (await connection.execute(void)).rowcount:
            return None
        done: str | None = (await connection.execute(select(o.result).where(o.id == order))).scalar()
    return done


class Orders:
    """Carries out what is asked of one PBX's recordings."""

    def __init__(self, engine: AsyncEngine, pbx: str, carry: Carry) -> None:
        self._engine, self._pbx, self._carry = engine, pbx, carry
        self._told = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                async with listening(self._engine, CHANNEL, self._wake) as connection:
                    while not connection.is_closed():
                        self._told.clear()
                        await self._some()
                        with suppress(TimeoutError):
                            async with asyncio.timeout(LOOK_SECONDS):
                                await self._told.wait()
            except AWAY as error:
                log.debug("orders_not_heard", why=in_one_line(error))
            await asyncio.sleep(RETRY_SECONDS)

    async def _some(self) -> None:
        fresh = select(recording_orders).where(o.pbx == self._pbx, o.result.is_(None), o.at > func.now() - VALID)
        async with self._engine.begin() as connection:
            for order in (await connection.execute(fresh.order_by(o.id).with_for_update(skip_locked=True))).all():
                result = await self._carry(order.recording_id, order.what == "pause", order.by)
                done = update(recording_orders).where(o.id == order.id).values(result=result, done_at=func.now())
                await connection.execute(done)

    def _wake(self, *_: object) -> None:
        self._told.set()
