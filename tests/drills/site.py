"""The hotline of a drill: `callcenter run` as it is, with proxies before its own commands, a load, and witnesses."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from callcenter.local import addresses, broker
from tests.acceptance.brief_prompts import write_tone
from tests.acceptance.hotline import COMMAND, RunningHotline
from tests.acceptance.schedules import in_force
from tests.drills.judge import Terms
from tests.drills.load import Load
from tests.drills.oracle import Oracle
from tests.drills.proxies import Proxy, Streams
from tests.drills.subscriber import Subscriber

AGENTS = tuple(str(n) for n in range(2001, 2027))
PATIENT = {"agents": AGENTS, "supervisors": (), "queue_timeout_seconds": 120, "ring_seconds": 30}
NOTICE_SECONDS = 1.2
LOOK_EVERY = 0.25
COMMIT = (b"COMMIT;\0", b"COMMIT\0")
"""asyncpg's simple query, Postgres' CommandComplete"""
CALL_EVENT = (b"/calls/", b"\x40\x02")
"""PUBLISH of a call's event, PUBACK"""
NAMESPACE = (
    ("unshare", "--mount")
    if os.geteuid() == 0
    else (*("unshare", "--user", "--map-current-user", "--keep-caps", "--mount"),)
)
MOUNT = """
while [ $# -gt 0 ]; do
    mkdir -p "$1"
    mv "$1" "$1.aside"
    mkdir "$1"
    mount -t tmpfs -o "size=$2m,mode=0700" tmpfs "$1"
    cp -a "$1.aside/." "$1"
    rm -rf "$1.aside"
    shift 2
done
exec "$0" run
"""


class DrillHotline(RunningHotline):
    """Its `listen` and `api` reach Postgres and AMI through proxies; a short notice keeps calls short."""

    def __init__(self, **changed: Any) -> None:
        super().__init__(**{**PATIENT, **changed})
        self.overrides = self.home / "overrides.json"
        self.shared_database = "database_url" in changed
        self.moved_to = ""
        """Where the database is after a failover"""
        self.small_disks: dict[Path, int] = {}
        """Folders on file systems of their own, with their megabytes"""
        write_tone(self.home / "prompts" / "zh" / "hotline-notice.wav", NOTICE_SECONDS)

    ready_seconds = 240.0
    """Several hotlines start at once on two cores."""

    async def begin(self) -> None:
        """With small disks: in a mount namespace, where a plain user may mount, too, and which ends with it."""
        if not self.small_disks:
            return await super().begin()
        disks = [word for folder, size in self.small_disks.items() for word in (str(folder), str(size))]
        command = [*NAMESPACE, "sh", "-ec", MOUNT, COMMAND, *disks]
        with self.output.open("ab") as output:
            self.run = await asyncio.create_subprocess_exec(
                *command, env=self.environment(), stdout=output, stderr=output, start_new_session=True
            )
        return None

    def environment(self) -> dict[str, str]:
        own = super().environment()
        if "LD_PRELOAD" in own:
            return own
        path = os.pathsep.join(filter(None, [str(Path(__file__).with_name("preloaded")), own.get("PYTHONPATH")]))
        return {**own, "PYTHONPATH": path, "DRILL_OVERRIDES": str(self.overrides)}

    def override(self, **commands: Mapping[str, str]) -> None:
        """What `listen=…` and `api=…` get at their next start instead of the settings' values."""
        self.overrides.write_text(json.dumps(commands))

    @property
    def postgres_url(self) -> str:
        """The server itself, past every proxy."""
        return self.moved_to or addresses.database_url(self.settings)

    def proxied_url(self, port: int) -> str:
        cluster = addresses.cluster(self.settings, self._secrets_made)
        return cluster.url().replace("@/", f"@127.0.0.1:{port}/").partition("?")[0]

    async def open_postgres(self) -> Streams:
        sockets = addresses.cluster(self.settings, self._secrets_made).sockets
        return await asyncio.open_unix_connection(str(sockets / ".s.PGSQL.5432"))

    async def open_ami(self) -> Streams:
        return await asyncio.open_connection("127.0.0.1", self.settings.ami_port)

    async def open_mqtt(self) -> Streams:
        return await asyncio.open_connection("127.0.0.1", broker.known_port(addresses.broker_folder(self.settings)))

    def proxied_mqtt(self, port: int) -> str:
        return broker.url(port, self._secrets_made.mqtt_password)


@dataclass(frozen=True, slots=True)
class Look:
    """One answer of /v1/health: part → (ok, detail); empty when nobody answered."""

    at: float
    parts: dict[str, tuple[bool, str]]


class Watcher:
    """What an operator who watches sees: health and alerts, four times a second."""

    def __init__(self, hotline: RunningHotline) -> None:
        self._hotline = hotline
        self.looks: list[Look] = []
        self.alerts: dict[str, float] = {}
        """Kind → when it was first seen"""

    async def run(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(LOOK_EVERY)

    async def _look(self) -> None:
        api = self._hotline.api
        parts: dict[str, tuple[bool, str]] = {}
        with suppress(httpx.HTTPError, ValueError, KeyError):
            said = (await api.get("/v1/health", timeout=8)).json()
            parts = {p["part"]: (p["ok"], p["detail"]) for p in said["parts"] if p["pbx"] in {None, self._pbx}}
        self.looks.append(Look(time.time(), parts))
        with suppress(httpx.HTTPError, ValueError, KeyError):
            for alert in (await api.get("/v1/alerts", timeout=3)).json()["items"]:
                self.alerts.setdefault(alert["kind"], time.time())

    @property
    def _pbx(self) -> str:
        return self._hotline.settings.pbx

    def told(self, part: str, since: float) -> str | None:
        """Why the part was not well at some look since then; None: nobody was told."""
        for look in self.looks:
            if look.at < since:
                continue
            if not look.parts and part == "api":
                return "no answer"
            ok, detail = look.parts.get(part, (True, ""))
            if not ok:
                return detail
        return None

    async def all_well(self, within: float) -> float:
        """Seconds until every part was well in two looks that followed each other. Raises `TimeoutError`."""
        began = time.time()
        async with asyncio.timeout(within):
            while not self._well(began):
                await asyncio.sleep(0.1)
        return time.time() - began

    def _well(self, since: float) -> bool:
        last = [look for look in self.looks[-2:] if look.at >= since]
        return len(last) == 2 and all(x.parts and all(ok for ok, _ in x.parts.values()) for x in last)


@dataclass
class Site:
    """Everything that a fault may touch, and the witnesses."""

    hotline: DrillHotline
    postgres: Proxy
    ami: Proxy
    mqtt: Proxy
    own: dict[str, dict[str, str]]
    """What `listen` and `api` are told instead of the settings' values"""
    load: Load
    oracle: Oracle
    watcher: Watcher
    subscriber: Subscriber
    stack: AsyncExitStack
    """What a fault starts and the end of the drills stops"""
    terms: Terms = field(default_factory=Terms)
    """What the faults so far took with them: the next drill's load meets them, too"""

    def logs(self, part: str) -> str:
        """`run` is what the supervisor prints."""
        home = self.hotline.home
        path = home / "run.log" if part == "run" else home / "var" / "log" / f"{part}.log"
        return path.read_text(errors="replace")


async def open_around_the_clock(hotline: RunningHotline) -> None:
    """By its hours, in the dialplan, too: there an override that nobody renews lasts five minutes (decision 9).

    Of two hotlines on one database the other may have done it.
    """
    code, said = await hotline.command("schedule", "hours", "list")
    assert code == 0, said
    changes = () if "00:00-24:00" in said else ("schedule hours add 1-7 00:00 24:00", "schedule hours remove 1")
    for words in (*changes, "dialplan reload"):
        code, said = await hotline.command(*words.split())
        assert code == 0, said


@asynccontextmanager
async def drill_site(hotline: DrillHotline | None = None) -> AsyncIterator[Site]:
    """A hotline that is open, with agents registered, watched from all sides."""
    hotline = hotline or DrillHotline()
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(Proxy(hotline.open_postgres, *COMMIT))
        ami = await stack.enter_async_context(Proxy(hotline.open_ami))
        mqtt = await stack.enter_async_context(Proxy(hotline.open_mqtt, *CALL_EVENT))
        own = listen_and_api(hotline, postgres, ami, mqtt)
        hotline.override(**own)
        await stack.enter_async_context(hotline)
        await open_around_the_clock(hotline)
        await in_force(hotline, "open", within=60)
        oracle = Oracle(hotline.home / "oracle.jsonl")
        stack.callback(oracle.close)
        load = Load(hotline.settings.sip_port, hotline.accounts, oracle, hotline.settings.hotline_number)
        await stack.enter_async_context(load)
        watcher, subscriber = Watcher(hotline), Subscriber(hotline.settings)
        work = [asyncio.create_task(watcher.run()), asyncio.create_task(subscriber.run())]
        try:
            await members_in(hotline)
            yield Site(hotline, postgres, ami, mqtt, own, load, oracle, watcher, subscriber, stack)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)


def listen_and_api(hotline: DrillHotline, postgres: Proxy, ami: Proxy, mqtt: Proxy) -> dict[str, dict[str, str]]:
    """Who is told to go through which proxy."""
    database = {} if hotline.shared_database else {"CALLCENTER_DATABASE_URL": hotline.proxied_url(postgres.port)}
    listen = {"CALLCENTER_AMI_PORT": str(ami.port), "CALLCENTER_MQTT_URL": hotline.proxied_mqtt(mqtt.port)}
    return {"listen": {**database, **listen}, "api": database}


MEMBERS_FREE = "SELECT count(*) FROM live_states WHERE pbx = $1 AND kind = 'agent' AND payload->>'state' = 'available'"


async def members_in(hotline: DrillHotline, within: float = 60) -> None:
    """Until the live view has every agent's phone free."""
    connection = await asyncpg.connect(hotline.postgres_url)
    try:
        async with asyncio.timeout(within):
            while await connection.fetchval(MEMBERS_FREE, hotline.settings.pbx) < len(hotline.settings.agents):
                await asyncio.sleep(0.2)
    finally:
        await connection.close()
