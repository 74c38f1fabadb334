"""The process that makes recordings: how it gives way, and for how long."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from tests.integration.test_recordings import write_leg

from callcenter.recordings.site_key import new_private, public_of
from callcenter.recordings.worker import OVERDUE_NICE, Job, Worker

PATIENCE = 100.0


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A second of both sides."""
    (tmp_path / "site.pem").write_text(new_private())
    (tmp_path / "public.pem").write_text(public_of(tmp_path / "site.pem"))
    (tmp_path / "sealed").mkdir()
    legs = {side: tmp_path / f"x-{side}.wav" for side in ("caller", "agent")}
    for path in legs.values():
        write_leg(path, 440, 1)
    names = {side: str(path) for side, path in legs.items()}
    return Job("", str(tmp_path / "sealed"), "opus", str(tmp_path / "public.pem"), **names)


@pytest_asyncio.fixture(loop_scope="session")
async def worker() -> AsyncIterator[Worker]:
    worker = Worker(PATIENCE)
    yield worker
    await worker.close()


async def done_by(worker: Worker, job: Job, waited: float) -> int:
    """The process that did it."""
    answer = await worker.do(replace(job, recording=str(uuid4())), waited)
    assert answer["seconds"] == pytest.approx(1, abs=0.01)
    assert worker.process is not None
    return worker.process


def gives_way(process: int) -> bool:
    return os.sched_getscheduler(process) == os.SCHED_IDLE


def niceness_of_session(process: int) -> int | None:
    """None where the kernel does not share the processor among sessions."""
    path = Path(f"/proc/{process}/autogroup")
    said = path.read_text().split() if path.exists() else []
    return int(said[2]) if len(said) == 3 else None


async def test_what_waited_too_long_waits_no_more(worker: Worker, job: Job) -> None:
    first = await done_by(worker, job, 1)
    assert gives_way(first)
    assert niceness_of_session(first) in {19, None}
    overdue = await done_by(worker, job, PATIENCE + 1)
    assert not gives_way(overdue)
    assert os.getpriority(os.PRIO_PROCESS, overdue) == os.getpriority(os.PRIO_PROCESS, 0) + OVERDUE_NICE
    assert niceness_of_session(overdue) in {OVERDUE_NICE, None}


async def test_to_and_fro_takes_more_than_a_job(worker: Worker, job: Job) -> None:
    overdue = await done_by(worker, job, PATIENCE + 1)
    assert await done_by(worker, job, 0.6 * PATIENCE) == overdue
    back = await done_by(worker, job, 0.4 * PATIENCE)
    assert gives_way(back)
    assert await done_by(worker, job, 0.9 * PATIENCE) == back


async def test_no_patience_at_all(job: Job) -> None:
    worker = Worker(0)
    assert not gives_way(await done_by(worker, job, 0.1))
    await worker.close()
