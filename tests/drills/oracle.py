"""What really happened: each call's plan is on disk before its INVITE leaves, what the phones saw follows."""

import asyncio
import json
import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Plan:
    """One call as it is meant to go. Seconds."""

    number: str
    """The caller's number; it names the call."""
    story: str
    """`caller_hangs_up`, `agent_hangs_up`, `leaves_ringing`, `leaves_notice`, `cancels`"""
    ring: float = 0.4
    """An agent's phone rings so long before it answers"""
    stay: float = 2.0
    """Talk, or the time until the caller leaves"""
    caller_says: str = ""
    agent_says: str = ""
    """What each phone sends, by name (`load.Sounds`); empty: a tone"""


@dataclass(slots=True)
class Seen:
    """What both phones saw. Instants in Unix seconds of this machine's clock; 0: never."""

    number: str
    invited_at: float = 0.0
    status: int = 0
    """The final answer to the INVITE; 0: none came"""
    any_answer: bool = False
    answered_at: float = 0.0
    rung: list[str] = field(default_factory=list)
    """Agents whose phones rang for this call"""
    rang_at: float = 0.0
    picked_up_at: float = 0.0
    """An agent's phone sent its 200; talk begins when that is acknowledged"""
    agent: str = ""
    talk_from: float = 0.0
    talk_until: float = 0.0
    ended_at: float = 0.0
    ended_by: str = ""
    """`caller`, `agent`, `pbx`; empty: the call was still up when the phones gave up on the PBX"""
    bye_status: int = 0
    audio_late: float = 0.0
    """Seconds of both phones' audio that left in bursts, because nobody ran this process in time"""

    @property
    def talk(self) -> float:
        return max(0.0, self.talk_until - self.talk_from) if self.talk_from else 0.0


class Oracle:
    """An append-only file, fsynced line by line; the judge reads it back from disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def close(self) -> None:
        os.close(self._fd)

    async def plan(self, plan: Plan) -> None:
        """Returns when the plan cannot be lost any more."""
        await self._write({"say": "plan", "at": time.time(), **asdict(plan)})

    async def seen(self, seen: Seen) -> None:
        await self._write({"say": "seen", "at": time.time(), **asdict(seen)})

    async def _write(self, fact: dict[str, object]) -> None:
        line = json.dumps(fact).encode() + b"\n"
        await asyncio.to_thread(self._sync, line)

    def _sync(self, line: bytes) -> None:
        os.write(self._fd, line)
        os.fdatasync(self._fd)


def read(path: Path, prefix: str = "") -> dict[str, tuple[Plan, Seen]]:
    """Every call that was planned, by its number; one without an observation counts as never answered."""
    plans: dict[str, Plan] = {}
    seen: dict[str, Seen] = {}
    for line in path.read_text().splitlines():
        fact = json.loads(line)
        say, _ = fact.pop("say"), fact.pop("at")
        if say == "plan":
            plans[fact["number"]] = Plan(**fact)
        else:
            seen[fact["number"]] = Seen(**fact)
    return {n: (plan, seen.get(n, Seen(n))) for n, plan in plans.items() if n.startswith(prefix)}
