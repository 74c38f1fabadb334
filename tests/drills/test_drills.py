"""Every fault in its short form, under load, on real parts; `make drill` has the long forms.

The sets run at the same time (three at once): most of a drill is waiting.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.drills.places import SETS, run_set
from tests.drills.run import Outcome

NAMES = (*SETS, "pair")
AT_ONCE = 3

Running = dict[str, asyncio.Task[list[Outcome]]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    """All sets that were asked for, begun; a test waits for its own."""
    asked = {name for name in NAMES for item in request.session.items if item.nodeid.endswith(f"[{name}]")}
    room = asyncio.Semaphore(AT_ONCE)

    async def one(name: str) -> list[Outcome]:
        async with room:
            return await run_set(name, long=False)

    tasks = {name: asyncio.create_task(one(name)) for name in NAMES if name in asked}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("name", NAMES)
async def test_no_call_is_lost_doubled_invented_altered_or_harmed(running: Running, name: str) -> None:
    outcomes = await running[name]
    assert sum(outcome.verdict.calls for outcome in outcomes) > 3 * len(outcomes)
    faults = [fault for outcome in outcomes for fault in outcome.faults]
    assert not faults, "\n".join(faults[:20])
