"""A deployment's own call through the new dialplan: up to the phones, proven by the journal, ringing nobody."""

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from callcenter.ami.actions import Action
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import ActionFailed
from callcenter.journal.facts import CelFact, parse_lines

WITHIN_SECONDS = 45.0
REACHED = "self_test_reached"
MUST_SAY = ("SERVICE", "RECORDING", "NOTICE_PLAYED")
"""What the dialplan tells the journal before a citizen would be rung through."""


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What became of one call. `why` is empty when it got where it should."""

    line: str
    said: tuple[str, ...]
    why: str = ""

    def __str__(self) -> str:
        return f"{self.line}: {'passed' if not self.why else self.why} ({' '.join(self.said)})"


async def place(client: AmiClient, line: str, number: str, journal: Path) -> SelfTest:
    """Ring one of our numbers from within and follow the journal. Raises `AmiFault` when the call can't be placed."""
    mark = secrets.token_hex(8)
    start = await asyncio.to_thread(_size, journal)
    try:
        await client.ask(originate(number, mark))
    except ActionFailed as failed:
        return SelfTest(line, (), f"the call could not be placed: {failed.facts['said']}")
    return await _follow(client, line, mark, journal, start)


def originate(number: str, mark: str) -> Action:
    """Our number dialled as the trunk would; the other end is the context `self-test`."""
    return Action(
        "Originate",
        (
            ("Channel", f"Local/{number}@from-trunk/n"),
            ("Context", "self-test"),
            ("Exten", "caller"),
            ("Priority", "1"),
            ("Timeout", "10000"),
            ("CallerID", "self-test <0>"),
            ("Variable", f"__SELF_TEST={mark}"),
            ("Async", "true"),
        ),
    )


async def _follow(client: AmiClient, line: str, mark: str, journal: Path, start: int) -> SelfTest:
    deadline = asyncio.get_running_loop().time() + WITHIN_SECONDS
    found = SelfTest(line, (), "the journal says nothing of it")
    channel = ""
    while asyncio.get_running_loop().time() < deadline:
        facts = await asyncio.to_thread(_facts, journal, start)
        call = of_call(facts, mark)
        channel = call[0].channel if call else ""
        found, over = judge(line, call)
        if over:
            break
        await asyncio.sleep(0.1)
    await _hang_up(client, channel)
    return found


def _size(journal: Path) -> int:
    return journal.stat().st_size if journal.exists() else 0


def _facts(journal: Path, start: int) -> list[CelFact]:
    if not journal.exists():
        return []
    with journal.open("rb") as file:
        file.seek(start)
        data = file.read()
    facts, _ = parse_lines("cel", data[: data.rfind(b"\n") + 1], start)
    return [fact for fact in facts if isinstance(fact, CelFact)]


def of_call(facts: Iterable[CelFact], mark: str) -> list[CelFact]:
    """The facts of the channel that said our mark, from that on."""
    known = list(facts)
    marked = next((n for n, f in enumerate(known) if _said(f) == ("MARK", f"self_test;{mark}")), None)
    return [f for f in known[marked:] if f.uniqueid == known[marked].uniqueid] if marked is not None else []


def _said(fact: CelFact) -> tuple[str, str]:
    return fact.user_event, str(fact.extra.get("extra", ""))


def judge(line: str, call: list[CelFact]) -> tuple[SelfTest, bool]:
    """The result so far, and whether it is final."""
    said = tuple(f.user_event for f in call if f.type == "USER_DEFINED")
    missing = [event for event in MUST_SAY if event not in said]
    ended = any(f.type in ("HANGUP", "CHAN_END") for f in call)
    there = any(f.user_event == "NOTE" and _said(f)[1].startswith(REACHED) for f in call) or "CLOSED_PLAYED" in said
    if there and not missing:
        return SelfTest(line, said), True
    why = f"{missing[0]} is missing" if there else f"it got no further than {said[-1] if said else 'nothing'}"
    return SelfTest(line, said, why if ended or there else f"{why} within {WITHIN_SECONDS:.0f} s"), ended or there


async def _hang_up(client: AmiClient, channel: str) -> None:
    """The caller's side, too, would go on pressing digits for a while."""
    if channel:
        try:
            await client.ask(Action("Hangup", (("Channel", channel), ("Cause", "16"))))
        except ActionFailed:
            return  # it is gone already
