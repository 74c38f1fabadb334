"""One recording as a file to keep: a ZIP of its audio and a manifest, made while it is sent.

Stored, not deflated: Opus gains nothing. The sizes follow each file's data, as nothing is read twice.
"""

import hashlib
import zipfile
from collections.abc import AsyncGenerator, AsyncIterable
from datetime import datetime
from typing import IO, Any, cast

import orjson

from callcenter.clock import LOCAL_ZONE
from callcenter.http.encoding import to_json
from callcenter.listening.manifest import Taken, audio_name, manifest
from callcenter.recordings.playbacks import Listening

FIRST_YEAR, LAST_YEAR = 1980, 2107
"""Of ZIP's dates (APPNOTE 4.4.6)"""


class _Outlet:
    """What zipfile writes to; it can't seek."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def write(self, data: bytes) -> int:
        self._waiting += data
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def take(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


def member(name: str, at: datetime) -> zipfile.ZipInfo:
    """A stored file that its owner alone may read; ZIP knows local time without a zone."""
    local = at.astimezone(LOCAL_ZONE)
    year = min(max(local.year, FIRST_YEAR), LAST_YEAR)
    info = zipfile.ZipInfo(name, (year, local.month, local.day, local.hour, local.minute, local.second))
    info.external_attr = 0o100600 << 16
    return info


async def zipped(
    row: dict[str, Any], pieces: AsyncIterable[bytes], listening: Listening, at: datetime
) -> AsyncGenerator[bytes, None]:
    """The ZIP, piece by piece. What the audio's reading raises ends it: a ZIP that is cut has no directory."""
    outlet, name, digest = _Outlet(), audio_name(row), hashlib.sha256()
    with zipfile.ZipFile(cast("IO[bytes]", outlet), "w") as archive:
        with archive.open(member(name, row["started_at"]), "w", force_zip64=row["bytes"] > zipfile.ZIP64_LIMIT) as file:
            async for piece in pieces:
                digest.update(piece)
                file.write(piece)
                yield outlet.take()
        described = manifest([Taken(row, name)], listening, at, audio_sha256=digest.hexdigest())
        archive.writestr(member("manifest.json", at), to_json(described, orjson.OPT_INDENT_2))
    yield outlet.take()
