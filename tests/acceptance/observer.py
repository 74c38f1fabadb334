"""A second listener beside a running hotline that knows it by AMI alone, and how its records compare.

    async with RunningHotline(cel_over_ami=True) as hotline, AmiObserver(hotline) as observer:
        ...                                            # calls
        told = await record_of(hotline, number)        # from Asterisk's files
        seen = await observer.record_of(number)        # of the same call, from AMI events
        assert await observer.differences(told) == []  # waits for what comes late

`AmiObserver` is `callcenter listen` with `journal = "ami"` and `control = false` in a home of its own, under the name
`<pbx>-ami`, with a database of its own in the hotline's server. It reads none of the hotline's files; `api` answers
from its database. The hotline's recordings are out of its reach: differences pass over their state, as over ids, the
PBX's name, and times that differ by less than `TOLERANCE` (`largest` says by how much they did).
"""

import asyncio
import json
import shutil
import signal
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import httpx

from callcenter import settings as settings_module
from callcenter.access.keys import issue
from callcenter.local import addresses, postgres
from callcenter.local.processes import last_lines
from callcenter.storage.engine import make_engine
from callcenter.storage.migrate import migrate
from callcenter.webapp import create_app
from tests.acceptance.hotline import COMMAND, RunningHotline

TOLERANCE = 0.5
"""Seconds; on a quiet machine it is under a millisecond: Asterisk sends an event a little after it happened."""
FILES = frozenset({"state", "reason", "bytes", "seconds", "sha256", "channels", "media_type"})
"""Of a recording's file, which is out of our reach."""
PASSED_OVER = frozenset({"id", "pbx"}) | FILES


class AmiObserver:
    """`async with AmiObserver(hotline) as observer:` sees the hotline's calls from then on."""

    def __init__(self, hotline: RunningHotline, **changed: Any) -> None:
        self._hotline = hotline
        self.home = Path(tempfile.mkdtemp(prefix="cco-"))
        self.output = self.home / "listen.log"
        self._changed = changed

    async def __aenter__(self) -> Self:
        hotline, secrets = self._hotline.settings, self._hotline.secrets
        cluster = addresses.cluster(hotline, secrets)
        name = f"ami_{self.home.name[4:].lower()}"
        await postgres.ensure_database(cluster, name)
        values = {
            **self._hotline.values,
            "pbx": f"{hotline.pbx}-ami",
            "journal": "ami",
            "control": False,
            "ami_password": secrets.ami_password,
            "database_url": cluster.url(name),
            "mqtt_url": addresses.mqtt_url(hotline),
            **self._changed,
        }
        lines = (f"{key} = {json.dumps(value)}" for key, value in values.items())
        (self.home / "callcenter.toml").write_text("\n".join(lines) + "\n")
        self.settings = settings_module.load(home=self.home, **values)
        self._engine = make_engine(cluster.url(name))
        await migrate(self._engine)
        key = await issue(self._engine, "observer", may_change=False)
        transport = httpx.ASGITransport(create_app(self.settings, self._engine))
        self.api = httpx.AsyncClient(transport=transport, base_url="http://observer", headers={"X-API-Key": key})
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self.api.aclose()
        await self._engine.dispose()
        shutil.rmtree(self.home)

    async def start(self) -> None:
        """`callcenter listen`, until it says that it sees Asterisk."""
        environment = {**self._hotline.environment(), "CALLCENTER_HOME": str(self.home)}
        with self.output.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *(COMMAND, "listen"), env=environment, stdout=output, stderr=output, start_new_session=True
            )
        await self.part_is("ami_journal", ok=True)

    async def part_is(self, part: str, *, ok: bool, within: float = 30) -> str:
        """Wait until a part of this listener is well, or not; what it says."""
        said: dict[str, Any] = {}
        try:
            async with asyncio.timeout(within):
                while said.get("ok") is not ok:
                    answer = (await self.api.get("/v1/health")).json()
                    said = next((p for p in answer["parts"] if p["part"] == part and p["pbx"]), {})
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"{part} is {said} · {self.logs()}") from None
        return str(said["detail"])

    async def record_of(self, number: str, within: float = 20) -> dict[str, Any]:
        """The one record of a caller; fails on none and on two. Its recordings stay `expected` for a while."""
        deadline = time.monotonic() + within
        while not (found := await self.records_of(number)):
            assert time.monotonic() < deadline, f"no record of {number} from AMI · {self.logs()}"
            await asyncio.sleep(0.1)
        assert len(found) == 1, found
        detail: dict[str, Any] = (await self.api.get(f"/v1/cdrs/{found[0]['id']}")).json()
        return detail

    async def records_of(self, number: str) -> list[dict[str, Any]]:
        answer = await self.api.get("/v1/cdrs", params={"number": number})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def differences(self, told: dict[str, Any], within: float = 10) -> list[str]:
        """Where our record of a call differs from the hotline's in the end; late lines may amend it for a moment."""
        deadline = time.monotonic() + within
        while True:
            seen = await self.record_of(told["caller_number"], within)
            found = differences(told, seen)
            if not found or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.2)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End the listener; `start` begins another one that goes on from where it stood."""
        if self.process.returncode is None:
            self.process.send_signal(how)
        await asyncio.wait_for(self.process.wait(), 20)

    def logs(self) -> str:
        return last_lines(self.output, 20)


def differences(told: Any, seen: Any, path: str = "") -> list[str]:
    """Where two records of one call differ, one line each."""
    if isinstance(told, dict) and isinstance(seen, dict):
        names = sorted({*told, *seen} - PASSED_OVER)
        return [d for n in names for d in differences(told.get(n), seen.get(n), f"{path}.{n}".lstrip("."))]
    if isinstance(told, list) and isinstance(seen, list) and len(told) == len(seen):
        pairs = enumerate(zip(told, seen, strict=True))
        return [d for i, (one, two) in pairs for d in differences(one, two, f"{path}[{i}]")]
    apart = seconds_apart(told, seen)
    same = told == seen if apart is None else apart <= TOLERANCE
    return [] if same else [f"{path}: {told!r} from the files, {seen!r} from AMI"]


def seconds_apart(one: Any, two: Any) -> float | None:
    """Between two instants or two durations; None when these are none."""
    if isinstance(one, float | int) and isinstance(two, float | int):
        return abs(float(one) - float(two))
    try:
        return abs((datetime.fromisoformat(one) - datetime.fromisoformat(two)).total_seconds())
    except (TypeError, ValueError):
        return None


def largest(told: Any, seen: Any) -> float:
    """The largest difference of times in two records, in seconds."""
    if isinstance(told, dict) and isinstance(seen, dict):
        return max((largest(told[n], seen.get(n)) for n in told if n not in PASSED_OVER), default=0.0)
    if isinstance(told, list) and isinstance(seen, list):
        return max((largest(one, two) for one, two in zip(told, seen, strict=False)), default=0.0)
    return seconds_apart(told, seen) or 0.0
