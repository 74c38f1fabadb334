"""Terms carried out on real sealed files: expired, heard still; destroyed, and every copy is noise. Holds stop it."""

import asyncio
import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.api.conftest import call_row, seal_audio
from tests.integration.conftest import eventually

from callcenter.calls.repository import find_recording
from callcenter.calls.tables import calls
from callcenter.errors import InvalidInput, NotFound, RecordingMissing, StoreRefused
from callcenter.local import recording_keys as keys
from callcenter.recordings.chain import Signer
from callcenter.recordings.playback import Player
from callcenter.recordings.site_key import PrivateHalves
from callcenter.recordings.store import StoreAddress, open_store
from callcenter.recordings.store_interface import store_key
from callcenter.recordings.tables import (
    recording_chain,
    recording_exports,
    recording_keys,
    recording_peaks,
    recordings,
)
from callcenter.retention import repository
from callcenter.retention.dry_run import DryRun, page, summary
from callcenter.retention.expiring import Expirer
from callcenter.retention.hold_repository import HoldSearch, NewHold, hold, hold_complaints, list_holds, release
from callcenter.retention.kept import HELD, ITS_CALL, OF_KIND
from callcenter.retention.model import GRACE_DAYS, NOTICE_DAYS, Kind, Policy, Why, kind_of
from callcenter.retention.tables import expiry_protocols, retention_policies
from callcenter.retention.verdicts import Judged, judged, local_day
from callcenter.settings import Settings

BEGAN = datetime(2025, 1, 15, 2, 0, tzinfo=UTC)
DUE = date(2025, 1, 15) + timedelta(days=366)
AUDIO = b"what was said " * 10_000


@dataclass
class Archive:
    """A site with recordings in its store."""

    engine: AsyncEngine
    settings: Settings
    expirer: Expirer

    async def add(self, *, held: bool = False, began: datetime = BEGAN, call: bool = True, **facts: Any) -> UUID:
        """An archived recording of a call of those facts."""
        recording, record = uuid4(), call_row(started_at=began - timedelta(seconds=2), **facts)
        row = seal_audio(self.settings, recording, AUDIO)
        key = {"recording_id": recording, "site_key": row.pop("site_key"), "wrapped": row.pop("wrapped")}
        path = self.settings.recordings_dir / store_key(recording, began)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(self.settings.sealed_dir / row["path"], path)
        row |= {"call_id": record["id"], "pbx": "hotline", "name": "x", "started_at": began, "state": "archived"}
        row |= {"path": store_key(recording, began), "heard": {"left": {"digits": ["1"]}}}
        async with self.engine.begin() as connection:
            if call:
                await connection.execute(insert(calls).values(record))
            await connection.execute(insert(recordings).values(row))
            await connection.execute(insert(recording_keys).values(key))
            await connection.execute(insert(recording_peaks).values(recording_id=recording, peaks=b"1234"))
            if held:
                await hold(connection, recording, NewHold(Why.COMPLAINT, "no. 7"), "test")
        return recording

    async def policy(self, kind: Kind = Kind.HOTLINE, days: int = 365) -> None:
        async with self.engine.begin() as connection:
            await repository.set_policy(connection, Policy(kind, days), "letter of 2024-12-01", "test")
            await connection.execute(update(retention_policies).values(at=BEGAN))

    async def state(self, recording: UUID) -> str:
        return str((await self.row(recording)).state)

    async def row(self, recording: UUID) -> Any:
        async with self.engine.connect() as connection:
            return (await connection.execute(select(recordings).where(recordings.c.id == recording))).one()

    def file(self, recording: UUID, began: datetime = BEGAN) -> Path:
        return self.settings.recordings_dir / store_key(recording, began)

    async def heard(self, recording: UUID) -> bytes:
        player = Player(
            self.settings.sealed_dir, open_store(StoreAddress(str(self.settings.recordings_dir))),
            PrivateHalves(self.settings.private_keys_dir),
        )  # fmt: skip
        row = await self.row(recording)
        audio = player.open(await find_recording(self.engine, row.call_id, recording))
        return b"".join([piece async for piece in audio.read(0, audio.size)])


@pytest.fixture
def archive(engine: AsyncEngine, tmp_path: Path) -> Archive:
    settings = Settings(home=tmp_path, pbx="hotline")
    keys.ensure(settings)
    settings.recordings_dir.mkdir()
    store = open_store(StoreAddress(str(settings.recordings_dir)))
    signer = Signer(Ed25519PrivateKey.generate())
    return Archive(engine, settings, Expirer(engine, "hotline", settings.sealed_dir, store, signer))


async def test_without_a_policy_nothing_goes(archive: Archive) -> None:
    recording = await archive.add()
    assert await archive.expirer.carry_out(DUE + timedelta(days=9999)) == {"files": 0}
    assert await archive.state(recording) == "archived"


async def test_to_its_end(archive: Archive) -> None:
    """Archived until the last day, then expired and still heard, then destroyed: key, waveform, file."""
    await archive.policy()
    recording = await archive.add()
    await archive.expirer.carry_out(DUE - timedelta(days=1))
    assert await archive.state(recording) == "archived"
    await archive.expirer.carry_out(DUE)
    assert await archive.state(recording) == "expired"
    assert await archive.heard(recording) == AUDIO
    copy = archive.file(recording).read_bytes()
    gone_on = datetime.now(UTC).date() + timedelta(days=GRACE_DAYS + 1)
    counts = await archive.expirer.carry_out(gone_on)
    assert counts == {"destroy": 1, "files": 1}
    row = await archive.row(recording)
    assert (row.state, row.path, row.heard) == ("destroyed", None, None)
    assert not archive.file(recording).exists()
    archive.file(recording).write_bytes(copy)  # somebody's backup
    with pytest.raises(RecordingMissing):
        await archive.heard(recording)
    async with archive.engine.connect() as connection:
        for table in (recording_keys, recording_peaks):
            assert (await connection.execute(select(func.count()).select_from(table))).scalar() == 0


async def test_protocol_and_chain_tell_of_it(archive: Archive) -> None:
    await archive.policy()
    several = [await archive.add() for _ in range(3)]
    other = await archive.add(began=BEGAN - timedelta(days=1))
    await archive.expirer.carry_out(DUE)
    async with archive.engine.connect() as connection:
        protocols = await repository.list_protocols(connection, 10)
        told = await connection.execute(select(recording_chain.c.entry).order_by(recording_chain.c.seq))
        entries = [orjson.loads(entry) for entry in told.scalars()]
    assert [(each["day"], each["action"], each["recordings"]) for each in reversed(protocols)] == [
        (date(2025, 1, 14), "expire", 1), (date(2025, 1, 15), "expire", 3)
    ]  # fmt: skip
    assert {e["recording"] for e in entries} == {str(each) for each in [*several, other]}
    assert {e["kind"] for e in entries} == {"expired"}
    assert protocols[0]["last_seq"] == 4
    row = await archive.row(other)
    assert (row.life[-1]["state"], row.life[-1]["cause"]) == ("expired", entries[0]["reason"])


async def test_a_hold_stops_it(archive: Archive) -> None:
    await archive.policy()
    held, free = await archive.add(held=True), await archive.add()
    await archive.expirer.carry_out(DUE)
    assert (await archive.state(held), await archive.state(free)) == ("archived", "expired")
    async with archive.engine.begin() as connection:
        number = await hold(connection, free, NewHold(Why.DISCLOSURE, "asked for by the court"), "test")
    gone_on = datetime.now(UTC).date() + timedelta(days=GRACE_DAYS + 1)
    await archive.expirer.carry_out(gone_on)
    assert (await archive.state(held), await archive.state(free)) == ("archived", "expired")
    async with archive.engine.begin() as connection:
        await release(connection, number, "test", "the court has it")
    await archive.expirer.carry_out(gone_on)
    assert await archive.state(free) == "destroyed"
    with pytest.raises(InvalidInput, match="destroyed"):
        async with archive.engine.begin() as connection:
            await hold(connection, free, NewHold(Why.OTHER, "late"), "test")


async def test_kinds_have_their_own_terms(archive: Archive) -> None:
    await archive.policy(Kind.HOTLINE)
    await archive.policy(Kind.COMPLAINT, 1095)
    plain, complaint = await archive.add(), await archive.add(marks=["complaint"])
    emergency, lost = await archive.add(line="emergency"), await archive.add(call=False)
    await archive.expirer.carry_out(DUE)
    states = [await archive.state(each) for each in (plain, complaint, emergency, lost)]
    assert states == ["expired", "archived", "archived", "archived"]


async def test_a_policy_is_ended(archive: Archive) -> None:
    await archive.policy()
    recording = await archive.add()
    async with archive.engine.begin() as connection:
        await repository.end_policy(connection, Kind.HOTLINE, "test", "a mistake")
    await archive.expirer.carry_out(DUE)
    assert await archive.state(recording) == "archived"
    with pytest.raises(NotFound):
        async with archive.engine.begin() as connection:
            await repository.end_policy(connection, Kind.HOTLINE, "test", "a mistake")


async def test_a_file_that_can_not_be_removed_yet(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Destroyed all the same: its key is gone. The file goes with the next run."""
    await archive.policy()
    recording = await archive.add()
    await archive.expirer.carry_out(DUE)
    store = archive.expirer._store

    async def away(key: str) -> None:
        raise OSError("the store is away")

    monkeypatch.setattr(store, "delete", away)
    gone_on = datetime.now(UTC).date() + timedelta(days=GRACE_DAYS + 1)
    with pytest.raises(OSError, match="away"):
        await archive.expirer.carry_out(gone_on)
    assert await archive.state(recording) == "destroyed"
    assert archive.file(recording).exists()
    monkeypatch.undo()
    assert await archive.expirer.carry_out(gone_on) == {"files": 1}
    assert not archive.file(recording).exists()


async def test_a_file_that_is_refused_holds_up_no_other(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    await archive.policy()
    kept, other = await archive.add(), await archive.add()
    await archive.expirer.carry_out(DUE)
    store = archive.expirer._store
    remove = store.delete

    async def refusing(key: str) -> None:
        if str(kept) in key:
            raise StoreRefused(part="local", why="a link", mend="")
        await remove(key)

    monkeypatch.setattr(store, "delete", refusing)
    done = await archive.expirer.carry_out(GONE_ON)
    assert (done["destroy"], done["files"], done["files_left"]) == (2, 1, 1)
    assert (archive.file(kept).exists(), archive.file(other).exists()) == (True, False)
    monkeypatch.undo()
    assert await archive.expirer.carry_out(GONE_ON) == {"files": 1}


async def test_exports_end_with_what_is_in_them(archive: Archive) -> None:
    """A ZIP holds it in clear. One that is being made is made anew, others stay."""
    await archive.policy()
    recording = await archive.add()
    await archive.expirer.carry_out(DUE)
    jobs = {"done": [recording], "running": [uuid4(), recording], "other": [uuid4()]}
    row = {"by": "k", "why": "", "address": "", "filters": {}, "total": 1, "claim": uuid4()}
    async with archive.engine.begin() as connection:
        for name, ids in jobs.items():
            state = "running" if name == "running" else "done"
            given = {"id": uuid5(NAMESPACE_OID, name), "recordings": ids, "state": state}
            await connection.execute(insert(recording_exports).values(row | given))
    await archive.expirer.carry_out(GONE_ON)
    async with archive.engine.connect() as connection:
        x = recording_exports.c
        states = {job.id: (job.state, job.claim) for job in await connection.execute(select(x.id, x.state, x.claim))}
    assert [states[uuid5(NAMESPACE_OID, name)] for name in jobs] == [
        ("expired", row["claim"]), ("queued", None), ("done", row["claim"])
    ]  # fmt: skip


async def test_protocols_are_append_only(archive: Archive) -> None:
    await archive.policy()
    await archive.add()
    await archive.expirer.carry_out(DUE)
    with pytest.raises(Exception, match="append-only"):
        async with archive.engine.begin() as connection:
            await connection.execute(expiry_protocols.delete())


GONE_ON = datetime.now(UTC).date() + timedelta(days=GRACE_DAYS + 1)


async def test_a_new_term_waits_for_its_day(archive: Archive) -> None:
    """Set today, it does nothing before the dry run could be seen for a day; the one it replaces does nothing more."""
    await archive.policy(days=300)
    recording, today = await archive.add(), local_day(datetime.now(UTC))
    async with archive.engine.begin() as connection:
        row = await repository.set_policy(connection, Policy(Kind.HOTLINE, 200), "letter 2", "test")
    assert row["acts_on"] == today + timedelta(days=NOTICE_DAYS)
    assert await archive.expirer.carry_out(row["acts_on"] - timedelta(days=1)) == {"files": 0}
    async with archive.engine.connect() as connection:
        (before,) = await summary(connection, DryRun(row["acts_on"] - timedelta(days=1)))
        (then,) = await summary(connection, DryRun(row["acts_on"]))
    assert (before.action, before.reason, then.action, then.recordings) == ("keep", "new_policy", "expire", 1)
    assert (await archive.expirer.carry_out(row["acts_on"]))["expire"] == 1
    assert await archive.state(recording) == "expired"


@pytest.mark.parametrize("comes", ["hold", "mark", "end"])
async def test_what_comes_between_judging_and_destroying(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, comes: str
) -> None:
    """Judged as due; before its transaction a hold is placed, the call is marked, or the term is ended: it stays."""
    await archive.policy()
    recording, other = await archive.add(), await archive.add(line="emergency")
    await archive.policy(Kind.EMERGENCY)
    await archive.expirer.carry_out(DUE)
    carry = archive.expirer._do

    async def late(day: date, action: str, part: list[Judged], today: date) -> int:
        async with archive.engine.begin() as connection:
            if comes == "hold":
                await hold(connection, recording, NewHold(Why.DISCLOSURE, "the court"), "test")
            elif comes == "mark":
                await connection.execute(update(calls).where(calls.c.line == "hotline").values(marks=["complaint"]))
            else:
                await repository.end_policy(connection, Kind.HOTLINE, "test", "a mistake")
        monkeypatch.undo()
        return await carry(day, action, part, today)

    monkeypatch.setattr(archive.expirer, "_do", late)
    assert (await archive.expirer.carry_out(GONE_ON))["destroy"] == 1
    assert (await archive.state(recording), await archive.state(other)) == ("expired", "destroyed")
    assert await archive.heard(recording) == AUDIO


async def test_a_hold_waits_for_the_destruction_under_way(archive: Archive) -> None:
    """Who destroys has the row: the hold is placed after it, and told that it comes too late."""
    recording = await archive.add()

    async def place() -> int:
        async with archive.engine.begin() as connection:
            return await hold(connection, recording, NewHold(Why.OTHER, "late"), "test")

    async with archive.engine.begin() as connection:
        await connection.execute(update(recordings).where(recordings.c.id == recording).values(state="destroyed"))
        placing = asyncio.create_task(place())
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        await eventually(lambda: _count(archive.engine, waiting))
        assert not placing.done()
    with pytest.raises(InvalidInput, match="destroyed"):
        await placing


async def _count(engine: AsyncEngine, query: str) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text(query))).scalar_one())


async def test_a_complaint_is_held_by_itself_once(archive: Archive) -> None:
    await archive.policy(Kind.COMPLAINT)
    recording, plain = await archive.add(marks=["complaint", "overflow"]), await archive.add()
    await archive.expirer.carry_out(DUE)
    assert (await archive.state(recording), await archive.state(plain)) == ("archived", "archived")
    async with archive.engine.begin() as connection:
        (placed,) = await list_holds(connection, HoldSearch(standing=True))
        assert (placed["recording_id"], placed["why"], placed["by"]) == (recording, "complaint", "mark complaint")
        await release(connection, placed["id"], "test", "closed")
        assert await hold_complaints(connection) == 0
    await archive.expirer.carry_out(DUE)
    assert await archive.state(recording) == "expired"


FACTS = [
    (direction, line, marks)
    for direction in ("inbound", "outbound", "internal")
    for line in (None, "hotline", "emergency")
    for marks in ([], ["complaint"], ["overflow", "complaint"], ["voicemail"])
]


async def test_each_call_has_the_kind_of_the_rule_in_the_database_too(archive: Archive) -> None:
    async with archive.engine.begin() as connection:
        rows = [call_row(direction=d, line=line, marks=marks, started_at=BEGAN) for d, line, marks in FACTS]
        await connection.execute(insert(calls), rows)
        columns = [condition.label(kind.value) for kind, condition in OF_KIND.items()]
        found = (await connection.execute(select(calls.c.direction, calls.c.line, calls.c.marks, *columns))).all()
    assert len(found) == len(FACTS)
    for direction, line, marks, *kinds in found:
        assert [kind for kind, is_it in zip(OF_KIND, kinds, strict=True) if is_it] == [kind_of(direction, line, marks)]


ONE_BY_ONE = (
    select(recordings, calls.c.direction, calls.c.line, calls.c.marks, HELD)
    .outerjoin_from(recordings, calls, ITS_CALL)
    .where(recordings.c.state.in_(["archived", "expired"]))
)


async def test_counted_as_judged_one_by_one(archive: Archive) -> None:
    """The summary, the list and the rule agree, for recordings of every kind, age and state."""
    for kind, days in ((Kind.HOTLINE, 365), (Kind.EMERGENCY, 30), (Kind.COMPLAINT, 400)):
        await archive.policy(kind, days)
    for age in (0, 29, 30, 31, 364, 365, 366, 367, 399, 401, 402, 420):
        for direction, line, marks in FACTS[::3]:
            began = BEGAN - timedelta(days=age)
            await archive.add(began=began, direction=direction, line=line, marks=marks, held=age == 401)
        await archive.add(began=BEGAN - timedelta(days=age), call=False)
    await archive.expirer.carry_out(date(2025, 1, 16))
    for today in (date(2025, 1, 16), date(2025, 2, 20), GONE_ON):
        async with archive.engine.connect() as connection:
            policies = await repository.read_policies(connection)
            rows = (await connection.execute(ONE_BY_ONE)).all()
            by_rule = {each.row.id: each for each in judged(rows, policies, today)}
            lines = await summary(connection, DryRun(today), by_day=True)
            listed, end = await page(connection, DryRun(today), None, 1000)
        goes = {key: each.verdict.action for key, each in by_rule.items() if each.verdict.action != "keep"}
        assert {each.row.id: each.verdict.action for each in listed} == goes
        assert end is None
        kinds = Counter((e.kind, e.verdict.action, e.day) for e in by_rule.values() if e.verdict.action != "keep")
        assert {(line.kind, line.action, line.day): line.recordings for line in lines if line.action != "keep"} == kinds
        assert sum(line.recordings for line in lines) == len(rows)
        assert sum(line.bytes for line in lines) == sum(row.bytes for row in rows)
        held = [line.recordings for line in lines if line.reason == "held"]
        assert sum(held) == sum(each.verdict.reason == "held" for each in by_rule.values())
