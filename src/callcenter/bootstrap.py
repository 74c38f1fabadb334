"""Builds the listener from its parts: the one place where control plane and record plane meet."""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Coroutine
from typing import Any

import structlog
import uvloop
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.agents.operation_log import keep_acts
from callcenter.alerts.keeper import AlertKeeper
from callcenter.alerts.surroundings import Surroundings
from callcenter.ami.messages import Event
from callcenter.ami.model import Address
from callcenter.calls.ingest import Ingest
from callcenter.calls.store import Batch
from callcenter.coverage.checking import Checker
from callcenter.coverage.watching import CoverageWatch
from callcenter.dialplan.hardening import blocked_file, keys_dir
from callcenter.housekeeping import clean_outbox, keep_partitions, set_pins
from callcenter.journal.ami_journal import AmiJournal
from callcenter.journal.spool import Spool
from callcenter.local import addresses, places
from callcenter.local.secrets import load_or_make
from callcenter.logs import set_up_logs
from callcenter.publishing.mqtt import Publisher
from callcenter.recording_side import RecordingSide
from callcenter.retention.hold_repository import hold_complaints
from callcenter.routing.ami_side import AmiSide
from callcenter.security.guard import Guard, Place
from callcenter.settings import Settings
from callcenter.storage.away import AWAY
from callcenter.storage.engine import make_engine
from callcenter.storage.heartbeat import report_health

log = structlog.get_logger()

HEARTBEAT_SECONDS = 2.0
TOGETHER_SECONDS = 0.1
"""Changes so close together are stored at once."""
ENDS_SOMETHING = frozenset({"Hangup"})
"""AMI events behind which somebody waits for what the journal says."""


class Health:
    """What each part last said of itself; changes are logged, all of it is stored at a change and every 2 s."""

    def __init__(self, engine: AsyncEngine, pbx: str) -> None:
        self._engine = engine
        self._pbx = pbx
        self._parts: dict[str, tuple[bool, str]] = {}
        self._changed = asyncio.Event()

    def say(self, part: str, ok: bool, detail: str) -> None:
        before = self._parts.get(part)
        self._parts[part] = (ok, detail)
        if before is None or before[0] != ok:
            (log.info if ok else log.warning)("part_changed", part=part, ok=ok, detail=detail)
            self._changed.set()

    async def run(self) -> None:
        while True:
            if self._parts:
                try:
                    await report_health(self._engine, self._pbx, dict(self._parts))
                except AWAY as error:
                    log.debug("heartbeat_not_stored", why=str(error))
            await asyncio.sleep(TOGETHER_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._changed.wait()
            self._changed.clear()


def tune_memory() -> None:
    """A listener makes many small objects that live as long as a call: look for rubbish less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def listen(settings: Settings) -> None:
    """Run the listener until SIGINT or SIGTERM."""
    tune_memory()
    set_up_logs(settings.log_level)
    structlog.contextvars.bind_contextvars(pbx=settings.pbx)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_stopped(_listen(settings)))


async def _listen(settings: Settings) -> None:
    engine = make_engine(addresses.database_url(settings), pool_size=8, pre_ping=False)
    health = Health(engine, settings.pbx)
    keeper = AlertKeeper(engine, settings.pbx)
    publisher = Publisher(engine, settings.pbx, addresses.mqtt_url(settings), health.say)

    watch = CoverageWatch(engine, settings.pbx, journal=settings.journal == "files")

    def on_stored(batch: Batch) -> None:
        watch.see_gaps(batch.gaps, batch.read_at or clock.now())
        if batch.announcements:
            publisher.nudge()
        recordings.see_stored(batch)

    files = {"cel": settings.cel_path, "queue_log": settings.queue_log_path}

    def on_read(batch: Batch) -> None:
        recordings.see_read(batch)

    ingest = Ingest(
        engine, settings.pbx, files, health.say, on_stored, on_read, keep_acts, watch.see_journal, hold_complaints
    )

    def on_event(event: Event) -> None:
        if event.name in ENDS_SOMETHING:
            ingest.nudge()

    secrets = load_or_make(settings)
    side = AmiSide(
        settings, engine, secrets.ami_password, secrets.device_names, health.say,
        on_event=on_event, on_link=watch.see_link if settings.journal == "files" else None,
    )  # fmt: skip
    recordings = RecordingSide(settings, engine, keeper, health.say, side)
    side.on_mute = recordings.see_mute
    checker = Checker(engine, settings.pbx, side.client, watch)
    try:
        async with asyncio.TaskGroup() as parts:
            parts.create_task(health.run(), name="health")
            parts.create_task(watch.run(), name="coverage")
            parts.create_task(_follow(ingest, watch), name="journal")
            if settings.journal == "ami":
                own = _ami_journal(settings, secrets.ami_password, health, ingest, watch)
                parts.create_task(own.run(), name="journal from AMI")
            parts.create_task(checker.run(), name="completeness")
            parts.create_task(recordings.run(), name="recordings")
            parts.create_task(publisher.run(), name="mqtt")
            parts.create_task(clean_outbox(engine), name="outbox cleaning")
            parts.create_task(side.run(), name="ami")
            parts.create_task(keep_partitions(engine, settings.cdr_retention_months), name="partitions")
            parts.create_task(keeper.run(), name="alerts of the surroundings")
            parts.create_task(_surroundings(settings, keeper, health).run(), name="surroundings")
            if settings.control:
                parts.create_task(set_pins(engine, secrets.agent_pins), name="first PINs")
                guard = _guard(settings, engine, secrets.ami_password, health)
                parts.create_task(guard.run(), name="security")
    finally:
        await engine.dispose()


def _surroundings(settings: Settings, keeper: AlertKeeper, health: Health) -> Surroundings:
    """The disks of this machine that we depend on; a database elsewhere has its own keepers."""
    folders = {"recordings": settings.recordings_dir, "journal": settings.queue_log_path.parent}
    folders["database"] = settings.var_dir / "postgres"
    return Surroundings(keeper, folders, health.say)


async def _follow(ingest: Ingest, watch: CoverageWatch) -> None:
    """Read on only when it is known how far the last run observed: a gap found at once has its true beginning."""
    await watch.recalled.wait()
    await ingest.run()


def _ami_journal(settings: Settings, password: str, health: Health, ingest: Ingest, watch: CoverageWatch) -> AmiJournal:
    """For a PBX whose files we can't read: without this link nothing is observed."""
    manager = Address(settings.ami_host, settings.ami_port, f"{settings.ami_username}-journal", password)
    spool = Spool(settings.spool_journal_dir, settings.journal_megabytes << 20)
    return AmiJournal(manager, spool, health.say, ingest.nudge, watch.see_link)


def _guard(settings: Settings, engine: AsyncEngine, password: str, health: Health) -> Guard:
    """Where Asterisk is somebody else's to run, its files are not ours to write."""
    manager = Address(settings.ami_host, settings.ami_port, f"{settings.ami_username}-guard", password)
    ours = places.is_loopback(settings.ami_host) and settings.journal == "files"
    own_list = blocked_file(settings) if ours else None
    spared = frozenset({settings.trunk_address, "127.0.0.1", "::1"})
    certificate = None if settings.tls == "off" else keys_dir(settings) / "certificate.pem"
    return Guard(engine, Place(settings.pbx, manager, own_list, spared, certificate), health.say)


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run until done or told to stop; then cancel and wait for the parts to put down what they hold."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")
