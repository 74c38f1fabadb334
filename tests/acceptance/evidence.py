"""What a call left behind, and whether it is what the phones saw."""

import asyncio
import io
import math
import time
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import soundfile

from tests.acceptance.hotline import RunningHotline
from tests.acceptance.made import PLAYABLE, is_concluded

RATE = 8000
CALLER_HERTZ, AGENT_HERTZ = 440, 880
_numbers = count(13900000001)


def new_caller() -> str:
    """A number that no other test of this run rings from."""
    return str(next(_numbers))


async def records_of(hotline: RunningHotline, number: str) -> list[dict[str, Any]]:
    return await calls_found(hotline, 0, number=number)


async def calls_found(hotline: RunningHotline, count: int, **search: str) -> list[dict[str, Any]]:
    """What `/v1/cdrs` finds, once it finds so many: a record comes a moment after its call's end. 0: now."""
    deadline = time.monotonic() + 20
    while True:
        answer = await hotline.api.get("/v1/cdrs", params={**search, "limit": 1000})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, f"{len(found)} of {count} records: {found} · {hotline.logs()}"
        await asyncio.sleep(0.1)


async def record_of(hotline: RunningHotline, number: str, within: float = 20) -> dict[str, Any]:
    """The one record of a caller, whole: its recording is no longer expected. Fails on none and on two."""
    deadline = time.monotonic() + within
    while not _concluded(found := await records_of(hotline, number)):
        assert time.monotonic() < deadline, f"no finished record of {number}: {found} · {hotline.logs()}"
        await asyncio.sleep(0.1)
    assert len(found) == 1, found
    answer = await hotline.api.get(f"/v1/cdrs/{found[0]['id']}")
    detail: dict[str, Any] = answer.json()
    return detail


def _concluded(found: list[dict[str, Any]]) -> bool:
    return bool(found) and all(is_concluded(r) for record in found for r in record["recordings"])


def instant(text: str) -> float:
    """Unix seconds of the API's instants."""
    return datetime.fromisoformat(text).timestamp()


def lasted(record: dict[str, Any]) -> float:
    return instant(record["ended_at"]) - instant(record["started_at"])


@dataclass(frozen=True)
class Audio:
    """A recording as the API gives it: left the caller, right what the caller heard."""

    left: list[int]
    right: list[int]

    @property
    def seconds(self) -> float:
        return len(self.left) / RATE

    def part(self, side: str, begin: float, end: float) -> list[int]:
        samples: list[int] = getattr(self, side)
        return samples[int(begin * RATE) : int(end * RATE)]


async def audio_of(hotline: RunningHotline, record: dict[str, Any]) -> Audio:
    """Fetch a record's one recording and read it."""
    (recording,) = record["recordings"]
    assert recording["state"] in PLAYABLE, recording
    answer = await hotline.api.get(f"/v1/cdrs/{record['id']}/recordings/{recording['id']}")
    assert answer.status_code == 200, answer.text
    samples, rate = soundfile.read(io.BytesIO(answer.content), dtype="int16")
    assert (samples.shape[1], rate) == (2, RATE)
    return Audio(samples[:, 0].tolist(), samples[:, 1].tolist())


def share_of(samples: list[int], hertz: float) -> float:
    """How much of a signal's power is this tone, 0 to 1 (Goertzel over blocks of 50 ms)."""
    size = RATE // 20
    blocks = [samples[i : i + size] for i in range(0, len(samples) - size + 1, size)]
    power = sum(sum(s * s for s in b) for b in blocks)
    return sum(_goertzel(b, hertz) for b in blocks) / power if power else 0.0


def _goertzel(block: list[int], hertz: float) -> float:
    k = 2 * math.cos(2 * math.pi * hertz / RATE)
    one = two = 0.0
    for sample in block:
        one, two = sample + k * one - two, one
    return 2 * (one * one + two * two - k * one * two) / len(block)


def has_tone(samples: list[int], hertz: float) -> bool:
    """Is this the tone, loud and by itself?"""
    loud = math.sqrt(sum(s * s for s in samples) / max(len(samples), 1)) > 500
    return loud and share_of(samples, hertz) > 0.9


def assert_talk_is_heard(audio: Audio, record: dict[str, Any]) -> None:
    """In the talk the caller's tone is left and the agent's right, and each on its own side only."""
    begins = instant(record["answered_at"]) - instant(record["recordings"][0]["started_at"])
    begin, end = begins + 0.5, begins + record["talk_seconds"] - 0.5
    left, right = audio.part("left", begin, end), audio.part("right", begin, end)
    assert has_tone(left, CALLER_HERTZ), share_of(left, CALLER_HERTZ)
    assert has_tone(right, AGENT_HERTZ), share_of(right, AGENT_HERTZ)
    assert share_of(left, AGENT_HERTZ) < 0.01
    assert share_of(right, CALLER_HERTZ) < 0.01


async def record_adds_up(hotline: RunningHotline) -> dict[str, Any]:
    """`callcenter coverage check`: the journal has every call that Asterisk counted since the check before this one."""
    code, said = await hotline.command("coverage", "check", "--lang", "en")
    answer = await hotline.api.get("/v1/coverage")
    newest: dict[str, Any] = answer.json()["pbxs"][0]["checks"][0]
    assert (code, newest["verdict"]) == (0, "complete"), f"{said} · {newest} · {hotline.logs()}"
    return newest
