"""Calls against recordings: each answered citizen has his recording, each recording hangs on the call it is of."""

from collections.abc import AsyncGenerator

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.recordings.deviations import Deviation
from callcenter.recordings.of_calls import OF_ANOTHER_CALL, WITHOUT_RECORDING


async def check_calls(connection: AsyncConnection) -> AsyncGenerator[Deviation, None]:
    """What is missing or hangs on another call. Of calls whose month was detached nothing is said."""
    async with connection.stream(text(WITHOUT_RECORDING)) as rows:
        async for row in rows:
            yield Deviation("no_recording", f"recording {row.name} of call {row.id}", "none", row.pbx)
    async with connection.stream(text(OF_ANOTHER_CALL)) as rows:
        async for row in rows:
            expected, found = f"a channel {row.name} in its call", f"call {row.call_id} has none"
            yield Deviation("other_call", expected, found, row.pbx, None, str(row.id))
