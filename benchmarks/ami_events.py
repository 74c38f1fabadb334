"""AMI events per second: panoramisk as it comes against our client, same recorded stream, same run.

    python benchmarks/ami_events.py [--rounds 5] [--stories 600]

A server process plays a recorded call (tests/scenarios/ami/answered.ami) again and again over loopback TCP, as
fast as it is read. Each measurement is a process of its own; the clients take turns, round by round. All of them
read three headers of each event in one plain consumer. Wall time counts from asking for the stream to its last
event; CPU time is the client process's own; RSS is read after a tenth of the stream and at its end.
"""

import argparse
import asyncio
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import structlog
from panoramisk import Manager

from callcenter.ami.actions import Action
from callcenter.ami.connection import AmiClient
from callcenter.ami.events import KNOWN
from callcenter.ami.messages import Event
from callcenter.ami.model import Address, Snapshot

SAMPLE = Path(__file__).parents[1] / "tests" / "scenarios" / "ami" / "answered.ami"
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
CLIENTS = {
    "panoramisk as it comes": "panoramisk",
    "callcenter": "plain",
    "callcenter, every header decoded": "headers",
    "callcenter, only the events it acts on": "wanted",
}
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


def story() -> tuple[bytes, int]:
    """One call's events as bytes, and how many they are."""
    messages = SAMPLE.read_bytes().split(b"\r\n\r\n")
    login = (b"Event: FullyBooted", b"Event: SuccessfulAuth")
    events = [each for each in messages if each.startswith(b"Event: ") and not each.startswith(login)]
    return b"".join(each + b"\r\n\r\n" for each in events), len(events)


class Server:
    """Answers what a client asks at login, and plays the stream on `Action: Play`."""

    def __init__(self, stories: int) -> None:
        self._story, _ = story()
        self._stories = stories

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                await self._answer(dict(line.split(": ", 1) for line in text.strip().split("\r\n")), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        tag = f"ActionID: {action['ActionID']}\r\n\r\n"
        if action["Action"] in ("QueueStatus", "CoreShowChannels", "DeviceStateList", "PJSIPShowContacts"):
            writer.write(f"Response: Error\r\nMessage: none\r\n{tag}".encode())
            return
        writer.write(f"Response: Success\r\n{tag}".encode())
        if action["Action"] == "Login":
            writer.write(b"Event: FullyBooted\r\nUptime: 1\r\n\r\n")
        if action["Action"] == "Play":
            for _ in range(self._stories):
                writer.write(self._story)
                await writer.drain()


class Meter:
    """Counts events and says what they cost."""

    def __init__(self, expected: int) -> None:
        self._expected, self._count = expected, 0
        self._rss_early = 0
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        self.done: asyncio.Future[dict[str, float]] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def count(self, channel: object, uniqueid: object) -> None:
        self._count += 1
        if self._count == self._expected // 10:
            self._rss_early = rss_kb()
        if self._count == self._expected:
            self.finish()

    def finish(self) -> None:
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        self.done.set_result({"wall": wall, "cpu": cpu, "early": self._rss_early, "end": rss_kb()})


def rss_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KB


async def measure_panoramisk(port: int, events: int) -> dict[str, float]:
    manager = Manager(host="127.0.0.1", port=port, username="u", secret="s", loop=asyncio.get_running_loop())
    meter = Meter(events)
    booted = asyncio.get_running_loop().create_future()
    manager.register_event("FullyBooted", lambda _, event: booted.set_result(None))
    await manager.connect()
    await booted
    manager.register_event("*", lambda _, event: meter.count(event.channel, event.uniqueid))
    meter.start()
    manager.send_action({"Action": "Play"})
    return await meter.done


async def measure_ours(port: int, events: int, way: str) -> dict[str, float]:
    wanted = KNOWN | {"EndOfStory"} if way == "wanted" else None
    client = AmiClient(Address("127.0.0.1", port, "u", "s"), wanted=wanted)
    running = asyncio.create_task(client.run())
    while not any(isinstance(item, Snapshot) for item in await client.stream.take()):
        pass
    meter = Meter(wanted_events(events, wanted))
    meter.start()
    playing = asyncio.create_task(client.ask(Action("Play"), 60))
    while not meter.done.done():
        for item in await client.stream.take():
            if isinstance(item, Event):
                if way == "headers":
                    _ = item.headers
                meter.count(item.get("Channel"), item.get("Uniqueid"))
    await playing
    await client.close()
    assert running.done()
    return meter.done.result()


def wanted_events(events: int, wanted: frozenset[str] | None) -> int:
    """How many of the stream's events reach the consumer."""
    if wanted is None:
        return events
    data, per_story = story()
    names = [each[7 : each.find(b"\r\n")].decode() for each in data.split(b"\r\n\r\n") if each]
    return events // per_story * sum(name in wanted for name in names)


def measure_in_child(way: str, port: int, events: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--measure", way, "--port", str(port), "--events", str(events)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    return dict(json.loads(done.stdout.splitlines()[-1]))


async def compare(rounds: int, stories: int) -> None:
    server = await asyncio.start_server(Server(stories).serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    events = story()[1] * stories
    results: dict[str, list[dict[str, float]]] = {name: [] for name in CLIENTS}
    async with server:
        for _ in range(rounds):
            for name, way in CLIENTS.items():
                results[name].append(await asyncio.to_thread(measure_in_child, way, port, events))
    report(results, events, rounds)


def report(results: dict[str, list[dict[str, float]]], events: int, rounds: int) -> None:
    print(f"{events} events, {len(story()[0]) * events // story()[1] / 1e6:.0f} MB a round, {rounds} rounds, medians")
    print(f"{'':40}{'events/s':>10}{'times':>7}{'CPU µs/event':>14}{'times':>7}{'RSS early → end, MB':>22}")
    baseline = results["panoramisk as it comes"]
    base_wall, base_cpu = (statistics.median(each[key] for each in baseline) for key in ("wall", "cpu"))
    for name, each in results.items():
        wall, cpu, early, end = (statistics.median(one[key] for one in each) for key in ("wall", "cpu", "early", "end"))
        times = f"{base_wall / wall:>7.1f}{cpu / events * 1e6:>14.2f}{base_cpu / cpu:>7.1f}"
        print(f"{name:40}{events / wall:>10,.0f}{times}{early / 1024:>13.1f} → {end / 1024:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stories", type=int, default=600)
    parser.add_argument("--measure", choices=CLIENTS.values(), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--events", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure is None:
        asyncio.run(compare(given.rounds, given.stories))
        return
    measuring = (
        measure_panoramisk(given.port, given.events)
        if given.measure == "panoramisk"
        else measure_ours(given.port, given.events, given.measure)
    )
    print(json.dumps(asyncio.run(measuring)))


if __name__ == "__main__":
    main()
