"""Audio as an HTTP answer: whole or one part of it (RFC 9110, 14), unchanged when the client has it.

Who listens is kept before the first byte is sent, and what was sent when the answer ends, however it ends.
"""

import asyncio
from collections.abc import AsyncIterable, Mapping

from fastapi import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from callcenter.http.ranges import asked_part
from callcenter.recordings.playback import Audio, begun
from callcenter.recordings.playbacks import Listening, Playback


class AudioAnswer(StreamingResponse):
    """A stream whose playback is told how much of it was sent, also when the client breaks off."""

    def __init__(
        self, pieces: AsyncIterable[bytes], playback: Playback, status: int, headers: Mapping[str, str], media_type: str
    ) -> None:
        super().__init__(pieces, status, headers, media_type)
        self._playback, self._sent = playback, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            self._sent += len(message.get("body", b""))  # before it is sent: rather too much than too little
            await send(message)

        try:
            await super().__call__(scope, receive, counted)
        finally:
            await asyncio.shield(self._playback.end(self._sent))


async def audio_answer(request: Request, audio: Audio, listening: Listening) -> Response:
    """Raises `RangeNotSatisfiable`, `RecordingMissing`, `PartUnavailable` before anything is sent."""
    headers = {"ETag": audio.etag, "Cache-Control": "private, no-store", "Accept-Ranges": "bytes"}
    if audio.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    stale = request.headers.get("if-range", audio.etag) != audio.etag
    part = None if stale else asked_part(request.headers.get("range"), audio.size)
    start, end = part or (0, audio.size)
    headers["Content-Length"] = str(end - start)
    headers["Content-Disposition"] = f'inline; filename="{audio.file_name}"'
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{audio.size}"
    status = 206 if part else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=audio.media_type)
    pieces = await begun(audio.read(start, end))
    playback = Playback(request.app.state.engine, audio.id, audio.length, listening)
    await playback.begin(start, end)
    return AudioAnswer(pieces, playback, status, headers, audio.media_type)
