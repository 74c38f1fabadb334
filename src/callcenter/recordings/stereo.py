"""Two legs become one stereo file: caller left, what the caller heard (prompts, music, agent) right.

ffmpeg streams, so memory stays flat for a call of any length. The legs are read as raw samples behind their headers: a
header that a crash left at length 0 does not cut the audio.
"""

import asyncio
import hashlib
import os
import wave
from dataclasses import dataclass
from pathlib import Path

from callcenter.errors import CallcenterError
from callcenter.recordings.wav import HEADER_BYTES, RATE, SAMPLE_BYTES, WavFile

FFMPEG_SECONDS = 600
"""A file that takes longer is given up and tried again later."""
NICENESS = "10"
"""Running calls come first."""


class JoinFailed(CallcenterError):
    """ffmpeg could not join the legs of {name}: {why}"""

    code = "recording_join_failed"


@dataclass(frozen=True, slots=True)
class StereoFile:
    path: Path
    seconds: float
    bytes: int
    sha256: str


async def join_legs(ffmpeg: tuple[str, ...], caller: WavFile, agent: WavFile, target: Path) -> StereoFile:
    """Write `target` (16-bit PCM stereo, 8 kHz) atomically; the shorter leg is followed by silence.

    Raises `JoinFailed` and `OSError`; then `target` is untouched.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    part = target.with_suffix(".part")
    try:
        await _run(ffmpeg, caller, agent, part)
        sha256, size = await asyncio.to_thread(_seal, part, target)
    finally:
        part.unlink(missing_ok=True)
    return StereoFile(target, round(max(_samples(caller), _samples(agent)) / RATE, 3), size, sha256)


def kept_file(target: Path) -> StereoFile | None:
    """The file that an earlier try moved into place; None when there is none.

    The legs are removed once the database has the note. A database that forgot it again (a failover to a standby that
    was behind, a restored backup) must not make us forget the audio.
    """
    try:
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
        with wave.open(str(target), "rb") as audio:
            return StereoFile(target, round(audio.getnframes() / audio.getframerate(), 3), size, digest)
    except (FileNotFoundError, wave.Error, EOFError):
        return None


def _samples(leg: WavFile) -> int:
    return leg.audio_bytes // SAMPLE_BYTES


async def _run(ffmpeg: tuple[str, ...], caller: WavFile, agent: WavFile, part: Path) -> None:
    raw = ["-f", "s16le", "-ar", str(RATE), "-ac", "1", "-skip_initial_bytes", str(HEADER_BYTES)]
    length = max(_samples(caller), _samples(agent))
    pad = f"apad=whole_len={length}"
    joined = f"[0:a]{pad}[l];[1:a]{pad}[r];[l][r]join=inputs=2:channel_layout=stereo,atrim=end_sample={length}"
    command = [
        *("nice", "-n", NICENESS, *ffmpeg, "-v", "error", "-nostdin", "-y"),
        *(*raw, "-i", f"file:{caller.path}", *raw, "-i", f"file:{agent.path}"),
        *("-filter_complex", joined, "-c:a", "pcm_s16le", "-map_metadata", "-1", "-fflags", "+bitexact"),
        *("-f", "wav", f"file:{part}"),
    ]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), FFMPEG_SECONDS)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise JoinFailed(name=part.stem, why=said.decode(errors="replace").strip()[:300] or process.returncode)


def _seal(part: Path, target: Path) -> tuple[str, int]:
    """Hash, make durable, move into place."""
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    part.chmod(0o600)
    size = part.stat().st_size
    part.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return digest, size
