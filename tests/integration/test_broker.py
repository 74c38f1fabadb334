"""The broker that tests use is real."""

from urllib.parse import urlsplit

import aiomqtt


async def test_broker_passes_messages_on(broker: str) -> None:
    address = urlsplit(broker)
    async with aiomqtt.Client(address.hostname or "", address.port or 0) as client:
        await client.subscribe("callcenter/test")
        await client.publish("callcenter/test", "好", qos=1)
        message = await anext(aiter(client.messages))
    assert message.payload == "好".encode()
