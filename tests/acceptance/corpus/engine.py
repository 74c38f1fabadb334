"""Runs many stories at once, one in each lane, and judges them when all are over."""

import asyncio
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from tests.acceptance.corpus.judgement import Fact, Record, judge
from tests.acceptance.corpus.lanes import Lane, LanedHotline
from tests.acceptance.corpus.language import perform
from tests.acceptance.corpus.performance import Performance
from tests.acceptance.corpus.story import Expected, Story
from tests.acceptance.made import PENDING, is_concluded

STORY_SECONDS = 150
CONCLUDED_SECONDS = 40


@dataclass
class Told:
    """A story that was acted: how it went, and what each reader's records say of it."""

    story: Story
    performance: Performance
    failed: str = ""
    """Why it could not be acted to its end"""
    seconds: float = 0.0
    facts: dict[str, dict[str, list[Fact]]] = field(default_factory=dict)
    """Reader (`journal`, …) → caller → facts"""

    def of(self, role: str, reader: str) -> list[Fact]:
        return self.facts.get(reader, {}).get(role, [])

    def wrong(self, reader: str) -> list[str]:
        """What is not as expected, in words."""
        several = len(self.story.callers) > 1
        everything = ((role, fact) for role, facts in self.facts.get(reader, {}).items() for fact in facts)
        found = [f"{role}'s {fact}" if several else str(fact) for role, fact in everything if not fact.right]
        return [self.failed, *found] if self.failed else found


async def tell_all(hotline: LanedHotline, stories: Sequence[Story]) -> dict[str, Told]:
    """Act every story; the next free lane takes the next one."""
    waiting, told = list(stories), {}

    async def work(lane: Lane) -> None:
        while fitting := [story for story in waiting if story.lane in {None, lane.number}]:
            story = next((s for s in fitting if s.lane is not None), fitting[0])
            waiting.remove(story)
            told[story.name] = await _tell(hotline, lane, story)

    await asyncio.gather(*(work(lane) for lane in hotline.lanes))
    return told


async def tell_in_time(hotline: LanedHotline, stories: Sequence[Story]) -> dict[str, Told]:
    """Those of one instant together, one instant after the other; those that move the clock themselves alone."""
    told: dict[str, Told] = {}
    reader = Reader("journal", hotline.api)
    for wall in sorted({story.at for story in stories}):
        group = [story for story in stories if story.at == wall]
        movers = [story for story in group if "clock" in story.script]
        for part in filter(None, ([s for s in group if s not in movers], *([s] for s in movers))):
            await hotline.move(wall)
            told |= await tell_all(hotline, part)
            await reader.all_concluded()  # whose work is told by the disk's clock, which does not move
    return told


async def _tell(hotline: LanedHotline, lane: Lane, story: Story) -> Told:
    await hotline.mend(lane)
    told = Told(story, Performance(story, lane, hotline))
    try:
        async with asyncio.timeout(STORY_SECONDS):
            await lane.bank.reset()
            await hotline.staff(lane, story.queue, story.members)
            await perform(told.performance)
            await told.performance.quiet()
    except Exception as error:
        told.failed = f"not acted to its end: {error or traceback.format_exc(limit=3)}"
    with suppress(AssertionError):  # they have died; the next story gets new ones
        await lane.bank.reset()
    told.performance.over_at = time.time()
    told.seconds = told.performance.over_at - told.performance.began_at
    return told


class Reader:
    """Fetches records over one API: that of the hotline, or of another listener to the same Asterisk."""

    def __init__(self, name: str, api: httpx.AsyncClient, *, files: bool = True) -> None:
        """`files`: the recordings are within its reach."""
        self.name, self.api, self.files = name, api, files

    async def records(self, number: str, since: float, until: float) -> list[Record]:
        """Of one caller in a time, oldest first; whole, with recordings no longer expected."""
        deadline = time.monotonic() + CONCLUDED_SECONDS
        while True:
            asked = {"number": number} if number else {}  # who had no number can't be asked for by it
            listed = [r for r in await self._list(**asked) if number or not r["caller_number"]]
            found = [r for r in listed if since - 1 <= _unix(r) <= until]
            if found and not (self.files and not all(is_concluded(x) for r in found for x in r["recordings"])):
                break
            if time.monotonic() > deadline or not found:
                break
            await asyncio.sleep(0.2)
        details = [(await self.api.get(f"/v1/cdrs/{r['id']}")).json() for r in found]
        return sorted(details, key=_unix)

    async def all_concluded(self) -> None:
        """Wait until nothing is left to be done on any recording, at most so long: also of calls not stored yet."""
        deadline = time.monotonic() + CONCLUDED_SECONDS
        while time.monotonic() < deadline and any([await self._has_recording(state) for state in PENDING]):
            await asyncio.sleep(0.2)

    async def _has_recording(self, state: str) -> bool:
        answer = await self.api.get("/v1/recordings", params={"state": state, "limit": 1})
        return bool(answer.json()["items"])

    async def everything(self) -> list[Record]:
        return await self._list()

    async def _list(self, **asked: Any) -> list[Record]:
        items, cursor = [], None
        while True:
            given = {"limit": 500, **asked, **({"cursor": cursor} if cursor else {})}
            answer = await self.api.get("/v1/cdrs", params=given)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            items += page["items"]
            if not (cursor := page["next"]):
                return items


def _unix(record: Record) -> float:
    return datetime.fromisoformat(record["started_at"]).timestamp()


async def judge_all(reader: Reader, told: dict[str, Told]) -> None:
    for each in told.values():
        each.facts[reader.name] = await _judge(reader, each)


async def _judge(reader: Reader, told: Told) -> dict[str, list[Fact]]:
    p = told.performance
    span = (p.hotline.wall(p.began_at), p.hotline.wall(p.over_at))
    facts = {}
    for role, expected in told.story.callers.items():
        if role not in p.parties:
            continue
        records = [r for number in _numbers(p, role, expected) for r in await reader.records(number, *span)]
        try:
            facts[role] = judge(p, role, expected, records, files=reader.files)
        except AssertionError as error:
            facts[role] = [Fact("judged", "", str(error))]
    return facts


def _numbers(p: Performance, role: str, expected: Expected) -> set[str]:
    """Under which he may have been recorded."""
    own = p.parties[role].number
    further = _numbers(p, role, expected.or_else) if expected.or_else else set()
    return {own if expected.number is None else expected.number, *further}
