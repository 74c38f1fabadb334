"""The words of a script: each is one line that somebody on the telephone would understand.

`caller`, `second`, `third` are citizens; A, B, C … are agents: who is rung first plays the role that comes first;
`outside` and `mobile` are telephones that the trunk reaches. A step that waits for something fails when it doesn't
come.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

from tests.acceptance.brief_prompts import NOTICE_SECONDS
from tests.acceptance.corpus.lanes import REAL
from tests.acceptance.corpus.performance import STEP_SECONDS, Party, Performance

Verb = Callable[..., Awaitable[float]]
VERBS: list[tuple[re.Pattern[str], Verb]] = []
WHO = r"(?P<who>[a-z]+|[A-Z])"
NUMBER_WORDS = {"hotline": "12333", "emergency": "12334"}
MENU_DIGIT_SECONDS = 1.2
"""From one digit to the next: what the menu says in between is over."""
AFTER_NOTICE = 0.5
"""Seconds: the notice is over and the caller waits in the queue."""


def verb(pattern: str) -> Callable[[Verb], Verb]:
    """A step's pattern; `after 1.5` may follow every one."""

    def register(function: Verb) -> Verb:
        VERBS.append((re.compile(f"{pattern}(?: after (?P<after>[0-9.]+))?"), function))
        return function

    return register


async def perform(performance: Performance) -> None:
    """Act the whole script. Raises `AssertionError` with the step that failed."""
    for step in performance.story.steps:
        try:
            await _act(performance, step)
        except AssertionError as error:
            raise AssertionError(f"step {step!r}: {error}") from None


async def _act(performance: Performance, step: str) -> None:
    for pattern, function in VERBS:
        if found := pattern.fullmatch(step):
            words = {name: value for name, value in found.groupdict().items() if name != "after"}
            after = float(found["after"] or 0)
            performance.done(step, await function(performance, after=after, **words))
            return
    raise AssertionError("not in the language")


# ---- time -------------------------------------------------------------------------------------------------


@verb("(?:talk|wait) (?P<seconds>[0-9.]+)")
async def lasts(p: Performance, seconds: str, after: float) -> float:
    await asyncio.sleep(float(seconds))
    return time.time()


# ---- calling ----------------------------------------------------------------------------------------------


@verb(
    r"(?P<who>caller|second|third|fourth) dials (?P<number>\S+)"
    r"(?: as (?P<alias>\S+))?(?: asserted (?P<asserted>\S+))?(?: named (?P<name>.+?))?"
)
async def dials(
    p: Performance, who: str, number: str, alias: str | None, asserted: str | None, name: str | None, after: float
) -> float:
    """`as` is what From says, `asserted` what the provider says (P-Asserted-Identity)."""
    await asyncio.sleep(after)
    party = p.caller(who, asserted or alias or "")
    user = alias or party.number
    shown = f'"{name}" ' if name else ""
    call = f"{p.story.name}/{who}/{len(party.calls)}"
    kind = p.story.queue
    headers = {} if kind == REAL else {"X-Lane": f"{p.lane.number}{f'-{kind}' if kind else ''}"}
    if asserted:
        headers["P-Asserted-Identity"] = f"<sip:{asserted}@provider.example>"
    party.calls.append(call)
    said = f"{shown}<sip:{user}@127.0.0.9>"
    party.tell("dial", call, to=NUMBER_WORDS.get(number, number), headers=headers, **{"from": said})
    return float((await party.expect("dialling", call))["at"])


@verb(f"{WHO} calls (?P<number>[A-Za-z0-9*]+)")
async def calls(p: Performance, who: str, number: str, after: float) -> float:
    """An agent rings a colleague, a place, a code or somebody outside."""
    await asyncio.sleep(after)
    party = p.agent(who)
    return await _ring(p, party, _number_of(p, number))


async def _ring(p: Performance, party: Party, number: str) -> float:
    call = f"{p.story.name}/{party.role}/{len(party.calls)}"
    party.calls.append(call)
    party.tell("dial", call, to=number)
    return float((await party.expect("dialling", call))["at"])


def _number_of(p: Performance, word: str) -> str:
    """A role's number, or what was written."""
    if pickup := re.fullmatch(r"\*8([A-Z])", word):
        return f"*8{p.anybody(pickup[1]).number}"
    if re.fullmatch("[A-Z]", word) or word in {"outside", "mobile"}:
        return p.anybody(word).number
    return NUMBER_WORDS.get(word, word)


@verb(f"{WHO} is (?:answered|heard)")
async def is_answered(p: Performance, who: str, after: float) -> float:
    party = p.anybody(who)
    return float((await party.expect("answered", party.newest))["at"])


@verb(f"{WHO} waits in the queue")
async def waits(p: Performance, who: str, after: float) -> float:
    """The notice is over."""
    party = p.anybody(who)
    answered = await party.expect("answered", party.newest)
    await asyncio.sleep(max(0.0, answered["at"] + NOTICE_SECONDS + AFTER_NOTICE - time.time()))
    return time.time()


@verb(f"{WHO} hears the system's (?P<code>[0-9]+)")
async def refused(p: Performance, who: str, code: str, after: float) -> float:
    """The call ends with this SIP status."""
    party = p.anybody(who)
    return float((await party.expect("ended", party.calls[-1], code=int(code)))["at"])


@verb(r"(?P<who>caller|second|third|fourth) chooses (?P<digits>[0-9*#]+)")
async def chooses(p: Performance, who: str, digits: str, after: float) -> float:
    """In the menu, which begins when the notice is over; each digit when the one before has been heard."""
    party = p.anybody(who)
    await waits(p, who, 0)
    at = time.time()
    for digit in digits:
        at = time.time()
        party.tell("digits", party.first, digits=digit)
        await asyncio.sleep(MENU_DIGIT_SECONDS)
    return at


@verb("outside is the caller's telephone")
async def rings_back(p: Performance, after: float) -> float:
    p.outsider("outside", p.caller("caller").number)
    return time.time()


@verb(r"the clock moves to (?P<wall>[0-9: -]+)")
async def clock_moves(p: Performance, wall: str, after: float) -> float:
    await p.hotline.move(wall)
    return time.time()


@verb(f"{WHO} keeps pressing (?P<digit>[0-9]) until he is gone")
async def keeps_pressing(p: Performance, who: str, digit: str, after: float) -> float:
    """A digit is not taken while a prompt plays."""
    party = p.anybody(who)
    call = party.first
    for _ in range(40):
        if not party.living():
            return time.time()
        party.tell("digits", call, digits=digit)
        await asyncio.sleep(0.8)
    raise AssertionError(f"{who} is still in the call")


@verb(f"{WHO} keeps pressing (?P<digit>[0-9]) for (?P<seconds>[0-9]+) seconds")
async def presses_for(p: Performance, who: str, digit: str, seconds: str, after: float) -> float:
    party, until = p.anybody(who), time.time() + int(seconds)
    while time.time() < until:
        party.tell("digits", party.first, digits=digit)
        await asyncio.sleep(0.8)
    return time.time()


@verb(f"{WHO} says nothing")
async def says_nothing(p: Performance, who: str, after: float) -> float:
    party = p.anybody(who)
    party.tell("play", party.first, hertz=0)
    return time.time()


# ---- being called -----------------------------------------------------------------------------------------


@verb(f"{WHO} rings")
async def rings(p: Performance, who: str, after: float) -> float:
    party = await p.rung(who)
    return float((await party.expect("incoming", party.calls[-1]))["at"])


@verb(f"{WHO} rings in vain")
async def rings_in_vain(p: Performance, who: str, after: float) -> float:
    """From ringing to no longer ringing."""
    await rings(p, who, after)
    return await stops_ringing(p, who, after)


@verb(f"{WHO} stops ringing")
async def stops_ringing(p: Performance, who: str, after: float) -> float:
    party = p.anybody(who)
    return float((await party.expect("ended", party.calls[-1]))["at"])


async def _ringing(p: Performance, who: str) -> Party:
    """Who has been rung, or is about to be."""
    party = p.parties.get(who)
    if party and party.living() and not _was_answered(party, party.newest) and _came_in(party, party.newest):
        return party
    return await p.rung(who)


def _was_answered(party: Party, call: str) -> bool:
    return any(e["event"] == "answered" and e["call"] == call for e in party.seen)


def _came_in(party: Party, call: str) -> bool:
    return any(e["event"] == "incoming" and e["call"] == call for e in party.seen)


@verb(f"{WHO} answers")
async def answers(p: Performance, who: str, after: float) -> float:
    party = await _ringing(p, who)
    await asyncio.sleep(after)
    party.tell("answer", party.newest)
    return float((await party.expect("answered", party.newest))["at"])


@verb(f"{WHO} rejects(?: with (?P<code>[0-9]+))?")
async def rejects(p: Performance, who: str, code: str | None, after: float) -> float:
    party = await _ringing(p, who)
    call = party.newest
    await asyncio.sleep(after)
    party.tell("reject", call, code=code or "486")
    return float((await party.expect("ended", call))["at"])


@verb(f"{WHO}'s telephone answers at once")
async def auto(p: Performance, who: str, after: float) -> float:
    party = p.member(who)
    party.bank.tell("auto", line=party.line, after=after)
    return time.time()


@verb(f"{WHO} first says (?P<code>0|180|183)")
async def says_first(p: Performance, who: str, code: str, after: float) -> float:
    """Ringing (180), early media (183), or nothing before the answer."""
    party = p.outsider(who) if who in {"outside", "mobile"} else p.member(who)
    party.bank.tell("ringing", line=party.line, code=code)
    return time.time()


# ---- hanging up -------------------------------------------------------------------------------------------


@verb(f"{WHO} (?:hangs up|cancels)")
async def hangs_up(p: Performance, who: str, after: float) -> float:
    """The call that is newest of those that live."""
    await asyncio.sleep(after)
    party = p.anybody(who)
    call, at = party.newest, time.time()
    party.tell("hangup", call)
    await party.expect("ended", call)
    return at


@verb(f"{WHO} hangs up the caller")
async def hangs_up_first(p: Performance, who: str, after: float) -> float:
    """The call that lives longest: that with the citizen."""
    await asyncio.sleep(after)
    party = p.anybody(who)
    call, at = party.first, time.time()
    party.tell("hangup", call)
    await party.expect("ended", call)
    return at


@verb(f"{WHO} is (?:gone|hung up on)")
async def is_gone(p: Performance, who: str, after: float) -> float:
    """All of his calls are over, by whoever's doing."""
    party = p.anybody(who)
    return max([float((await party.expect("ended", call, 60))["at"]) for call in party.calls])


# ---- in a call --------------------------------------------------------------------------------------------


@verb(f"{WHO} (?P<what>holds|resumes|renegotiates)")
async def re_invites(p: Performance, who: str, what: str, after: float) -> float:
    """A re-INVITE on the call with the citizen."""
    await asyncio.sleep(after)
    party, at = p.anybody(who), time.time()
    party.tell({"holds": "hold", "resumes": "resume", "renegotiates": "reinvite"}[what], party.first)
    return at


@verb(f"{WHO} switches to (?P<codec>alaw|ulaw)")
async def switches(p: Performance, who: str, codec: str, after: float) -> float:
    await asyncio.sleep(after)
    party = p.anybody(who)
    party.bank.tell("codec", name=codec)
    party.tell("reinvite", party.first)
    name = {"alaw": "PCMA", "ulaw": "PCMU"}[codec]
    return float((await party.expect("audio", party.first, codec=name))["at"])


@verb(f"{WHO} presses (?P<digits>[0-9*#]+)(?P<info> by INFO)?")
async def presses(p: Performance, who: str, digits: str, info: str | None, after: float) -> float:
    await asyncio.sleep(after)
    party = p.anybody(who)
    party.tell("digits", party.first, digits=digits, info=bool(info))
    await asyncio.sleep(0.3 * len(digits))
    return time.time()


@verb(f"{WHO} sends a fax tone")
async def fax_tone(p: Performance, who: str, after: float) -> float:
    """CNG of T.30: 1100 Hz, half a second in each three and a half."""
    await asyncio.sleep(after)
    party = p.anybody(who)
    party.tell("play", party.first, hertz=1100, on=0.5, off=3.0)
    return time.time()


@verb(f"{WHO} transfers to (?P<target>[A-Za-z0-9*]+)")
async def transfers(p: Performance, who: str, target: str, after: float) -> float:
    """Blind (REFER): the caller is away from that moment on."""
    await asyncio.sleep(after)
    party, number = p.anybody(who), _number_of(p, target)
    call, at = party.first, time.time()
    party.tell("transfer", call, to=number)
    return at


@verb(f"{WHO}'s transfer (?P<how>succeeds|fails)")
async def transferred(p: Performance, who: str, how: str, after: float) -> float:
    party = p.anybody(who)
    seen = await party.bank.expect(
        {"event": "transferred", "line": party.line, "final": True}, party.since, STEP_SECONDS
    )
    assert (seen["code"] == 200) == (how == "succeeds"), seen
    return float(seen["at"])


@verb(f"{WHO} consults (?P<target>[A-Za-z0-9*]+)")
async def consults(p: Performance, who: str, target: str, after: float) -> float:
    """The caller is put on hold, then the colleague rung."""
    await asyncio.sleep(after)
    party, number, at = p.anybody(who), _number_of(p, target), time.time()
    party.tell("hold", party.first)
    await asyncio.sleep(0.3)
    await _ring(p, party, number)
    return at


@verb(f"{WHO} completes the transfer")
async def completes(p: Performance, who: str, after: float) -> float:
    """The colleague's call takes the place of his own (REFER with Replaces)."""
    await asyncio.sleep(after)
    party = p.anybody(who)
    caller, colleague, at = party.first, party.newest, time.time()
    party.tell("complete", caller, **{"with": colleague})
    await party.expect("ended", caller)
    return at


@verb(r"(?P<who>[A-Z]) answers and (?P<caller>[a-z]+) hangs up")
async def at_the_same_time(p: Performance, who: str, caller: str, after: float) -> float:
    party = await _ringing(p, who)
    leaves = p.anybody(caller)
    call, at = leaves.newest, time.time()
    party.tell("answer", party.newest)
    leaves.tell("hangup", call)
    await leaves.expect("ended", call)
    await party.expect("ended", party.calls[-1])
    return at


@verb(r"(?P<who>[A-Z]) presses (?P<colleague>[A-Z])'s number and #")
async def presses_number(p: Performance, who: str, colleague: str, after: float) -> float:
    return await presses(p, who, f"{p.anybody(colleague).number}#", None, after)


@verb(r"(?P<who>[A-Z]) (?P<what>takes a break|ends the break)")
async def pauses(p: Performance, who: str, what: str, after: float) -> float:
    """*121 and *13: a code hangs up when it has been told."""
    party = p.parties.get(who) or p.member(who)
    call = f"{p.story.name}/{party.role}/{len(party.calls)}"
    party.calls.append(call)
    party.tell("dial", call, to="*121" if what == "takes a break" else "*13")
    at = (await party.expect("answered", call))["at"]
    await party.expect("ended", call)
    return float(at)


@verb(f"{WHO} is withdrawn from the queue")
async def withdrawn(p: Performance, who: str, after: float) -> float:
    await asyncio.sleep(after)
    await p.hotline.withdraw(p.lane.queue(p.story.queue), p.anybody(who).number)
    return time.time()


# ---- telephones -------------------------------------------------------------------------------------------


@verb(f"{WHO}'s telephone is (?P<state>unplugged|plugged in)")
async def plugged(p: Performance, who: str, state: str, after: float) -> float:
    """Its registration ends, or begins again."""
    party = p.parties.get(who) or p.member(who)
    seen = len(party.bank.events)
    party.bank.tell("register", line=party.line, on=state == "plugged in")
    event = "registered" if state == "plugged in" else "not registered"
    await party.bank.expect({"event": event, "line": party.line}, seen)
    return time.time()


@verb(r"(?P<line>[0-9]{4}) is unplugged")
async def line_unplugged(p: Performance, line: str, after: float) -> float:
    """A phone by its number."""
    seen = len(p.lane.bank.events)
    p.lane.bank.tell("register", line=line, on=False)
    await p.lane.bank.expect({"event": "not registered", "line": line}, seen)
    return time.time()


@verb(r"colleague (?P<who>[A-Z])'s telephone is unplugged")
async def colleague_unplugged(p: Performance, who: str, after: float) -> float:
    """Of a phone that is in no queue."""
    p.agent(who)
    return await plugged(p, who, "unplugged", after)
