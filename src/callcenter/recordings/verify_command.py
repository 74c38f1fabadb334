"""What `callcenter recordings verify` and `callcenter recordings head` do and print."""

import sys
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.catalogue.labels import Labels, labels
from callcenter.http.encoding import to_json
from callcenter.recordings.chain_repository import head_of
from callcenter.recordings.deviations import Deviation, Figures, Result, Unchecked
from callcenter.recordings.store_interface import Store
from callcenter.recordings.tables import recording_chain
from callcenter.recordings.verifying import check_record
from callcenter.recordings.verifying_calls import check_calls
from callcenter.recordings.verifying_files import Connect, Files
from callcenter.recordings.verifying_strangers import Strangers
from callcenter.storage.reading import reading

SHOWN = 200
"""Of a kind, for people; programs get all."""
FINE, DEVIATIONS, NOT_CHECKED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Site:
    """What is verified, by which public key, against which kept heads."""

    public: Ed25519PublicKey
    heads: Sequence[Path]
    sealed: Path
    store: Store


@dataclass(frozen=True, slots=True)
class Asked:
    """`quick`: sizes of files instead of their bytes, and each chain's last signature alone."""

    quick: bool = False
    since: datetime | None = None
    until: datetime | None = None


async def check_all(connect: Connect, site: Site, asked: Asked, figures: Figures) -> AsyncGenerator[Result, None]:
    """Everything there is to find, as it is found. `connect` gives a transaction that sees one instant."""
    async with connect() as connection:
        async for result in check_record(connection, site.public, site.heads, figures, every=not asked.quick):
            yield result
        async for found in check_calls(connection):
            yield found
    whole = not asked.quick
    files = Files(connect, site.sealed, site.store, figures, whole, asked.since, asked.until)
    async for result in files.check():
        yield result
    async for result in Strangers(connect, site.sealed, site.store, asked.since, asked.until).check():
        yield result


async def print_verification(engine: AsyncEngine, site: Site, asked: Asked, *, as_json: bool, language: str) -> int:
    """Print what is found and the figures; the exit code. Raises `PartUnavailable` without database."""

    @asynccontextmanager
    async def connect() -> AsyncIterator[AsyncConnection]:
        async with reading(engine, snapshot=True) as connection:
            yield connection

    figures, printer, began = Figures(), Printer(labels(language), as_json=as_json), perf_counter()
    async for result in check_all(connect, site, asked, figures):
        printer.say(result)
    printer.end(figures, perf_counter() - began)
    return printer.code


class Printer:
    """Says each result as it comes and counts them."""

    def __init__(self, texts: Labels, *, as_json: bool) -> None:
        self._texts, self._as_json = texts, as_json
        self._deviations: Counter[str] = Counter()
        self._unchecked = 0

    @property
    def code(self) -> int:
        if self._deviations:
            return DEVIATIONS
        return NOT_CHECKED if self._unchecked else FINE

    def say(self, result: Result) -> None:
        if isinstance(result, Unchecked):
            self._unchecked += 1
        else:
            self._deviations[result.kind] += 1
        if self._as_json:
            todo = {"do": self._of(f"{result.kind}_do")} if isinstance(result, Deviation) else {}
            print(to_json({**result.as_json(), **todo}).decode())
        elif isinstance(result, Unchecked):
            print(f"{self._of('unchecked')} · {self._of(result.part)}: {result.why}")
        elif self._deviations[result.kind] <= SHOWN:
            self._print(result)

    def _print(self, found: Deviation) -> None:
        entry = f"{self._of('entry')} {found.seq}" if found.seq is not None else ""
        recording = f"{self._of('recording')} {found.recording}" if found.recording else ""
        print(" · ".join(filter(None, [self._of(found.kind), found.pbx, entry, recording])))
        print(f"    {self._of('expected')}: {found.expected}\n    {self._of('found')}: {found.found}")
        print(f"    {self._of('do')}: {self._of(f'{found.kind}_do')}")

    def end(self, figures: Figures, seconds: float) -> None:
        """The figures, and what they come to."""
        total = sum(self._deviations.values())
        if self._as_json:
            facts = {name: getattr(figures, name) for name in ("entries", "recordings", "files", "bytes")}
            facts |= {"seconds": round(seconds, 3), "megabytes_a_second": round(figures.megabytes_a_second, 1)}
            print(to_json({"deviations": total, "unchecked": self._unchecked, **facts}).decode())
            return
        for kind, number in self._deviations.items():
            if number > SHOWN:
                print(f"{self._of(kind)}: {self._of('more').format(number=number - SHOWN)}")
        print(self._of("figures").format(
            entries=figures.entries, recordings=figures.recordings, files=figures.files, bytes=figures.bytes,
            seconds=seconds, rate=figures.megabytes_a_second,
        ))  # fmt: skip
        verdict = ("fine", "deviations", "incomplete")[self.code]
        print(self._of(verdict).format(number=total, unchecked=self._unchecked))

    def _of(self, key: str) -> str:
        return self._texts(f"recordings_verify.{key}")


async def print_heads(engine: AsyncEngine) -> None:
    """Each chain's head, a line each, as `--heads` reads them. Raises `PartUnavailable`."""
    async with reading(engine, snapshot=True) as connection:
        pbxs = select(recording_chain.c.pbx).distinct().order_by(recording_chain.c.pbx)
        for pbx in (await connection.execute(pbxs)).scalars().all():
            head = await head_of(connection, pbx)
            if head is not None:
                sys.stdout.write(f"{head.as_line()}\n")
