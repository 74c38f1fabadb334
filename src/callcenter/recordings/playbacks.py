"""Who listens, why, and to which seconds: a row before any audio leaves, another with what was sent in truth."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import structlog
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from callcenter.errors import PartUnavailable, in_one_line
from callcenter.recordings.stereo import FRAME_BYTES
from callcenter.recordings.tables import recording_playback_ends, recording_playbacks
from callcenter.recordings.wav import HEADER_BYTES, RATE
from callcenter.storage.away import AWAY
from callcenter.storage.reading import writing

log = structlog.get_logger()


class How(StrEnum):
    PLAY = "play"
    DOWNLOAD = "download"
    ZIP = "zip"


@dataclass(frozen=True, slots=True)
class Listening:
    """Who asks for audio: the key's name, the reason given (may be empty), and the client's address.

    `sitting` is what a player calls all that it asks for between being opened and closed; None: it calls it nothing.
    """

    by: str
    why: str
    how: How
    address: str
    sitting: UUID | None = None


@dataclass(frozen=True, slots=True)
class Length:
    """What is needed to say which seconds a part of a file is."""

    media_type: str
    seconds: float
    bytes: int

    def seconds_of(self, start: int, end: int) -> tuple[float, float]:
        """First and last second of the bytes [start, end), to the millisecond.

        Exact for WAV. Opus and MP3 are taken as of constant rate, a byte's share of the file being that of the time:
        boundaries are off as far as speech and silence are spread unevenly. A part without audio (a header) is (0, 0).
        """
        return self._second(start), self._second(end)

    def _second(self, at: int) -> float:
        if self.media_type == "audio/wav":
            return round(min(max(at - HEADER_BYTES, 0) / (FRAME_BYTES * RATE), self.seconds), 3)
        return round(self.seconds * min(at / self.bytes, 1.0), 3) if self.bytes else 0.0


class Playback:
    """One answer with audio, as it is kept. `begin` before the first byte, `end` after the last."""

    def __init__(self, engine: AsyncEngine, recording: UUID, length: Length, listening: Listening) -> None:
        self._engine, self._length, self._listening = engine, length, listening
        self._id, self._recording = uuid4(), recording
        self._start = self._bytes = 0

    async def begin(self, start: int, end: int) -> None:
        """Bytes [start, end) of the audio are about to be sent. Raises `PartUnavailable`: then nothing may be."""
        self._start, self._bytes = start, end - start
        row = row_of(self._id, self._recording, self._length, self._listening, start, end)
        try:
            async with writing(self._engine) as connection:
                await connection.execute(insert(recording_playbacks).values(row))
        except AWAY as error:
            why = f"who listens can't be kept: {in_one_line(error)}"
            raise PartUnavailable(part="playback", why=why, mend="try again shortly") from error

    async def end(self, sent: int) -> None:
        """So many bytes were sent. When that can't be kept, the playback stands as if all had been sent."""
        sent = min(sent, self._bytes)
        last = self._length.seconds_of(self._start, self._start + sent)[1]
        row = {"playback_id": self._id, "last_second": last, "bytes": sent}
        try:
            async with self._engine.begin() as connection:
                await connection.execute(insert(recording_playback_ends).values(row))
        except AWAY as error:
            log.warning("end_of_playback_not_stored", recording=str(self._recording), why=str(error))


def row_of(key: UUID, recording: UUID, length: Length, listening: Listening, start: int, end: int) -> dict[str, Any]:
    first, last = length.seconds_of(start, end)
    row: dict[str, Any] = {"id": key, "recording_id": recording, "first_second": first, "last_second": last}
    who = {"by": listening.by, "why": listening.why, "how": listening.how.value, "address": listening.address}
    return row | who | {"bytes": end - start, "listening": listening.sitting}


async def add_whole(connection: AsyncConnection, listening: Listening, heard: list[tuple[UUID, Length]]) -> None:
    """Recordings that are handed over as a whole, in the transaction that makes them reachable."""
    rows = [row_of(uuid4(), recording, length, listening, 0, length.bytes) for recording, length in heard]
    if rows:
        await connection.execute(insert(recording_playbacks), rows)
