"""What the worker does for one job: finds the audio, has it sealed, says what it found. Blocking."""

from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from callcenter.recordings import stereo
from callcenter.recordings.encoding import Format
from callcenter.recordings.sealing import seal, seal_legs
from callcenter.recordings.site_key import load_public
from callcenter.recordings.wav import WavFile, inspect_left
from callcenter.recordings.worker import Job


def make(job: Job) -> dict[str, Any]:
    """Seal the recording. Raises `OSError`, `ValueError`, `InvalidInput`; then nothing is left behind."""
    site, recording = load_public(Path(job.public_key)), UUID(job.recording)
    folder, format = Path(job.folder), Format(job.format)
    if job.stereo:
        file = stereo.inspect_file(Path(job.stereo))
        samples = file.audio_bytes // stereo.FRAME_BYTES
        sealed = seal(recording, stereo.blocks_of_stereo(file), samples, folder, format, site)
    else:
        sealed = seal_legs(recording, (_leg(job.caller), _leg(job.agent)), folder, format, site)
    return asdict(sealed)


def _leg(path: str | None) -> WavFile:
    """A leg; for one that is not there, a file without audio."""
    return inspect_left(Path(path)) if path else WavFile(Path("/dev/null"), 0, 0)
