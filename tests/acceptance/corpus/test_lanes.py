"""Each story of the open hotline, many at once: its record is what a person who watched would have written."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.corpus import table
from tests.acceptance.corpus.engine import Reader, Told, judge_all, tell_all
from tests.acceptance.corpus.lanes import LanedHotline
from tests.acceptance.corpus.stories import arriving, emergency, holding, queueing, signalling, transfers

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARTS = (emergency, holding, queueing, transfers, arriving, signalling)
STORIES = {story.name: story for part in PARTS for story in part.STORIES}
LANES = 10
SETTINGS: dict[str, Any] = {"queue_timeout_seconds": 12, "ring_seconds": 4, "parking_seconds": 6}


@dataclass
class Corpus:
    hotline: LanedHotline
    told: dict[str, Told]
    left: list[str]
    """Channels after everybody had hung up"""


async def prepare(hotline: LanedHotline) -> None:
    await hotline.put_on_duty(emergency.CHAIN)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def corpus(request: pytest.FixtureRequest) -> AsyncIterator[Corpus]:
    chosen = [i.callspec.params["name"] for i in request.session.items if i.module is request.module and hasattr(i, "callspec")]
    stories = [STORIES[name] for name in dict.fromkeys(chosen)] or list(STORIES.values())
    async with LanedHotline(min(LANES, len(stories)), **SETTINGS).opened() as hotline:
        await prepare(hotline)
        told = await tell_all(hotline, stories)
        await asyncio.sleep(1)
        left = await hotline.channels()
        await judge_all(Reader("journal", hotline.api), told)
        yield Corpus(hotline, told, left)


@pytest.mark.parametrize("name", STORIES)
async def test_story(corpus: Corpus, name: str, record_property: Any) -> None:
    told = corpus.told[name]
    record_property(table.PROPERTY, table.row(told))
    assert told.wrong("journal") == []


async def test_no_channel_is_left(corpus: Corpus) -> None:
    assert corpus.left == []


async def test_nothing_but_the_stories_has_a_record(corpus: Corpus) -> None:
    """No ghost: neither a "missed" call of a phone that also rang nor a part of a call by itself."""
    expected: Counter[str] = Counter()
    for told in corpus.told.values():
        numbers = {told.performance.parties[role].number: part.records for role, part in told.story.callers.items()}
        expected["inbound"] += sum(numbers.values())
        expected["internal"] += told.story.internal
        expected["outbound"] += told.story.outbound
    found = Counter(record["direction"] for record in await Reader("journal", corpus.hotline.api).everything())
    assert found == +expected


async def test_replay_finds_no_difference(corpus: Corpus) -> None:
    code, said = await corpus.hotline.command("replay", "--dry-run")
    assert code == 0, said
    assert "0 would be changed, 0 would be added" in said, said
