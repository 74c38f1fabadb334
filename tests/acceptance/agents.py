"""A hotline for the tests of agents' phones, and how these act."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from struct import unpack
from typing import Any

from tests.acceptance.evidence import Audio, has_tone
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import Softphone
from tests.acceptance.schedules import in_force

THIRD_HERTZ = 1320
"""What a third party says: blocks of 50 ms tell it from 440 and 880 Hz."""
QUICK = {"parking_seconds": 6, "wrapup_extension_seconds": 5, "recording_pause": True, "queue_timeout_seconds": 30}


@asynccontextmanager
async def agents_hotline(**changed: Any) -> AsyncIterator[RunningHotline]:
    """Open for an hour, with short patience and short prompts."""
    async with RunningHotline(brief=True, **{**QUICK, **changed}) as hotline:
        code, said = await hotline.command("schedule", "open", "--until", "+1h")
        assert code == 0, said
        await in_force(hotline, "open")
        yield hotline


@asynccontextmanager
async def answering(hotline: RunningHotline, number: str, **options: Any) -> AsyncIterator[Softphone]:
    """A phone that answers after 0.2 s."""
    async with hotline.phone(number, **options) as phone:
        phone.send("auto 0.2")
        yield phone


async def press(phone: Softphone, digits: str, call: int | None = None) -> None:
    """Dial digits during a call, and let Asterisk hear the last of them."""
    phone.send(f"digits {digits}" + (f" #{call}" if call else ""))
    await asyncio.sleep(0.3 * len(digits))


def tone_seconds(samples: list[int], hertz: float) -> float:
    """How long this tone alone is heard, in blocks of 0.1 s."""
    blocks = (samples[i : i + 800] for i in range(0, len(samples) - 799, 800))
    return sum(has_tone(block, hertz) for block in blocks) / 10


def silent_seconds(audio: Audio, begin: float, end: float) -> tuple[float, float]:
    """Seconds of digital silence left and right in [begin, end)."""
    return _silence(audio.part("left", begin, end)), _silence(audio.part("right", begin, end))


def _silence(samples: list[int]) -> float:
    blocks = [samples[i : i + 160] for i in range(0, len(samples) - 159, 160)]
    return sum(max(map(abs, block)) <= 8 for block in blocks) / 50


def samples_heard(folder: Path) -> list[int]:
    """All that a phone has heard so far; read past the header, which is only finished at the end."""
    (path,) = folder.glob("*.wav")
    data = path.read_bytes()[44:]
    return list(unpack(f"<{len(data) // 2}h", data[: len(data) // 2 * 2]))
