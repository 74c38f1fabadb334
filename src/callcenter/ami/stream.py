"""One ordered, bounded line of what the connection says, between the reader and one consumer.

The reader never waits: `put` says at once whether there was room. Several items are taken at a time, so that a
burst costs the consumer one wake-up.
"""

import asyncio
from collections import deque

from callcenter.ami.messages import Event
from callcenter.ami.model import Item

QUEUE_LIMIT = 20_000
"""About ten seconds of the fastest stream seen, about 10 MB"""
BATCH = 500


class Stream:
    """A bounded queue of items in the order of the connection."""

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._items: deque[Item] = deque()
        self._limit = limit
        self._waiter: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> bool:
        """Add an item; `False` when there is no room. News of the link itself always finds room."""
        if len(self._items) >= self._limit and isinstance(item, Event):
            return False
        self._items.append(item)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        return True

    async def take(self) -> list[Item]:
        """Wait for items and take up to 500 of them, in order. For one consumer."""
        while not self._items:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        count = min(BATCH, len(self._items))
        return [self._items.popleft() for _ in range(count)]
