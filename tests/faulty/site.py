"""One real hotline with phones, and hands inside: its AMI, its files, its database; work on a recording can be held."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from callcenter.ami import actions
from callcenter.ami.actions import Action
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import AmiFault
from callcenter.ami.model import Address
from callcenter.calls.recorded import file_name
from tests.acceptance.hotline import COMMAND
from tests.acceptance.schedules import in_force
from tests.drills.load import Load
from tests.drills.oracle import Oracle
from tests.drills.site import DrillHotline, members_in, open_around_the_clock
from tests.faulty.sounds import SoundBox

DISK_MEGABYTES = 320
LOOK_EVERY = 0.15
POLL_SECONDS = 0.3
HOLD = """
CREATE TABLE held (name text PRIMARY KEY, stage text NOT NULL);
CREATE FUNCTION hold_work() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.ended_at IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.ended_at IS NULL)
        AND EXISTS (SELECT FROM held WHERE name = NEW.name AND stage = 'closed')
    THEN NEW.next_try_at = now() + interval '55 seconds';
    ELSIF NEW.state = 'sealed' AND TG_OP = 'UPDATE' AND OLD.state <> 'sealed'
        AND EXISTS (SELECT FROM held WHERE name = NEW.name AND stage = 'sealed')
    THEN NEW.next_try_at = now() + interval '30 minutes';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold_work BEFORE INSERT OR UPDATE ON recordings FOR EACH ROW EXECUTE FUNCTION hold_work();
"""
"""Nobody takes up a held recording's files (`closed`: when its call is over; `sealed`: on the way to the store)."""


@dataclass(frozen=True, slots=True)
class Line:
    """A call that is up: the caller's channel, and the name of its recording's files."""

    channel: str
    name: str


class FaultSite:
    """The running hotline. All files as its own mounts have them."""

    def __init__(self, hotline: DrillHotline, ami: AmiClient, database: asyncpg.Pool, load: Load) -> None:
        self.hotline, self.ami, self.database, self.load = hotline, ami, database, load
        self.root = Path(f"/proc/{hotline.run.pid}/root")
        self.spool, self.sealed = self.inside(hotline.settings.spool_dir), self.inside(hotline.settings.sealed_dir)
        self.recordings = self.inside(hotline.settings.recordings_dir)
        self._lines: dict[str, Line] = {}

    def inside(self, path: Path) -> Path:
        return self.root / path.relative_to("/")

    def legs(self, name: str) -> list[Path]:
        """Caller's and agent's file."""
        return [self.spool / f"{name}-{side}.wav" for side in ("caller", "agent")]

    async def follow(self) -> None:
        """Keep knowing which channel is whose, until cancelled."""
        while True:
            with suppress(AmiFault):  # Asterisk is away
                for event in await self.ami.collect(actions.SHOW_CHANNELS):
                    if event.get("Channel").startswith("PJSIP/trunk") and event.get("ChannelStateDesc") == "Up":
                        line = Line(event.get("Channel"), file_name(event.get("Uniqueid")))
                        self._lines[event.get("CallerIDNum")] = line
            await asyncio.sleep(LOOK_EVERY)

    async def line_of(self, number: str, within: float = 12) -> Line:
        """Of the caller with that number. Raises `TimeoutError`."""
        async with asyncio.timeout(within):
            while number not in self._lines:
                await asyncio.sleep(0.05)
        return self._lines[number]

    async def agent_answers(self, number: str, within: float = 30) -> None:
        """Returns when the talk of the caller with that number has begun. Raises `TimeoutError`."""
        async with asyncio.timeout(within):
            while (call := self.load.agents.expected.get(number)) is not None:
                if call.talking.is_set():
                    return
                await asyncio.sleep(0.05)
        raise TimeoutError(f"{number} reached no agent")

    async def stop_recording(self, line: Line) -> None:
        """Raises `TimeoutError` when there is none to be stopped: the dialplan begins it just after the answer."""
        async with asyncio.timeout(2):
            while True:
                with suppress(AmiFault):
                    await self.ami.ask(Action("StopMixMonitor", (("Channel", line.channel),)))
                    return
                await asyncio.sleep(0.02)

    async def hold(self, line: Line, stage: str) -> None:
        await self.database.execute("INSERT INTO held VALUES ($1, $2)", line.name, stage)

    async def release(self, line: Line) -> None:
        await self.database.execute("DELETE FROM held WHERE name = $1", line.name)
        await self.database.execute("UPDATE recordings SET next_try_at = now() WHERE name = $1", line.name)

    async def row_when(self, name: str, condition: str, within: float = 30) -> asyncpg.Record:
        """A recording's row once the condition holds. Raises `TimeoutError`."""
        async with asyncio.timeout(within):
            while True:
                query = f"SELECT * FROM recordings WHERE name = $1 AND {condition}"  # noqa: S608
                if row := await self.database.fetchrow(query, name):
                    return row
                await asyncio.sleep(POLL_SECONDS)

    async def command(self, *words: str) -> tuple[int, str]:
        """`callcenter …` among the hotline's mounts."""
        return await self._enter(COMMAND, *words)

    async def mount(self, *words: str) -> None:
        code, said = await self._enter(*words)
        assert code == 0, (words, said)

    async def _enter(self, *words: str) -> tuple[int, str]:
        user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
        process = await asyncio.create_subprocess_exec(
            "nsenter", f"--target={self.hotline.run.pid}", "--mount", *user, "--", *words,
            env=self.hotline.environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    async def verify(self) -> list[dict[str, Any]]:
        """What `callcenter recordings verify` says, line by line; figures last."""
        _, said = await self.command("recordings", "verify", "--json")
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        assert lines and "deviations" in lines[-1], said
        return lines

    async def get(self, path: str, **parameters: Any) -> Any:
        answer = await self.hotline.api.get(path, params=parameters, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()


@asynccontextmanager
async def fault_site(seed: int, agents: Sequence[str]) -> AsyncIterator[FaultSite]:
    """A hotline that is open, with its recordings on a disk of their own, agents registered."""
    hotline = DrillHotline(agents=tuple(agents))
    hotline.small_disks = {hotline.settings.recordings_dir: DISK_MEGABYTES}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(hotline)
        await open_around_the_clock(hotline)
        await in_force(hotline, "open", within=60)
        database = await stack.enter_async_context(asyncpg.create_pool(hotline.postgres_url, min_size=1, max_size=6))
        await database.execute(HOLD)
        oracle = Oracle(hotline.home / "oracle.jsonl")
        stack.callback(oracle.close)
        s = hotline.settings
        load = Load(s.sip_port, hotline.accounts, oracle, s.hotline_number, SoundBox(seed))
        await stack.enter_async_context(load)
        address = Address("127.0.0.1", s.ami_port, s.ami_username, hotline.secrets.ami_password)
        ami = AmiClient(address, wanted=frozenset(), snapshot=())
        site = FaultSite(hotline, ami, database, load)
        work = [asyncio.create_task(ami.run()), asyncio.create_task(site.follow())]
        try:
            await members_in(hotline)
            yield site
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
