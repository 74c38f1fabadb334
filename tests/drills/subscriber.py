"""A client of the broker, as a wallboard would be: every call event that arrived, and when it was not listening."""

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field

import aiomqtt

from callcenter.local import addresses
from callcenter.publishing.mqtt import broker_address
from callcenter.settings import Settings


@dataclass
class Subscriber:
    """`arrived`: event id → the number of its first arrival; `blind`: intervals without a subscription."""

    settings: Settings
    arrived: dict[str, int] = field(default_factory=dict)
    doubled: int = 0
    blind: list[tuple[float, float]] = field(default_factory=list)

    async def run(self) -> None:
        """Listen until cancelled; a lost broker is tried again at once."""
        since = time.time()
        while True:
            with suppress(aiomqtt.MqttError):
                address = broker_address(addresses.mqtt_url(self.settings))
                async with aiomqtt.Client(**address, keepalive=5, timeout=3) as client:
                    await client.subscribe("callcenter/+/calls/#", qos=1)
                    self.blind.append((since, time.time()))
                    try:
                        async for message in client.messages:
                            self._take(message)
                    finally:
                        since = time.time()
            await asyncio.sleep(0.1)

    def _take(self, message: aiomqtt.Message) -> None:
        event = json.loads(str(message.payload, "utf-8"))["event_id"]
        self.doubled += event in self.arrived
        self.arrived.setdefault(event, len(self.arrived))

    def was_blind(self, at: float) -> bool:
        """Whether a message published then may have gone by: 7 s before, a broken link is not noticed."""
        return any(begin - 7 <= at <= end + 1 for begin, end in self.blind)
