"""Each story of the open hotline, many at once: its record is what a person who watched would have written."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.corpus import run, table
from tests.acceptance.corpus.engine import Told, tell_all
from tests.acceptance.corpus.lanes import LanedHotline
from tests.acceptance.corpus.run import Corpus
from tests.acceptance.corpus.stories import arriving, emergency, holding, queueing, signalling, transfers
from tests.acceptance.corpus.table import BY_AMI

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARTS = (emergency, holding, queueing, transfers, arriving, signalling)
STORIES = {story.name: story for part in PARTS for story in part.STORIES}
LANES = 10
SETTINGS: dict[str, Any] = {"queue_timeout_seconds": 12, "ring_seconds": 4, "parking_seconds": 6}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def corpus(request: pytest.FixtureRequest) -> AsyncIterator[Corpus]:
    stories = run.chosen(request, STORIES)
    by_ami = request.config.getoption(BY_AMI)
    hotline = LanedHotline(min(LANES, len(stories)), **SETTINGS, cel_over_ami=by_ami)

    async def tell(opened: LanedHotline) -> dict[str, Told]:
        await opened.put_on_duty(emergency.CHAIN)
        return await tell_all(opened, stories)

    async with run.performed(request, hotline, tell) as corpus:
        yield corpus


@pytest.mark.parametrize("name", STORIES)
async def test_story(corpus: Corpus, name: str, record_property: Any) -> None:
    record_property(table.PROPERTY, table.row(corpus.told[name]))
    corpus.check(name)


async def test_no_channel_is_left(corpus: Corpus) -> None:
    assert corpus.left == []


async def test_nothing_but_the_stories_has_a_record(corpus: Corpus) -> None:
    await corpus.check_records()


async def test_ledger_is_the_tally_of_the_stories(corpus: Corpus) -> None:
    await corpus.check_ledger()


async def test_replay_finds_no_difference(corpus: Corpus) -> None:
    await corpus.check_replay()
