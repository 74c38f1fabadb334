"""The manager connection against real TCP servers: each fault of panoramisk 1.4, undone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from tests.integration.ami_peer import BANNER, Headers, Peer, ami_peer, answer, listing, message, until

from callcenter.ami import actions
from callcenter.ami.actions import Action
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import ActionFailed, ActionTimedOut, LinkDown
from callcenter.ami.messages import Event
from callcenter.ami.model import Address, Item, LinkLost, LinkUp, Snapshot, SnapshotBegun, Timings
from callcenter.ami.stream import Stream
from callcenter.errors import InvalidInput

FAST = Timings(
    connect=2, answer=2, fully_booted=2, idle=0.05, ping_answer=0.2, first_wait=0.02, longest_wait=0.1, refused_wait=0.3
)


class Listener:
    """A client with one consumer that keeps what the stream says."""

    def __init__(self, client: AmiClient) -> None:
        self.client = client
        self.items: list[Item] = []

    def events(self, name: str) -> list[Event]:
        return [item for item in self.items if isinstance(item, Event) and item.name == name]

    def of(self, kind: type[Item]) -> list[Item]:
        return [item for item in self.items if isinstance(item, kind)]

    async def consume(self) -> None:
        while True:
            self.items += await self.client.stream.take()


def client_for(
    peer: Peer,
    *,
    secret: str = "right",  # noqa: S107
    timings: Timings = FAST,
    stream: Stream | None = None,
    wanted: frozenset[str] | None = None,
    on_state: Callable[[bool, str], None] = lambda ok, detail: None,
) -> AmiClient:
    address = Address("127.0.0.1", peer.port, "callcenter", secret)
    return AmiClient(address, timings=timings, stream=stream, wanted=wanted, on_state=on_state)


@asynccontextmanager
async def listening(client: AmiClient) -> AsyncIterator[Listener]:
    """The client running, with its first snapshot taken."""
    listener = Listener(client)
    tasks = [asyncio.create_task(client.run()), asyncio.create_task(listener.consume())]
    try:
        await until(lambda: listener.of(Snapshot))
        yield listener
    finally:
        await client.close()
        tasks[1].cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)


async def test_login_then_snapshot_in_order() -> None:
    async with ami_peer() as peer, listening(client_for(peer)) as listener:
        kinds = [type(item) for item in listener.items]
        assert kinds == [Event, LinkUp, SnapshotBegun, Snapshot]
        assert peer.names()[:3] == ["Login", "CoreStatus", "QueueStatus"]


async def test_split_characters_arrive_whole() -> None:
    raw = message("Event: Newchannel", "CallerIDName: 王小明😀")
    async with ami_peer() as peer, listening(client_for(peer)) as listener:
        for byte in raw:
            peer.send(bytes([byte]))
            await asyncio.sleep(0)
        await until(lambda: listener.events("Newchannel"))
        assert listener.events("Newchannel")[0].get("CallerIDName") == "王小明😀"


async def test_event_with_nothing_but_a_name() -> None:
    async with ami_peer() as peer, listening(client_for(peer)) as listener:
        peer.send(message("Event: Reload"))
        await until(lambda: listener.events("Reload"))


async def test_events_keep_their_order() -> None:
    async with ami_peer() as peer, listening(client_for(peer)) as listener:
        peer.send(b"".join(message("Event: N", f"Number: {n}") for n in range(3000)))
        await until(lambda: len(listener.events("N")) == 3000)
        assert [event.get("Number") for event in listener.events("N")] == [str(n) for n in range(3000)]


async def test_only_wanted_events_but_whole_lists() -> None:
    def two_members(action: Headers) -> bytes:
        return listing(action, ("Event: QueueMember", "Name: 1"), ("Event: QueueMember", "Name: 2"))

    peer = Peer(answers={"QueueStatus": two_members})
    async with ami_peer(peer), listening(client_for(peer, wanted=frozenset({"Hangup"}))) as listener:
        peer.send(message("Event: VarSet", "Variable: x") + message("Event: Hangup", "Uniqueid: 1"))
        await until(lambda: listener.events("Hangup"))
        assert not listener.events("VarSet")
        (snapshot,) = listener.of(Snapshot)
        assert isinstance(snapshot, Snapshot)
        assert [event.get("Name") for event in snapshot.events] == ["1", "2"]


async def test_list_of_one_item_is_a_list() -> None:
    peer = Peer(answers={"DBGet": lambda action: listing(action, ("Event: DBGetResponse", "Val: open;1"))})
    async with ami_peer(peer), listening(client_for(peer)) as listener:
        entries = await listener.client.collect(actions.db_get("callcenter", "service/hotline"))
        assert [entry.get("Val") for entry in entries] == ["open;1"]


async def test_queue_add_is_answered_at_once() -> None:
    peer = Peer(answers={"QueueAdd": lambda a: answer(a, "Success", "Message: Added interface to queue")})
    async with ami_peer(peer), listening(client_for(peer)) as listener:
        added = await listener.client.ask(Action("QueueAdd", (("Queue", "hotline"), ("Interface", "PJSIP/1001"))))
        assert added.text == "Added interface to queue"


async def test_refused_action_says_why() -> None:
    peer = Peer(answers={"DBPut": lambda action: answer(action, "Error", "Message: Permission denied")})
    async with ami_peer(peer), listening(client_for(peer)) as listener:
        with pytest.raises(ActionFailed, match="Permission denied"):
            await listener.client.ask(actions.db_put("a", "b", "c"))


async def test_smuggled_action_never_reaches_the_wire() -> None:
    async with ami_peer() as peer, listening(client_for(peer)) as listener:
        with pytest.raises(InvalidInput):
            await listener.client.ask(actions.db_put("a", "b", "c\r\n\r\nAction: Originate"))
        await listener.client.ask(actions.PING)
        assert "DBPut" not in peer.names()
        assert "Originate" not in peer.names()


async def test_nothing_is_sent_again_after_a_reconnect() -> None:
    peer = Peer(answers={"Originate": None})
    async with ami_peer(peer), listening(client_for(peer)) as listener:
        waiting = asyncio.create_task(listener.client.ask(Action("Originate", (("Channel", "PJSIP/1001"),))))
        await until(lambda: "Originate" in peer.names())
        peer.cut()
        with pytest.raises(LinkDown):
            await waiting
        with suppress(LinkDown):
            await listener.client.ask(Action("Originate"))
        await until(lambda: len(listener.of(Snapshot)) == 2)
        assert peer.names().count("Originate") == 1


async def test_action_while_down_fails_at_once() -> None:
    client = client_for(Peer(port=1))
    with pytest.raises(LinkDown):
        await client.ask(actions.PING)


async def test_late_answer_harms_nobody() -> None:
    peer = Peer(answers={"Slow": None})
    async with ami_peer(peer), listening(client_for(peer)) as listener:
        with pytest.raises(ActionTimedOut):
            await listener.client.ask(Action("Slow"), seconds=0.05)
        slow = next(action for action in peer.seen if action["Action"] == "Slow")
        peer.send(answer(slow))
        assert (await listener.client.ask(actions.PING)).success


async def test_half_open_connection_is_found() -> None:
    peer = Peer()
    async with ami_peer(peer), listening(client_for(peer)) as listener:
        await until(lambda: peer.names().count("Ping") >= 2)
        peer.answers["Ping"] = None
        await until(lambda: peer.opened == 2)
        peer.answers.clear()
        await until(lambda: len(listener.of(LinkUp)) == 2)
        (lost,) = listener.of(LinkLost)
        assert isinstance(lost, LinkLost)
        assert "Ping" in lost.why


async def test_a_link_that_lags_behind_is_made_anew() -> None:
    """Events keep coming, but what was asked long ago is not answered: they are of the past."""
    timings = replace(FAST, busy=0.2, behind=0.3)
    async with ami_peer() as peer, listening(client_for(peer, timings=timings)) as listener:
        peer.answers["Ping"] = None
        while not listener.of(LinkLost):
            with suppress(IndexError):
                peer.send(message("Event: Newchannel"))
            await asyncio.sleep(0.01)
        (lost, *_) = listener.of(LinkLost)
        assert isinstance(lost, LinkLost)
        assert "Ping" in lost.why
        peer.answers.pop("Ping")
        await until(lambda: listener.client.up)


async def test_blind_interval_and_restart_are_reported() -> None:
    peer = Peer()
    async with ami_peer(peer), listening(client_for(peer)) as listener:
        peer.cut()
        await until(lambda: len(listener.of(LinkUp)) == 2)
        peer.startup = "12:05:00"
        peer.cut()
        await until(lambda: len(listener.of(LinkUp)) == 3)
    ups = [item for item in listener.items if isinstance(item, LinkUp)]
    assert [up.restarted for up in ups] == [False, False, True]
    assert ups[0].blind_since is None
    assert ups[1].blind_since is not None
    assert ups[1].blind_since < ups[1].at


async def test_wrong_password_is_said_and_retried_slowly() -> None:
    peer, said = Peer(), list[str]()
    async with ami_peer(peer):
        client = client_for(peer, secret="wrong", on_state=lambda ok, detail: said.append(detail))
        running = asyncio.create_task(client.run())
        await until(lambda: said)
        started = asyncio.get_running_loop().time()
        await until(lambda: peer.names().count("Login") == 2)
        assert asyncio.get_running_loop().time() - started > FAST.refused_wait / 2
        assert "CALLCENTER_AMI_PASSWORD" in said[0]
        assert "Authentication failed" in said[0]
        await client.close()
        assert running.cancelled()


async def test_login_while_asterisk_stops_is_tried_again_soon() -> None:
    peer, said = Peer(), list[str]()
    peer.answers["Login"] = lambda action: answer(action, "Error", "Message: Asterisk is shutting down")
    async with ami_peer(peer):
        client = client_for(peer, timings=replace(FAST, refused_wait=60), on_state=lambda ok, why: said.append(why))
        running = asyncio.create_task(client.run())
        await until(lambda: said)
        del peer.answers["Login"]
        await until(lambda: client.up)
        assert "CALLCENTER_AMI_PASSWORD" not in said[0]
        assert "shutting down" in said[0]
        await client.close()
        assert running.cancelled()


@pytest.mark.parametrize("when", ["connected", "between attempts"])
async def test_close_stops_everything(when: str) -> None:
    before = asyncio.all_tasks()
    peer = Peer()
    async with ami_peer(peer), listening(client_for(peer)) as listener:
        if when == "between attempts":
            peer.password = "changed"
            peer.cut()
            await until(lambda: peer.names().count("Login") == 2)
        await listener.client.close()
        await until(lambda: all(writer.transport.is_closing() for writer in peer.connections))
        timers = asyncio.get_running_loop()._scheduled  # type: ignore[attr-defined]
        assert not [timer for timer in timers if not timer.cancelled() and "panoramisk" in repr(timer)]
    leftover = {task for task in asyncio.all_tasks() - before if "ami_peer" not in repr(task)}
    assert not leftover


async def test_full_stream_drops_the_link_not_the_memory() -> None:
    peer, stream = Peer(), Stream(limit=100)
    async with ami_peer(peer):
        client = client_for(peer, stream=stream)
        running = asyncio.create_task(client.run())
        await until(lambda: client.up)
        peer.send(b"".join(message("Event: N", f"Number: {n}") for n in range(1000)))
        await until(lambda: peer.opened >= 2)
        assert len(stream) < 120
        items = await stream.take()
        numbers = [item.get("Number") for item in items if isinstance(item, Event) and item.name == "N"]
        assert numbers == [str(n) for n in range(len(numbers))]
        assert any(isinstance(item, LinkLost) and "faster" in item.why for item in items)
        await client.close()
        assert running.cancelled()


@pytest.mark.parametrize(
    "said",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x00\xff" * 400, BANNER[:10], b""],
    ids=["http", "bytes", "cut", "eof"],
)
async def test_peer_that_is_no_asterisk(said: bytes) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.write_eof()

    told = list[str]()
    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        peer = Peer(port=server.sockets[0].getsockname()[1])
        client = client_for(peer, on_state=lambda ok, detail: told.append(detail))
        running = asyncio.create_task(client.run())
        await until(lambda: len(told) >= 2)
        await client.close()
    assert running.cancelled()
    assert all(told)


async def test_nobody_listens_then_somebody_does() -> None:
    async with ami_peer() as peer:
        port = peer.port
    told = list[bool]()
    client = client_for(peer, on_state=lambda ok, detail: told.append(ok))
    running = asyncio.create_task(client.run())
    await until(lambda: told)
    async with ami_peer(peer):
        assert peer.port == port
        await until(lambda: client.up)
        await client.close()
    assert told[0] is False
    assert told[-1] is True
    assert running.cancelled()


async def test_garbage_between_messages_is_skipped() -> None:
    async with ami_peer() as peer, listening(client_for(peer)) as listener:
        peer.send(b"\xff\xfe garbage\r\n\r\n\r\n\r\n" + message("Event: N", "Number: 1"))
        await until(lambda: listener.events("N"))
        assert (await listener.client.ask(actions.PING)).success
