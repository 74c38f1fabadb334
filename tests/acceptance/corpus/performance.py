"""A story being acted: who plays which part on which phone, and when each step was done, by the phones' own word."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.acceptance.brief_prompts import NOTICE_SECONDS, PROMPT_SECONDS
from tests.acceptance.corpus.lanes import Lane, LanedHotline
from tests.acceptance.corpus.phonebank import Event, PhoneBank
from tests.acceptance.corpus.story import Story

CALLERS = ("caller", "second", "third", "fourth")
OUTSIDE = ("outside", "mobile")
STEP_SECONDS = 40
"""No step waits longer for what it expects."""
MOBILE = "13800000991"
"""Of the person on duty"""
LEAVE_SECONDS = 8
"""Nobody may be left longer in a call that is over."""
_numbers = count(13700000000 + int(time.time()) % 900000 * 100)


@dataclass
class Party:
    """One role: its line, and its calls in the order in which they came."""

    role: str
    bank: PhoneBank
    line: str
    number: str
    since: int
    calls: list[str] = field(default_factory=list)

    @property
    def seen(self) -> list[Event]:
        """Everything that this party's calls told so far."""
        return [e for e in self.bank.events[self.since :] if e.get("call") in self.calls]

    def living(self) -> list[str]:
        ended = {e["call"] for e in self.seen if e["event"] == "ended"}
        return [call for call in self.calls if call not in ended]

    @property
    def newest(self) -> str:
        return self._up()[-1]

    @property
    def first(self) -> str:
        return self._up()[0]

    def _up(self) -> list[str]:
        living = self.living()
        assert living, f"{self.role} is in no call: {self._told()}"
        return living

    def _told(self) -> list[str]:
        """What all phones of this lane told in this story, by seconds."""
        told = self.bank.events[self.since :]
        began = told[0]["at"] if told else 0.0
        return [
            " ".join(str(x) for x in (f"{e['at'] - began:.2f}", e["event"], e.get("call"), e.get("code", "")))
            for e in told[-40:]
        ]

    def tell(self, do: str, call: str, **facts: Any) -> None:
        self.bank.tell(do, line=self.line, call=call, **facts)

    async def expect(self, event: str, call: str, within: float = STEP_SECONDS, **facts: Any) -> Event:
        return await self.bank.expect({"event": event, "call": call, **facts}, self.since, within)


class Performance:
    """The stage of one story in one lane."""

    def __init__(self, story: Story, lane: Lane, hotline: LanedHotline) -> None:
        self.story, self.lane, self.hotline = story, lane, hotline
        self.since, self.outside_since = len(lane.bank.events), len(hotline.outside.events)
        self.parties: dict[str, Party] = {}
        self.instants: dict[str, float] = {}
        self.began_at = self.over_at = time.time()

    # ---- who ----------------------------------------------------------------------------------------------

    def caller(self, role: str, number: str = "") -> Party:
        """A citizen; each has a number of his own unless the story names one."""
        if role not in self.parties:
            number = number or str(next(_numbers))
            self.parties[role] = Party(role, self.lane.bank, self.lane.trunk, number, self.since)
        return self.parties[role]

    async def rung(self, role: str) -> Party:
        """Whoever plays this role, once a call has come in that nobody has taken note of: a free role takes it."""
        if role in OUTSIDE:
            return await self._outside_rung(role)
        party = self.parties.get(role)
        taken = tuple(call for each in self.parties.values() for call in each.calls)
        facts = {"event": "incoming", **({"line": party.line} if party else {})}
        lines = {p.line for p in self.parties.values()}
        while True:
            event = await self.lane.bank.expect(facts, self.since, STEP_SECONDS, taken)
            if party or event["line"] not in lines:
                break
            taken += (event["call"],)
        party = party or self.cast(role, event["line"])
        party.calls.append(event["call"])
        return party

    async def _outside_rung(self, role: str) -> Party:
        party = self.parties.get(role) or self.outsider(role)
        facts = {"event": "incoming", "to": f"sip:{party.number}@{self.hotline.settings.trunk_address}"}
        event = await self._outside_incoming(facts, party)
        party.calls.append(event["call"])
        return party

    async def _outside_incoming(self, facts: Event, party: Party) -> Event:
        deadline = time.monotonic() + STEP_SECONDS
        while time.monotonic() < deadline:
            for event in party.bank.events[party.since :]:
                fresh = event["event"] == "incoming" and event["call"] not in party.calls
                if fresh and f":{party.number}@" in event["to"]:
                    return event
            await asyncio.sleep(0.05)
        raise AssertionError(f"{party.role} {party.number} was not rung")

    def outsider(self, role: str, number: str = "") -> Party:
        """Somebody with a telephone outside, whose number the trunk is asked for."""
        if role not in self.parties:
            number = number or (MOBILE if role == "mobile" else str(next(_numbers)))
            self.parties[role] = Party(role, self.hotline.outside, "outside", number, self.outside_since)
        return self.parties[role]

    def cast(self, role: str, line: str) -> Party:
        self.parties[role] = Party(role, self.lane.bank, line, line, self.since)
        return self.parties[role]

    def agent(self, role: str) -> Party:
        """Whoever plays this role; else a free phone, that of a colleague who is in no queue before all others."""
        if role in self.parties:
            return self.parties[role]
        used = {p.line for p in self.parties.values()}
        free = [line for line in self.lane.phones if line not in used]
        colleagues = [line for line in free if line not in self.lane.phones[: self.story.members]]
        return self.cast(role, (colleagues or free)[0])

    def anybody(self, role: str) -> Party:
        if role in CALLERS:
            return self.caller(role)
        return self.outsider(role) if role in OUTSIDE else self.agent(role)

    def member(self, role: str) -> Party:
        """A phone that is in the queue, for what is to be arranged before anybody rings."""
        used = {p.line for p in self.parties.values()}
        line = next(line for line in self.lane.phones[: self.story.members] if line not in used)
        return self.parties.get(role) or self.cast(role, line)

    # ---- when ---------------------------------------------------------------------------------------------

    def done(self, step: str, at: float) -> None:
        """`A answers after 2` is remembered as `A answers`; the second time as `A answers again`."""
        name = step.partition(" after ")[0]
        while name in self.instants:
            name += " again"
        self.instants[name] = at

    def instant(self, name: str) -> float:
        """When a step was done, or what a caller's own phone knows: when he `queues` (the notice was heard to its end),
        when his `patience` ended, when he was `told` that nobody comes, when his call `ends`.
        """
        who, _, what = name.partition(" ")
        queues = self.event_of(who, "answered") + NOTICE_SECONDS if who in self.parties else 0.0
        known = {
            "queues": queues,
            "patience": queues + self.hotline.settings.queue_timeout_seconds,
            "told": self.event_of(who, "ended") - 2 * PROMPT_SECONDS if who in self.parties else 0.0,
            "ends": self.event_of(who, "ended") if who in self.parties else 0.0,
            "is connected": self.event_of(who, "answered") if who in self.parties else 0.0,
        }
        assert name in self.instants or what in known, f"the script has no step {name!r}"
        return self.hotline.wall(self.instants.get(name) or known[what])

    def event_of(self, role: str, event: str) -> float:
        """When a caller's first call dialled, was answered, or his last one ended; 0 when it never was."""
        if role in OUTSIDE and event == "dialling":
            event = "incoming"
        found = [float(e["at"]) for e in self.parties[role].seen if e["event"] == event]
        return (found[-1] if event == "ended" else found[0]) if found else 0.0

    def rings(self, caller: str) -> dict[str, list[tuple[float, float]]]:
        """Number of each phone of ours, and of the mobile on duty → when it rang during this caller's call.

        By the phones' own word. With several callers, when it showed his number.
        """
        shown = self.parties[caller].number if len(self.story.callers) > 1 else ""
        begin, end = self.event_of(caller, "dialling"), self.event_of(caller, "ended")
        found: dict[str, list[tuple[float, float]]] = {}
        for event, seen in self._rung():
            number = event["line"] if event["line"] in self.lane.phones else MOBILE
            if shown in event["remote"] and begin <= event["at"] < end:
                found.setdefault(number, []).append(_spell(event, seen))
        return found

    def spell(self, role: str) -> tuple[float, float]:
        """When this party's telephone rang."""
        incoming = next(e for e in self.parties[role].seen if e["event"] == "incoming")
        return _spell(incoming, self.parties[role].seen)

    def _rung(self) -> Iterator[tuple[Event, list[Event]]]:
        seen, outside = self.lane.bank.events[self.since :], self.hotline.outside.events[self.outside_since :]
        for event in seen:
            if event["event"] == "incoming" and event["line"] in self.lane.phones:
                yield event, seen
        for event in outside if "emergency" in self.story.script else []:
            if event["event"] == "incoming" and f":{MOBILE}@" in event["to"]:
                yield event, outside

    async def quiet(self) -> None:
        """Wait until everybody is out of his call. Raises `AssertionError`: somebody was left in one."""
        for party in self.parties.values():
            for call in party.living():
                try:
                    await party.expect("ended", call, LEAVE_SECONDS)
                except AssertionError:
                    raise AssertionError(f"{party.role} is left in a call") from None


def _spell(incoming: Event, seen: list[Event]) -> tuple[float, float]:
    """From its ringing until it was answered or rang no more."""
    over = [e["at"] for e in seen if e.get("call") == incoming["call"] and e["event"] in {"answered", "ended"}]
    return float(incoming["at"]), float(over[0]) if over else float(incoming["at"])
