"""One recording on its way into an export: read to its end first, so that none is in the ZIP by halves."""

import asyncio
import hashlib
import tempfile
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any

from callcenter.errors import CallcenterError, StoreUnavailable
from callcenter.listening.archive import Archive
from callcenter.listening.manifest import Taken, audio_name
from callcenter.recordings.playback import Player

IN_MEMORY = 8 << 20
"""Bytes; a longer recording goes by way of a file without a name."""


PATIENCE_SECONDS = 300.0
WAIT_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0)


class Patience:
    """For a store that is away: what one recording of a set has waited, the next need not wait again."""

    def __init__(self, seconds: float = PATIENCE_SECONDS) -> None:
        self._left, self._waits = seconds, 0

    async def wait(self) -> bool:
        """False when it is at its end."""
        pause = WAIT_SECONDS[min(self._waits, len(WAIT_SECONDS) - 1)]
        if self._left < pause:
            return False
        self._left, self._waits = self._left - pause, self._waits + 1
        await asyncio.sleep(pause)
        return True

    def rest(self) -> None:
        """The store is back: the next time begins with short pauses."""
        self._waits = 0


async def take(archive: Archive, player: Player, folder: Path, row: dict[str, Any], patience: Patience) -> Taken:
    """Put a recording's audio into the archive; one that can't be read is told why. Raises `OSError`."""
    with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(folder)) as spool:
        try:
            sha256 = await _patiently(player, row, spool, patience)
        except CallcenterError as error:
            return Taken(row, None, str(error))
        if sha256 != row["sha256"]:
            return Taken(row, None, "its audio is not what was sealed")
        name = audio_name(row)
        await asyncio.to_thread(archive.add, name, row["started_at"], spool, sha256)
    return Taken(row, name)


async def _patiently(player: Player, row: dict[str, Any], spool: IO[bytes], patience: Patience) -> str:
    while True:
        try:
            sha256 = await _read(player, row, spool)
        except StoreUnavailable:
            if not await patience.wait():
                raise
            spool.seek(0)
            spool.truncate()
        else:
            patience.rest()
            return sha256


async def _read(player: Player, row: dict[str, Any], spool: IO[bytes]) -> str:
    """The audio's SHA-256. Raises what playing raises."""
    audio, digest = player.open(row), hashlib.sha256()
    async with aclosing(audio.read(0, audio.size)) as pieces:
        async for piece in pieces:
            digest.update(piece)
            await asyncio.to_thread(spool.write, piece)
    return digest.hexdigest()
