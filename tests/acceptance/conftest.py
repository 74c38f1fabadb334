"""One real hotline for all acceptance tests of a process."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.acceptance.hotline import RunningHotline


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def hotline() -> AsyncIterator[RunningHotline]:
    """`callcenter run`, ready; torn down by Ctrl-C after the last of them, and nothing may be left running."""
    async with RunningHotline() as hotline:
        yield hotline
