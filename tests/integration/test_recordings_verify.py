"""What `callcenter recordings verify` finds in a small real site; the heads of its chain that are kept elsewhere."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.conftest import eventually
from tests.integration.s3_server import S3Server
from tests.tampering.run import tamper
from tests.tampering.site import PBX, Small, build
from typer.testing import CliRunner, Result

from callcenter.alerts.keeper import AlertKeeper
from callcenter.catalogue.labels import LANGUAGES, labels
from callcenter.cli import app
from callcenter.publishing.tables import outbox
from callcenter.recordings.archiving import Archiver
from callcenter.recordings.chain import Head, Signer, is_signed, read_head
from callcenter.recordings.chain_repository import extend, head_of
from callcenter.recordings.container import SUFFIX
from callcenter.recordings.deviations import KINDS, Deviation, Unchecked
from callcenter.recordings.heads import PART, TOPIC, HeadKeeper
from callcenter.recordings.store import open_store
from callcenter.recordings.tables import recording_keys, recordings
from callcenter.recordings.verify_command import Asked
from callcenter.retention.expiring import Expirer
from callcenter.retention.model import GRACE_DAYS, Kind, Policy
from callcenter.retention.repository import set_policy
from callcenter.retention.tables import retention_policies
from callcenter.retention.verdicts import local_day

TAMPERINGS = 300
"""In the suite; `python -m tests.tampering` does ten thousand."""


@pytest_asyncio.fixture
async def site(engine: AsyncEngine, tmp_path: Path) -> Small:
    return await build(engine, tmp_path / "recordings", 10)


async def verified(site: Small, asked: Asked | None = None) -> list[Any]:
    async with site.engine.connect() as connection:
        return await site.found(connection, asked)


async def test_a_site_that_nobody_touched(site: Small) -> None:
    assert await verified(site) == []
    assert await verified(site, Asked(quick=True)) == []


async def test_random_tampering_is_found(engine: AsyncEngine, tmp_path: Path) -> None:
    score = await tamper(await build(engine, tmp_path / "recordings"), TAMPERINGS, seed=20261128)
    assert (score.done.total(), score.missed, score.left) == (TAMPERINGS, [], [])


async def test_quick_looks_at_sizes_alone(site: Small) -> None:
    changed, cut = sorted(site.root.rglob(f"*{SUFFIX}"))[:2]
    content = changed.read_bytes()
    changed.write_bytes(content[:-1] + bytes((content[-1] ^ 1,)))
    cut.write_bytes(cut.read_bytes()[:-1])
    assert sorted(each.kind for each in await verified(site)) == ["file_differs", "file_size"]
    assert [each.kind for each in await verified(site, Asked(quick=True))] == ["file_size"]


async def test_only_files_of_a_period(site: Small) -> None:
    for path in site.root.rglob(f"*{SUFFIX}"):
        path.write_bytes(b"")
    async with site.engine.connect() as connection:
        begun = (await connection.execute(select(recordings.c.started_at).order_by(recordings.c.started_at))).scalars()
        third, fifth = list(begun)[2:5:2]
    found = await verified(site, Asked(since=third, until=fifth))
    assert [each.kind for each in found] == ["file_size"] * 2


async def test_what_can_not_be_checked_is_not_in_order(site: Small, tmp_path: Path) -> None:
    shutil.move(site.root, tmp_path / "unmounted")
    site.verified = replace(site.verified, heads=[tmp_path / "absent.heads"])
    results = await verified(site)
    assert {each.part for each in results if isinstance(each, Unchecked)} == {"heads", "store"}
    assert not [each for each in results if isinstance(each, Deviation)]


async def test_an_answered_call_without_recording(site: Small) -> None:
    """The row and all that the chain says of it are gone: the call itself still tells."""
    async with site.engine.connect() as connection, connection.begin() as work:
        one = (
            (await connection.execute(select(recordings.c.id).where(recordings.c.state == "sealed"))).scalars().all()[0]
        )
        await connection.execute(text("ALTER TABLE recording_chain DISABLE TRIGGER append_only"))
        for table in (
            "recordings WHERE id",
            "recording_keys WHERE recording_id",
            "recording_peaks WHERE recording_id",
        ):
            await connection.execute(text(f"DELETE FROM {table} = :one"), {"one": one})  # noqa: S608
        await connection.execute(text("DELETE FROM recording_chain WHERE recording_id = :one"), {"one": one})
        kinds = {each.kind for each in await site.found(connection)}
        await work.rollback()
    assert {"no_recording", "gap", "file_foreign"} <= kinds


@pytest.mark.parametrize("state", ["verified", "absent"])
async def test_a_recording_that_was_kept_from_being_made(site: Small, state: str) -> None:
    """Its row was given a state for which the pipeline does nothing; the chain knows nothing of it."""
    async with site.engine.connect() as connection, connection.begin() as work:
        row = {"id": uuid4(), "call_id": uuid4(), "pbx": PBX, "name": "x", "started_at": datetime.now(UTC)}
        await connection.execute(insert(recordings).values(row | {"state": state}))
        found = [each for each in await site.found(connection) if isinstance(each, Deviation)]
        kinds = {each.kind for each in found if each.recording == str(row["id"])}
        await work.rollback()
    assert "no_entry" in kinds


async def test_in_a_bucket(site: Small, s3_server: S3Server) -> None:
    """What is archived there is read back and compared; what was put beside it is named."""
    store = open_store(s3_server.address(f"verify-{PBX}"))
    for path in site.root.glob(f"2*/**/*{SUFFIX}"):
        await _move(store, path, str(path.relative_to(site.root)))
    site.verified = replace(site.verified, store=store)
    assert await verified(site) == []
    keys = sorted([name async for name, _ in store.keys()])  # noqa: SIM118 - a store is no dict
    await store.delete(keys[0])
    site_file = next(site.sealed.glob(f"*{SUFFIX}"))
    await _move(store, site_file, keys[1])
    assert {each.kind for each in await verified(site)} == {"file_missing", "file_size"}


async def _move(store: Any, path: Path, key: str) -> None:
    content = path.read_bytes()
    await store.put(key, path, hashlib.sha256(content).hexdigest(), len(content))


async def test_a_stop_between_note_and_removal_leaves_nothing(site: Small) -> None:
    """The copy that such an archiver left is removed by the next one."""
    async with site.engine.connect() as connection:
        row = (await connection.execute(select(recordings).where(recordings.c.state == "archived").limit(1))).one()
    left = site.sealed / f"{row.id}.00000000{SUFFIX}"
    shutil.copy(site.root / row.path, left)
    assert [each.kind for each in await verified(site)] == ["file_foreign"]
    store, keeper = site.verified.store, AlertKeeper(site.engine, PBX)
    archiver = Archiver(site.engine, PBX, site.sealed, store, site.signer, keeper, lambda *_: None)
    await _run_until(archiver, lambda: not left.exists())


async def _run_until(part: Any, done: Callable[[], bool]) -> None:
    async def is_done() -> bool:
        return done()

    task = asyncio.create_task(part.run())
    try:
        await eventually(is_done)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class CommandLine:
    """The command as an administrator gives it, in a home of the site's."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        self.environment = {"CALLCENTER_HOME": str(home), "CALLCENTER_DATABASE_URL": url}

    async def __call__(self, *words: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, ["recordings", *words], env=self.environment)


@pytest.fixture
async def command(site: Small, tmp_path: Path, database_url: str) -> AsyncIterator[CommandLine]:
    folder = tmp_path / "var" / "secrets"
    folder.mkdir(parents=True)
    public = site.signer.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "recording-chain.pub.pem").write_bytes(public)
    shutil.copytree(tmp_path / "heads", tmp_path / "var" / "heads")
    yield CommandLine(tmp_path, database_url)


async def test_the_command_finds_all_in_order(command: CommandLine) -> None:
    answer = await command("verify")
    assert (answer.exit_code, answer.output.splitlines()[-1]) == (0, "全部相符"), answer.output
    assert "录音 10 · 文件 9" in answer.output


async def test_the_command_says_what_was_changed(command: CommandLine, site: Small) -> None:
    path = sorted(site.root.glob(f"2*/**/*{SUFFIX}"))[0]
    path.unlink()
    answer = await command("verify")
    assert answer.exit_code == 1
    assert "录音文件缺失 · hotline · 条目 " in answer.output
    assert "处理: 从备份恢复该文件" in answer.output
    english = await command("verify", "--lang", "en", "--json")
    found, figures = (orjson.loads(line) for line in english.output.splitlines())
    assert (found["kind"], found["recording"], found["do"]) == (
        "file_missing",
        path.stem,
        "Restore the file from a backup",
    )
    assert (figures["deviations"], figures["files"], english.exit_code) == (1, 8, 1)


async def test_the_command_says_what_it_could_not_check(command: CommandLine, tmp_path: Path) -> None:
    answer = await command("verify", "--heads", str(tmp_path / "absent"))
    assert answer.exit_code == 2
    assert "不能视为完好" in answer.output
    command.environment["CALLCENTER_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    assert (await command("verify")).exit_code == 2


async def test_a_head_that_was_printed_proves(command: CommandLine, site: Small, tmp_path: Path) -> None:
    printed = await command("head")
    (tmp_path / "mine").write_text(printed.output)
    assert is_signed(site.signer.public, read_head(printed.output))
    assert (await command("verify", "--heads", str(tmp_path / "mine"))).exit_code == 0
    async with site.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE recording_chain DISABLE TRIGGER append_only"))
        await connection.execute(text("DELETE FROM recording_chain WHERE seq = (SELECT max(seq) FROM recording_chain)"))
    answer = await command("verify", "--heads", str(tmp_path / "mine"), "--json")
    assert "head_removed" in {orjson.loads(line).get("kind") for line in answer.output.splitlines()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_its_words(language: str) -> None:
    texts = labels(language).section("recordings_verify")
    assert {name for kind in KINDS for name in (kind, f"{kind}_do")} <= texts.keys()


class Keeping:
    """A keeper of heads beside the chain that it keeps."""

    def __init__(self, engine: AsyncEngine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.signer = Signer(Ed25519PrivateKey.generate())
        self.health: dict[str, tuple[bool, str]] = {}
        self.keeper = self.again(0.02)

    def again(self, interval: float) -> HeadKeeper:
        return HeadKeeper(self.engine, PBX, self.folder, lambda p, ok, d: self.health.update({p: (ok, d)}), interval)

    async def extended(self) -> Head:
        async with self.engine.begin() as connection:
            head = await extend(connection, PBX, self.signer, [{"kind": "test"}])
        assert head is not None
        return head

    @property
    def kept(self) -> list[Head]:
        path = self.folder / f"{PBX}.heads"
        return [read_head(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def keeping(engine: AsyncEngine, tmp_path: Path) -> Keeping:
    return Keeping(engine, tmp_path / "elsewhere")


async def test_heads_are_kept_and_announced(keeping: Keeping) -> None:
    head = await keeping.extended()
    keeping.keeper.see(head)
    await _run_until(keeping.keeper, lambda: keeping.kept == [head])
    async with keeping.engine.connect() as connection:
        query = select(outbox.c.payload, outbox.c.retain).where(outbox.c.topic == f"callcenter/{PBX}/{TOPIC}")
        said = (await connection.execute(query)).all()
    assert [(row.payload["seq"], row.payload["hash"], row.retain) for row in said] == [(1, head.hash, True)]


async def test_one_a_while_and_always_the_last(keeping: Keeping) -> None:
    first = await keeping.extended()
    keeper = keeping.again(3600)
    keeper.see(first)

    def first_is_kept() -> bool:
        if keeping.kept != [first]:
            return False
        for seq in (3, 2):  # two that extend it may tell in another order
            keeper.see(Head(PBX, seq, "00", "00"))
        return True

    await _run_until(keeper, first_is_kept)
    assert [head.seq for head in keeping.kept] == [1, 3]


async def test_a_start_keeps_what_the_last_run_did_not(keeping: Keeping) -> None:
    head = await keeping.extended()
    await _run_until(keeping.keeper, lambda: keeping.kept == [head])
    async with keeping.engine.connect() as connection:
        assert await head_of(connection, PBX) == head


async def test_a_folder_that_can_not_be_written_is_said_and_tried_again(keeping: Keeping) -> None:
    keeping.folder.write_bytes(b"no folder")
    head = await keeping.extended()

    def refused() -> bool:
        if keeping.health.get(PART, (True, ""))[0]:
            return False
        keeping.folder.unlink()
        return True

    await _run_until(keeping.keeper, refused)
    assert keeping.kept == [head]


async def test_what_expired_and_was_destroyed_is_in_order(site: Small, engine: AsyncEngine) -> None:
    """By policy, with a protocol; but a file that came back, or a key, is found."""
    async with engine.begin() as connection:
        await set_policy(connection, Policy(Kind.HOTLINE, 1), "letter", "test")
        await connection.execute(update(retention_policies).values(at=datetime(2020, 1, 1, tzinfo=UTC)))
        began = (await connection.execute(select(func.min(recordings.c.started_at)))).scalar_one()
        archived = (await connection.execute(select(recordings).where(recordings.c.state == "archived").limit(1))).one()
        store_file = site.root / archived.path
        its_key = select(recording_keys).where(recording_keys.c.recording_id == archived.id)
        key = (await connection.execute(its_key)).one()
    copy = store_file.read_bytes()
    expirer = Expirer(engine, PBX, site.sealed, site.verified.store, site.signer, lambda _: None)
    expired = await expirer.carry_out(local_day(began) + timedelta(days=400))
    assert expired["expire"] > 3
    assert await verified(site) == []
    gone_on = datetime.now(UTC).date() + timedelta(days=GRACE_DAYS + 1)
    assert (await expirer.carry_out(gone_on))["destroy"] == expired["expire"]
    assert await verified(site) == []
    store_file.write_bytes(copy)
    async with engine.begin() as connection:
        await connection.execute(insert(recording_keys).values(key._mapping))
    kinds = {each.kind for each in await verified(site)}
    assert "key_kept" in kinds
    assert len(kinds) == 2
