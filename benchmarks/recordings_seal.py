"""Sealing a recording: join two legs, listen, encode, encrypt, hash — against plain ffmpeg doing the same.

ffmpeg joins the same legs, measures them (astats, silencedetect), and encodes them with the same encoder and options.
Its output is then encrypted by openssl (AES-256-CTR: the command line has no GCM) and hashed by sha256sum. Processor
time of all, not wall time: one core either way. Ours runs in the worker as the listener does, once for many recordings.
Medians of paired rounds.

    python benchmarks/recordings_seal.py [--minutes 20] [--rounds 5] [--hours 5]
"""

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import numpy as np
from rich.console import Console
from rich.table import Table

from callcenter.recordings.encoding import CODECS, Format
from callcenter.recordings.site_key import new_private, public_of
from callcenter.recordings.wav import header
from callcenter.recordings.worker import Job, Worker

RATE = 8000
OPUS = CODECS[Format.OPUS]


def speech(seconds: int, seed: int) -> np.ndarray:
    """Syllables of a buzzing voice with pauses: what an encoder finds as hard as speech."""
    chance = np.random.default_rng(seed)
    n = np.arange(seconds * RATE)
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.4 * n / RATE)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(phase * k) / k for k in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 3.7 * n / RATE + seed), 0, 1)
    talks = np.repeat(chance.random(seconds // 4 + 1) < 0.5, 4 * RATE)[: len(n)]
    return (voice * syllables * talks * 3000 + chance.normal(0, 25, len(n))).astype("<i2")


def write_legs(folder: Path, seconds: int) -> tuple[Path, Path]:
    """Two legs as Asterisk leaves them; longer ones repeat ten minutes."""
    paths = folder / "x-caller.wav", folder / "x-agent.wav"
    for seed, path in enumerate(paths):
        piece = speech(min(seconds, 600), seed).tobytes()
        with path.open("wb") as file:
            file.write(header(1, seconds * RATE * 2))
            for begun in range(0, seconds, 600):
                file.write(piece[: (min(600, seconds - begun)) * RATE * 2])
    return paths


def ffmpeg(legs: tuple[Path, Path], folder: Path) -> None:
    join = "[0:a][1:a]join=inputs=2:channel_layout=stereo,astats=metadata=0,silencedetect=noise=-50dB:d=1"
    options = ["-b:a", str(OPUS.bit_rate)] + [w for k, v in OPUS.options.items() for w in (f"-{k}", str(v))]
    out = folder / "f.opus"
    run("ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-threads", "1", "-i", str(legs[0]), "-i", str(legs[1]),
        "-filter_complex", join, "-c:a", "libopus", *options, str(out))  # fmt: skip
    key = ["-K", "00" * 32, "-iv", "00" * 16]
    run("openssl", "enc", "-aes-256-ctr", *key, "-in", str(out), "-out", f"{out}.enc")
    run("sha256sum", str(out), f"{out}.enc")


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Ours:
    """The worker, started once."""

    def __init__(self, legs: tuple[Path, Path], folder: Path) -> None:
        self.worker, self.legs, self.folder = Worker(), legs, folder
        (folder / "site.pem").write_text(new_private())
        (folder / "public.pem").write_text(public_of(folder / "site.pem"))

    async def seal(self) -> float:
        """Processor seconds of the worker for one recording."""
        before = self.cpu()
        job = Job(str(uuid4()), str(self.folder / "sealed"), "opus", str(self.folder / "public.pem"),
                  caller=str(self.legs[0]), agent=str(self.legs[1]))  # fmt: skip
        await self.worker.do(job)
        return self.cpu() - before

    def cpu(self) -> float:
        if self.worker._process is None:
            return 0.0
        fields = Path(f"/proc/{self.worker._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_megabytes(self) -> float:
        assert self.worker._process is not None
        status = Path(f"/proc/{self.worker._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def cpu_of(work: Callable[[], None]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def measure(minutes: int, rounds: int, hours: float) -> None:
    seconds = minutes * 60
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        legs = write_legs(folder, seconds)
        ours = Ours(legs, folder)
        await ours.seal()  # warm: encoders are loaded once
        pairs = [(await ours.seal(), cpu_of(lambda: ffmpeg(legs, folder))) for _ in range(rounds)]
        table = Table(title=f"Sealing {minutes} minutes of a call, processor seconds, {rounds} paired rounds")
        for column in ("", "median s", "times real time", "speed to ffmpeg's"):
            table.add_column(column, justify="right")
        mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratio = statistics.median(b / a for a, b in pairs)
        table.add_row("ours", f"{mine:.2f}", f"{seconds / mine:.0f}", f"{ratio:.2f}")
        table.add_row("ffmpeg, openssl, sha256sum", f"{theirs:.2f}", f"{seconds / theirs:.0f}", "1")
        Console().print(table)
        if hours:
            short = ours.peak_megabytes()
            ours.legs = write_legs(folder, int(hours * 3600))
            spent = await ours.seal()
            times, most = hours * 3600 / spent, ours.peak_megabytes()
            print(
                f"{hours:g} hours: {times:.0f} times real time; the worker's peak {most:.0f} MB, before {short:.0f} MB"
            )
        await ours.worker.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hours", type=float, default=5)
    asked = parser.parse_args()
    asyncio.run(measure(asked.minutes, asked.rounds, asked.hours))


if __name__ == "__main__":
    main()
