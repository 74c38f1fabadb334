"""Keeps the journal of a PBX whose files can't be read, from its manager events.

Theory of operation. One connection of its own, one ordered stream (`ami.stream`), one consumer: events become lines
(`from_ami`), lines go to local disk (`spool`), and from there everything is as with Asterisk's own files: the same
follower, tracker, transaction, recovery and replay. The consumer takes events in batches and writes each in a thread.
While the disk refuses or hangs, the batch is kept and the stream fills; when that is full the client drops the link,
so memory is bounded and Asterisk waits for nobody. What happens without a link is lost: on each new one we write when
we were blind and which channels are up (`sightings`), and again a little later, because a channel may be listed while
its end was told just before we listened. The last moment of sight is on disk, too: our own restart is such an interval.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog

from callcenter import clock
from callcenter.ami import actions
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import ActionFailed, AmiFault
from callcenter.ami.messages import Event
from callcenter.ami.model import Address, Item, LinkLost, LinkUp, Snapshot
from callcenter.errors import in_one_line
from callcenter.journal.from_ami import WANTED, Line, LinesFromAmi, boot_line
from callcenter.journal.sightings import blind_line, seen_line
from callcenter.journal.spool import Spool

log = structlog.get_logger()

PART = "ami_journal"
SEE = 'see "A PBX with AMI alone" in docs/administration.md'
TICK_SECONDS = 1.0
RETRY_SECONDS = 1.0
SECOND_LOOK_SECONDS = 10.0
Health = Callable[[str, bool, str], None]


class AmiJournal:
    """Runs until cancelled. `health("ami_journal", ok, detail)` hears how it goes, `on_written` when there is news,
    `on_link` of each link and of its loss: with these a blind interval of the journal begins and ends."""

    def __init__(
        self,
        address: Address,
        spool: Spool,
        health: Health,
        on_written: Callable[[], None],
        on_link: Callable[[LinkUp | LinkLost], None] = lambda _: None,
    ) -> None:
        self._client = AmiClient(address, wanted=WANTED, on_state=self._link_state, snapshot=())
        self._spool, self._health, self._on_written, self._on_link = spool, health, on_written, on_link
        self._lines = LinesFromAmi()
        self._link: LinkUp | None = None
        self._since: datetime | None = None
        """When Asterisk was last seen before this link, by its own clock"""
        self._heard: set[str] = set()
        """Channels that said something since this link began, while looks at the channels are still due"""
        self._looks_due = 0
        self._ahead = timedelta()
        """How far Asterisk's clock is ahead of ours"""
        self._fault = self._no_cel = ""
        self._cel_seen, self._stamped = False, True
        self._told_at: datetime | None = None
        """The last event's own time"""
        self._looks: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Take the spool, then keep it until cancelled."""
        while True:
            if await self._opened():
                break
            await asyncio.sleep(RETRY_SECONDS)
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self._client.run(), name="journal connection")
                loops.create_task(self._keep(), name="journal keeping")
        finally:
            self._spool.close()

    async def _opened(self) -> bool:
        try:
            if await asyncio.to_thread(self._spool.open):
                return True
            why = "another listener keeps this journal"
        except OSError as error:
            why = f"cannot be kept: {in_one_line(error)}"
        self._health(PART, False, why)
        return False

    async def _keep(self) -> None:
        try:
            while True:
                items: list[Item] = []
                with suppress(TimeoutError):
                    async with asyncio.timeout(TICK_SECONDS):
                        items = await self._client.stream.take()
                self._spool.add(self._lines_of(items))
                await self._write()
        finally:
            if self._looks is not None:
                self._looks.cancel()

    async def _write(self) -> None:
        """Write what is pending, however long that takes: the stream holds what comes meanwhile, and is bounded."""
        news, seen = bool(self._spool.pending), self._seen_until()
        while True:
            try:
                await asyncio.to_thread(self._spool.flush, seen)
                break
            except OSError as error:
                self._say(f"cannot write {self._spool.folder}: {in_one_line(error)}")
                await asyncio.sleep(RETRY_SECONDS)
        self._say("")
        if news:
            self._on_written()

    def _seen_until(self) -> tuple[float, str] | None:
        """Up to now; while something waits to be read, which may be the news that the link is gone, the last event."""
        if self._link is None:
            return None
        seen = self._told_at
        if self._client.up and not len(self._client.stream):
            seen = clock.now() + self._ahead - timedelta(seconds=self._client.quiet_seconds)
        return (seen.timestamp(), self._link.boot.mark) if seen else None

    def _lines_of(self, items: list[Item]) -> list[Line]:
        lines: list[Line] = []
        for item in items:
            match item:
                case Event():
                    lines += self._of_event(item)
                case LinkUp():
                    self._on_link(item)
                    lines += self._greet(item)
                case LinkLost():
                    self._on_link(item)
                    self._lose(item)
                case Snapshot():
                    lines += self._sight(item)
        return lines

    def _of_event(self, event: Event) -> list[Line]:
        self._judge(event)
        self._told_at = event.at or self._told_at
        if self._looks_due and event.name == "CEL":
            self._heard.add(event.get("UniqueID"))
        try:
            return self._lines.feed(event, clock.now().timestamp())
        except ValueError as error:
            log.error("ami_event_unreadable", name=event.name, why=str(error))
            return []

    def _judge(self, event: Event) -> None:
        """Nobody enters a queue without a channel event before it: then Asterisk does not send them."""
        if event.name == "CEL":
            self._cel_seen, self._stamped = True, bool(event.get("Timestamp"))
            self._no_cel = ""
        elif event.name == "QueueCallerJoin" and not self._cel_seen:
            self._no_cel = f"callers come and no CEL event with them: no call is recorded; {SEE}"

    def _greet(self, link: LinkUp) -> list[Line]:
        """A new link: whose life of Asterisk is this, since when were we blind, who is up?"""
        seen = self._spool.last_seen()
        self._since = datetime.fromtimestamp(seen[0], UTC) if seen else None
        self._link, self._lines, self._heard, self._looks_due = link, LinesFromAmi(), set(), 2
        if self._since is not None:
            blind = round((link.at + self._ahead - self._since).total_seconds(), 3)
            log.warning("journal_blind", since=self._since.isoformat(), seconds=blind)
        self._looks = asyncio.create_task(self._look_twice(), name="looks at the channels")
        known = seen is not None and seen[1] == link.boot.mark
        return [] if known else [boot_line(link.boot.at)]

    def _lose(self, lost: LinkLost) -> None:
        if self._looks is not None:
            self._looks.cancel()
        if self._link is not None:
            with suppress(OSError):
                self._spool.mark_seen(((lost.heard_at or lost.at) + self._ahead).timestamp(), self._link.boot.mark)
        self._link, self._looks_due = None, 0

    async def _look_twice(self) -> None:
        """Put Asterisk's channels into the stream, behind the events that were told before."""
        try:
            pong = await self._client.ask(actions.PING)
            self._ahead = _clock_of(pong.get("Timestamp")) - clock.now()
            await self._look()
            await asyncio.sleep(SECOND_LOOK_SECONDS)
            await self._look()
        except ActionFailed as refused:
            self._fault = f"after a lost link, ended calls stay open: {refused}; {SEE}"
        except AmiFault as fault:
            log.info("channels_not_seen", why=str(fault))
        else:
            self._fault = ""

    async def _look(self) -> None:
        listed = await self._client.collect(actions.SHOW_CHANNELS)
        self._client.stream.put(Snapshot(clock.now(), tuple(listed)))

    def _sight(self, snapshot: Snapshot) -> list[Line]:
        link = self._link
        if link is None:
            return []
        self._looks_due = max(0, self._looks_due - 1)
        now, listed = snapshot.at + self._ahead, [e for e in snapshot.events if e.name == "CoreShowChannel"]
        alive = self._heard | {event.get("Uniqueid") for event in listed}
        blind = [blind_line(self._since, now, alive, link.boot.at)] if self._since is not None else []
        quiet = (event for event in listed if event.get("Uniqueid") not in self._heard)
        return [*blind, *(seen_line(event, self._since, now) for event in quiet)]

    def _link_state(self, ok: bool, detail: str) -> None:
        if not ok:
            self._health(PART, False, f"blind: {detail}")

    def _say(self, fault: str) -> None:
        fault = fault or self._no_cel or self._fault
        if fault:
            self._health(PART, False, fault)
        elif self._client.up:
            coarse = "" if self._stamped else f"; times to the second only: timestampevents is off, {SEE}"
            self._health(PART, True, f"kept in {self._spool.folder}{coarse}")


def _clock_of(stamp: str) -> datetime:
    try:
        return clock.from_epoch(float(stamp))
    except (ValueError, OverflowError, OSError):
        return clock.now()
