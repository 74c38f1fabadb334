"""What the test files of the corpus share: choosing stories, and what must hold after all of them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from tests.acceptance.corpus import ledger
from tests.acceptance.corpus.capture import capture
from tests.acceptance.corpus.engine import Reader, Told, judge_all
from tests.acceptance.corpus.lanes import LanedHotline
from tests.acceptance.corpus.story import Story
from tests.acceptance.corpus.table import BY_AMI
from tests.acceptance.observer import AmiObserver


@dataclass
class Corpus:
    """A hotline after its stories."""

    hotline: LanedHotline
    told: dict[str, Told]
    left: list[str]
    """Channels after everybody had hung up"""
    readers: list[Reader]

    def check(self, name: str) -> None:
        """A story's record is as expected, by whoever reads. A known fault may not go away unnoticed."""
        told = self.told[name]
        wrong = [f"{reader.name}: {what}" for reader in self.readers for what in told.wrong(reader.name)]
        if told.story.known and wrong:
            pytest.xfail(f"{told.story.known}: {wrong}")
        assert not told.story.known, f"{name} is right now: it is no known fault any more"
        assert not wrong, "; ".join(wrong)

    async def check_records(self) -> None:
        """No ghost: neither a "missed" call of a phone that also rang nor a part of a call by itself."""
        wanted, faulty = (self.expected_records(faults=faults) for faults in (False, True))
        for reader in self.readers:
            found = Counter(record["direction"] for record in await reader.everything())
            if found == faulty != wanted:
                pytest.xfail("the known faults alone make the difference")
            assert found == wanted, f"{reader.name}: {found}, expected {wanted}"

    async def check_ledger(self) -> None:
        """Each day's report says what the stories of that day expect."""
        wanted, faulty = (ledger.expected(self.told, faults=faults) for faults in (False, True))
        reported = {day: await ledger.reported(self.hotline.api, day) for day in wanted}
        if reported == faulty != wanted:
            pytest.xfail("the known faults alone make the difference")
        assert reported == wanted

    async def check_replay(self) -> None:
        code, said = await self.hotline.command("replay", "--dry-run")
        assert code == 0, said
        assert "0 would be changed, 0 would be added" in said, said

    def expected_records(self, *, faults: bool) -> Counter[str]:
        """Direction → how many."""
        expected: Counter[str] = Counter()
        for told in self.told.values():
            parts = ((told.performance.parties[role].number, part) for role, part in told.story.callers.items())
            expected["inbound"] += len({(n, part.which) for n, part in parts if part.direction == "inbound"})
            expected["internal"] += told.story.internal + (told.story.ghosts if faults else 0)
            expected["outbound"] += told.story.outbound
        return +expected


def chosen(request: pytest.FixtureRequest, stories: Mapping[str, Story]) -> list[Story]:
    """The stories that this run asks for; all when it asks only for what holds after them."""
    items = [item for item in request.session.items if item.module is request.module and hasattr(item, "callspec")]
    names = dict.fromkeys(item.callspec.params["name"] for item in items)
    return [stories[name] for name in names] or list(stories.values())


@asynccontextmanager
async def performed(
    request: pytest.FixtureRequest,
    hotline: LanedHotline,
    tell: Callable[[LanedHotline], Awaitable[dict[str, Told]]],
) -> AsyncIterator[Corpus]:
    """Open the hotline, act the stories and judge them once it is quiet."""
    async with hotline.opened(), AsyncExitStack() as stack:
        readers = [Reader("journal", hotline.api)]
        if request.config.getoption(BY_AMI):
            observer = await stack.enter_async_context(AmiObserver(hotline))
            readers.append(Reader("AMI", observer.api, files=False))
        stories = await tell(hotline)
        await asyncio.sleep(1)
        left = await hotline.channels()
        for reader in readers:
            await judge_all(reader, stories)
        for each in stories.values():
            if each.wrong("journal"):
                capture(hotline, each)
        yield Corpus(hotline, stories, left, readers)
