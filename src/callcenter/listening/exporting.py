"""Makes the ZIPs that were ordered, one at a time, in whichever API process comes first; a dead one's job is taken up
again from its beginning when its lease is over."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import structlog
from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter import clock
from callcenter.errors import CallcenterError, in_one_line
from callcenter.http import spreadsheet
from callcenter.http.encoding import to_json
from callcenter.listening import exports
from callcenter.listening.archive import Archive
from callcenter.listening.collecting import Patience, take
from callcenter.listening.manifest import Taken, manifest, table
from callcenter.listening.repository import find_rows
from callcenter.recordings.playback import Player
from callcenter.recordings.playbacks import How, Length, Listening, add_whole
from callcenter.storage.away import AWAY

log = structlog.get_logger()

LOOK_SECONDS = 10.0
RENEW_SECONDS = 15.0
MOST_BYTES = 20 << 30
ROWS_AT_ONCE = 100


class NotOurs(Exception):
    """The job was cancelled, or another process has it"""


class Unwritten(Exception):
    """The ZIP can't be written; the text says why"""


class Exporter:
    """Runs in the API's lifespan."""

    def __init__(self, engine: AsyncEngine, player: Player, folder: Path) -> None:
        self._engine, self._player, self.folder = engine, player, folder
        self._wanted = asyncio.Event()

    def nudge(self) -> None:
        """There may be something to do."""
        self._wanted.set()

    def path(self, job: dict[str, Any], suffix: str = "zip") -> Path:
        """Of a job with its claim: two processes that work on the same never write the same file."""
        return self.folder / f"{job['id']}.{job['claim']}.{suffix}"

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._wanted.clear()
            try:
                await self.sweep()
                while await self.work():
                    await self.sweep()
            except (*AWAY, CallcenterError) as error:
                log.info("exports_wait", why=in_one_line(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), LOOK_SECONDS)

    async def work(self) -> bool:
        """Do one job; False when there is none. Raises what Postgres raises."""
        async with self._engine.begin() as connection:
            job = await exports.claim(connection, uuid4())
        if job is None:
            return False
        holding = asyncio.create_task(self._hold(job))
        try:
            await self._make(job)
        except NotOurs:
            log.info("export_given_up", export=str(job["id"]))
        except Unwritten as error:
            await self._end(job, state="failed", reason=str(error), finished_at=func.now())
        except asyncio.CancelledError:
            await self._end(job, state="queued", claim=None)
            raise
        except (*AWAY, CallcenterError):
            raise
        except Exception as error:  # whatever is wrong with this job, the next ones shall be made
            log.exception("export_failed", export=str(job["id"]))
            await self._end(job, state="failed", reason=in_one_line(error), finished_at=func.now())
        finally:
            holding.cancel()
        return True

    async def sweep(self) -> None:
        """Delete files whose time is over or whose job is gone."""
        async with self._engine.begin() as connection:
            await exports.expire(connection)
            wanted = await exports.with_file(connection)
        for path in await asyncio.to_thread(lambda: list(self.folder.glob("*.*.*"))):
            if path.stem not in wanted:
                await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _make(self, job: dict[str, Any]) -> None:
        by = Listening(job["by"], job["why"], How.ZIP, job["address"])
        taken: list[Taken] = []
        patience = Patience()
        with _unwritten(), Archive(self.path(job), self.path(job, "part")) as archive:
            for start in range(0, job["total"], ROWS_AT_ONCE):
                ids = job["recordings"][start : start + ROWS_AT_ONCE]
                rows = await find_rows(self._engine, ids)
                for each in ids:
                    taken += (
                        [await take(archive, self._player, self.folder, rows[each], patience)] if each in rows else []
                    )
                    await self._keep(job, done=len(taken), bytes=archive.size)
            size = await asyncio.to_thread(archive.finish, clock.now(), _texts(job, taken, by))
        await self._conclude(job, taken, by, size)

    async def _conclude(self, job: dict[str, Any], taken: list[Taken], by: Listening, size: int) -> None:
        """The file can be had from the moment on that its playbacks are kept: one transaction."""
        heard = [
            (each.row["id"], Length(each.row["media_type"], each.row["seconds"] or 0.0, each.row["bytes"]))
            for each in taken
            if each.file
        ]
        over = {"state": "done", "done": len(taken), "bytes": size}
        try:
            async with self._engine.begin() as connection:
                times = {"finished_at": func.now(), "expires_at": func.now() + exports.KEPT}
                if not await exports.keep(connection, job, **over, **times):
                    raise NotOurs
                await add_whole(connection, by, heard)
        except BaseException:
            self.path(job).unlink(missing_ok=True)
            raise

    async def _keep(self, job: dict[str, Any], **values: Any) -> None:
        """Raises `NotOurs`."""
        async with self._engine.begin() as connection:
            if not await exports.keep(connection, job, **values):
                raise NotOurs

    async def _end(self, job: dict[str, Any], **values: Any) -> None:
        """Unless somebody else has it, or nobody can know: then its lease ends it."""
        with suppress(NotOurs, *AWAY):
            await self._keep(job, **values)

    async def _hold(self, job: dict[str, Any]) -> None:
        """A long recording must not cost us the job."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with suppress(NotOurs, *AWAY):
                await self._keep(job)


@contextmanager
def _unwritten() -> Iterator[None]:
    """Faults of our disk are the job's end; those of Postgres are not."""
    try:
        yield
    except OSError as error:
        if error.errno is None or isinstance(error, (ConnectionError, TimeoutError)):
            raise
        raise Unwritten(in_one_line(error)) from error


def _texts(job: dict[str, Any], taken: list[Taken], by: Listening) -> dict[str, bytes]:
    """What stands beside the audio. `asked` names those, too, of which nothing is known any more."""
    facts = manifest(taken, by, clock.now(), export=job["id"], filters=job["filters"], asked=job["recordings"])
    csv = spreadsheet.BOM.encode() + spreadsheet.lines(table(taken))
    return {"manifest.json": to_json(facts, orjson.OPT_INDENT_2), "manifest.csv": csv}
