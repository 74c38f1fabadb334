"""`callcenter doctor`: one line a check, each fault with how to mend it. It changes nothing."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import aiomqtt
import asyncpg

from callcenter import clock
from callcenter.ami.actions import SHOW_CHANNELS, Action
from callcenter.ami.faults import AmiFault
from callcenter.coverage.reading import coverage_object
from callcenter.dialplan.hardening import keys_dir
from callcenter.errors import CallcenterError, PartUnavailable
from callcenter.local import addresses, parts, places, ports, postgres, programs
from callcenter.local.deployment import manager
from callcenter.local.places import api_url
from callcenter.local.processes import recall
from callcenter.local.readiness import wait_ready
from callcenter.security.certificates import WARN_BEFORE, ends_at
from callcenter.settings import Settings
from callcenter.storage.engine import make_engine
from callcenter.storage.reading import reading


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's result; `mend` is empty when all is well."""

    what: str
    detail: str
    mend: str = ""

    @property
    def ok(self) -> bool:
        return not self.mend


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Every check, in the order in which a fault in one explains those after it."""
    for finding in (*_machine(settings), *_software(settings), *_ports(settings)):
        yield finding
    own = (_journal_over_ami,) if settings.journal == "ami" else ()
    for check in (_database, _coverage, _broker, _asterisk, *own, _service):
        yield await _bounded(check, settings)


async def print_findings(settings: Settings) -> bool:
    """Print each finding as it comes; whether all were well."""
    well = True
    async for finding in examine(settings):
        mend = f"  → {finding.mend}" if finding.mend else ""
        print(f"{'✓' if finding.ok else '✗'} {finding.what}: {finding.detail}{mend}", flush=True)
        well &= finding.ok
    return well


def _machine(settings: Settings) -> Iterator[Finding]:
    yield Finding("Python", sys.version.split()[0])
    free = shutil.disk_usage(settings.home if settings.home.exists() else "/").free
    room = "" if free > places.LEAST_FREE_BYTES else "make room, or set CALLCENTER_HOME to another disk"
    yield Finding("disk", f"{free // 1_000_000} MB free at {settings.home}", room)
    wanted = (settings.var_dir, settings.recordings_dir, settings.cel_path.parent)
    for folder in (folder for folder in wanted if folder.exists()):
        mend = "" if os.access(folder, os.W_OK | os.X_OK) else f"make {folder} writable for this user"
        yield Finding("folder", str(folder), mend)
    if settings.var_dir.exists() and not settings.cel_path.parent.exists():
        yield Finding(
            "folder", f"{settings.cel_path.parent} is missing: no call would be journalled", "start callcenter run"
        )


def _software(settings: Settings) -> Iterator[Finding]:
    for program in programs.TO_RUN:
        found = programs.find(program)
        yield Finding(program, found or "missing", "" if found else "run make setup")
    if parts.runs_own_asterisk(settings):
        asterisk = programs.find_asterisk()
        yield Finding(
            "Asterisk", asterisk.version if asterisk else "none ≥ 22.10.1", "" if asterisk else "run make setup"
        )
    if not settings.database_url:
        yield _postgres_programs(settings)
    if settings.tls != "off":
        yield _certificate(settings)


def _certificate(settings: Settings) -> Finding:
    end = ends_at(keys_dir(settings) / "certificate.pem")
    if end is None:
        return Finding("certificate", "none that can be read", "start callcenter run: it makes or copies it")
    late = end - clock.now() <= WARN_BEFORE
    mend = "put a new one in place (a self-made one is renewed at the start) and restart callcenter run" if late else ""
    return Finding("certificate", f"SIP over TLS, until {end.astimezone(clock.LOCAL_ZONE):%Y-%m-%d}", mend)


def _postgres_programs(settings: Settings) -> Finding:
    try:
        binaries = postgres.find_binaries(settings.var_dir / "postgres")
    except CallcenterError as error:
        return Finding("Postgres", str(error), "set CALLCENTER_DATABASE_URL")
    return Finding("Postgres", f"{postgres.major_version(binaries)} in {binaries}")


def _ports(settings: Settings) -> Iterator[Finding]:
    if recall(places.run_dir(settings) / "api.pid"):
        return
    for port in parts.wanted_ports(settings):
        mend = "" if ports.is_free(port) else f"stop what uses it or set {port.setting}"
        yield Finding("port", port.name, mend)


async def _bounded(check: Callable[[Settings], Awaitable[Finding]], settings: Settings) -> Finding:
    name = check.__name__.strip("_")
    try:
        return await asyncio.wait_for(check(settings), 10)
    except (OSError, TimeoutError, CallcenterError, asyncpg.PostgresError, aiomqtt.MqttError) as error:
        why = str(error) or type(error).__name__
        return Finding(name, why, f"start callcenter run; its logs are in {places.log_dir(settings)}")


async def _coverage(settings: Settings) -> Finding:
    """What was observed since yesterday: told, and no fault of the present."""
    moment = clock.now()
    engine = make_engine(addresses.database_url(settings), pool_size=1)
    try:
        async with reading(engine) as connection:
            found = await coverage_object(connection, moment - timedelta(days=1), moment, moment, settings.pbx)
    finally:
        await engine.dispose()
    if found["complete"] is None:
        return Finding("coverage", "nothing was watched yet")
    share = found["pbxs"][0]["share"]
    detail = f"observed or filled {'–' if share is None else f'{share:.2%}'} of what was watched in the last 24 h"
    return Finding(
        "coverage", detail if found["complete"] else f"{detail}; callcenter coverage says what may be missing"
    )


async def _database(settings: Settings) -> Finding:
    connection = await asyncpg.connect(addresses.database_url(settings).replace("+asyncpg", ""), timeout=5)
    try:
        version = await connection.fetchval("SHOW server_version")
        migration = await connection.fetchval("SELECT version_num FROM alembic_version")
    finally:
        await connection.close()
    return Finding("database", f"Postgres {version}, migration {migration}")


async def _broker(settings: Settings) -> Finding:
    address = urlsplit(addresses.mqtt_url(settings))
    async with aiomqtt.Client(
        address.hostname or "", address.port or 1883, username=address.username, password=address.password, timeout=5
    ):
        return Finding("broker", f"lets us in at {address.hostname}:{address.port or 1883}")


async def _asterisk(settings: Settings) -> Finding:
    reader, writer = await asyncio.open_connection(settings.ami_host, settings.ami_port)
    try:
        banner = (await asyncio.wait_for(reader.readline(), 5)).decode(errors="replace").strip()
    finally:
        writer.close()
    mend = "" if banner.startswith("Asterisk Call Manager") else "set CALLCENTER_AMI_PORT: that is no Asterisk"
    return Finding("Asterisk AMI", f"{settings.ami_host}:{settings.ami_port} says {banner[:60]!r}", mend)


async def _journal_over_ami(settings: Settings) -> Finding:
    """May we keep a journal from AMI, and does a module send channel events? The service says when none come."""
    username = f"{settings.ami_username}-journal"
    see = 'see "A PBX with AMI alone" in docs/administration.md'
    try:
        async with manager(settings.model_copy(update={"ami_username": username}), 3) as client:
            await client.collect(SHOW_CHANNELS)
            await client.ask(Action("ModuleCheck", (("Module", "cel_manager"),)))
    except (AmiFault, PartUnavailable) as fault:
        return Finding("journal over AMI", f"{username}: {fault}", see)
    last = settings.cel_path.stat().st_mtime if settings.cel_path.exists() else None
    when = f"{clock.from_epoch(last).astimezone(clock.LOCAL_ZONE):%Y-%m-%d %H:%M:%S}" if last else "never"
    return Finding("journal over AMI", f"{username} may see channels; last channel event {when}")


async def _service(settings: Settings) -> Finding:
    faults = await wait_ready(settings, 3)
    why = "; ".join(f"{part}: {fault}" for part, fault in faults.items())
    return Finding("service", why or f"every part is up at {api_url(settings)}", "see callcenter run" if why else "")
