"""Each story that the calendar, the menu, the second line or the outside takes part in, at a shifted clock."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.corpus import run, table
from tests.acceptance.corpus.engine import tell_in_time
from tests.acceptance.corpus.lanes import LanedHotline
from tests.acceptance.corpus.run import Corpus
from tests.acceptance.corpus.stories import hours
from tests.acceptance.corpus.table import BY_AMI

pytestmark = pytest.mark.asyncio(loop_scope="module")

STORIES = {story.name: story for story in hours.STORIES}
LANES = 5
SETTINGS: dict[str, Any] = {
    "clock": "2025-12-30 09:05", "menu": True, "voicemail": True, "queue_timeout_seconds": 14, "ring_seconds": 4,
    "overflow_agents": ["2002"], "overflow_after_seconds": 4, "agents": 2, "outbound_prefixes": ["137"],
    "closing_grace_seconds": 10, "emergency_step_seconds": 5,
}  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def corpus(request: pytest.FixtureRequest) -> AsyncIterator[Corpus]:
    stories = run.chosen(request, STORIES)
    hotline = LanedHotline(LANES, **SETTINGS, cel_over_ami=request.config.getoption(BY_AMI))
    async with run.performed(request, hotline, lambda h: tell_in_time(h, stories)) as corpus:
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
