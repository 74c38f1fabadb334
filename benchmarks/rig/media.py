"""Audio for hundreds of calls from one process that costs little: one sendmmsg(2) sends the frames of many streams.

    python -m benchmarks.rig.media CALLERS_IP AGENTS_IP

Says the ports that it sends from, then takes lines on standard input: `SIDE KEY PORT` starts a stream (side 0 the
callers, 1 the agents) to a port of 127.0.0.1, `SIDE KEY 0` ends it and is answered with how many frames were sent,
`clock` with how late frames left since the last such line. It ends with its input. What comes back is not read: the
kernel drops it. Streams are spread over four instants of each 20 ms, as they would be.
"""

import ctypes
import json
import os
import random
import select
import socket
import sys
import time
from contextlib import suppress
from typing import Any

import numpy as np

from benchmarks.rig.speech import FRAME_SECONDS, SAMPLES, Bytes, codes, spoken

SLOTS = 4
A_LAW = 8
HEADER = 12
ROOM = 512
"""Streams of one side in one slot; sendmmsg takes 1,024 at most"""
LATE_SECONDS = 0.01
SOCKADDR = np.dtype([("family", "<u2"), ("port", ">u2"), ("ip", "u1", 4), ("zero", "u1", 8)])
IOVEC = np.dtype([("base", "<u8"), ("length", "<u8")])
MMSGHDR = np.dtype([
    ("name", "<u8"), ("namelen", "<u4"), ("pad", "<u4"), ("iov", "<u8"), ("iovlen", "<u8"), ("control", "<u8"),
    ("controllen", "<u8"), ("flags", "<u4"), ("pad2", "<u4"), ("sent", "<u4"), ("pad3", "<u4"),
])  # fmt: skip
"""sendmmsg(2) on 64-bit Linux"""
RTP = np.dtype([("first", "u1"), ("type", "u1"), ("sequence", ">u2"), ("stamp", ">u4"), ("source", ">u4")])
LIBC = ctypes.CDLL(None, use_errno=True)


class Slot:
    """The streams of one side that send in the same instant. Row i of each array is stream i."""

    def __init__(self, wire: socket.socket, speech: Bytes) -> None:
        self._wire, self._speech = wire.fileno(), speech
        self._keys: list[str] = []
        self._sent = np.zeros(ROOM, np.int64)
        self._phase = np.zeros(ROOM, np.int64)
        self._packets = np.zeros((ROOM, HEADER + SAMPLES), np.uint8)
        self._rtp = self._packets[:, :HEADER].view(RTP)[:, 0]
        self._rtp["first"], self._rtp["type"] = 0x80, A_LAW
        self._there = np.zeros(ROOM, SOCKADDR)
        self._there["family"], self._there["ip"] = socket.AF_INET, (127, 0, 0, 1)
        self._messages = self._laid_out()

    def _laid_out(self) -> Any:
        rows = np.arange(ROOM, dtype=np.uint64)
        self._iovecs, messages = np.zeros(ROOM, IOVEC), np.zeros(ROOM, MMSGHDR)
        self._iovecs["base"] = self._packets.ctypes.data + rows * self._packets.strides[0]
        self._iovecs["length"] = self._packets.shape[1]
        messages["name"], messages["namelen"] = self._there.ctypes.data + rows * SOCKADDR.itemsize, SOCKADDR.itemsize
        messages["iov"], messages["iovlen"] = self._iovecs.ctypes.data + rows * IOVEC.itemsize, 1
        return messages

    def __len__(self) -> int:
        return len(self._keys)

    def begin(self, key: str, port: int) -> None:
        row = len(self._keys)
        self._keys.append(key)
        self._sent[row], self._phase[row] = 0, random.randrange(len(self._speech))  # noqa: S311
        self._there["port"][row], self._rtp["source"][row] = port, random.getrandbits(32)

    def end(self, key: str) -> int | None:
        """How many frames were sent; None for a stream that is not here. The last row takes its place."""
        if key not in self._keys:
            return None
        row, last = self._keys.index(key), len(self._keys) - 1
        sent = int(self._sent[row])
        self._keys[row] = self._keys[last]
        self._keys.pop()
        for column in (self._sent, self._phase, self._packets, self._there):
            column[row] = column[last]
        return sent

    def send(self) -> None:
        """The next frame of each."""
        n = len(self._keys)
        sent = self._sent[:n]
        self._rtp["sequence"][:n], self._rtp["stamp"][:n] = sent & 0xFFFF, sent * SAMPLES & 0xFFFFFFFF
        self._packets[:n, HEADER:] = self._speech[(sent + self._phase[:n]) % len(self._speech)]
        code = codes(sent)
        self._packets[:n, HEADER : HEADER + code.shape[1]] = code
        sent += 1
        done = 0
        while done < n:
            gone = LIBC.sendmmsg(self._wire, ctypes.c_void_p(self._messages[done:].ctypes.data), n - done, 0)
            done += max(gone, 1)  # one that can't be sent (its port has just been closed) keeps nobody else waiting


class Clock:
    """How late frames leave."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.ticks = self.late = 0
        self.worst = 0.0

    def see(self, late: float) -> None:
        self.ticks, self.late = self.ticks + 1, self.late + (late > LATE_SECONDS)
        self.worst = max(self.worst, late)


def port_pair(ip: str) -> tuple[socket.socket, socket.socket]:
    """Sockets for RTP and, on the next port, RTCP."""
    while True:
        one, two = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for each in (one, two):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        one.bind((ip, 0))
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        with suppress(OSError, OverflowError):
            two.bind((ip, one.getsockname()[1] + 1))
            return one, two
        one.close()
        two.close()


def obey(line: str, slots: list[list[Slot]], clock: Clock) -> dict[str, Any] | None:
    """The answer to one line; None: there is none."""
    if line == "clock":
        said = {"ticks": clock.ticks, "late": clock.late, "worst": clock.worst}
        clock.reset()
        return said
    side, key, port = line.split()
    if int(port):
        min(slots[int(side)], key=len).begin(key, int(port))
        return None
    sent = [done for slot in slots[int(side)] if (done := slot.end(key)) is not None]
    return {"side": int(side), "key": key, "sent": sum(sent)}


def come_first() -> None:
    """Real phones are other machines: what Asterisk takes must not keep them from sending."""
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def main(callers: str, agents: str) -> None:
    speech = spoken()
    come_first()
    wires = [port_pair(ip) for ip in (callers, agents)]
    slots = [[Slot(rtp, speech) for _ in range(SLOTS)] for rtp, _ in wires]
    print(json.dumps({"ports": [rtp.getsockname()[1] for rtp, _ in wires]}), flush=True)
    os.set_blocking(0, False)
    clock, tail, due, tick = Clock(), b"", time.monotonic(), 0
    while True:
        readable, _, _ = select.select([0], [], [], max(0.0, due - time.monotonic()))
        if readable:
            data = os.read(0, 65536)
            if not data:
                return
            *lines, tail = (tail + data).split(b"\n")
            for line in lines:
                if (said := obey(line.decode(), slots, clock)) is not None:
                    print(json.dumps(said), flush=True)
        while (late := time.monotonic() - due) >= 0:
            clock.see(late)
            for side in slots:
                side[tick % SLOTS].send()
            due, tick = due + FRAME_SECONDS / SLOTS, tick + 1


if __name__ == "__main__":
    main(*sys.argv[1:])
