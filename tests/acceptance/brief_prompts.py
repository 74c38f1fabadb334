"""The site's own recordings, as an administrator may have them: short tones, so that calls don't last long."""

import math
import struct
import wave
from pathlib import Path

from callcenter.dialplan.prompts import read_catalogue
from callcenter.dialplan.site import source_dir

NOTICE_SECONDS = 1.5
PROMPT_SECONDS = 0.6
HERTZ = 330
TENTH = b"".join(struct.pack("<h", int(3000 * math.sin(2 * math.pi * HERTZ * i / 8000))) for i in range(800))
"""0.1 s of it: whole periods"""


def write_prompts(home: Path) -> None:
    """One for each prompt of the catalogue."""
    folder = home / "prompts" / "zh"
    for prompt in read_catalogue(source_dir("dialplans") / "prompts"):
        seconds = NOTICE_SECONDS if prompt.name.endswith("-notice") else PROMPT_SECONDS
        write_tone(folder / f"{prompt.name}.wav", seconds)


def write_tone(path: Path, seconds: float) -> None:
    """One of them, to a tenth of a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(TENTH * round(10 * seconds))
