"""The tracker: captured calls, cut, mixed, doubled and spoilt, among facts that no Asterisk would write.

The fuzzer's bytes are moves: play so many facts of a story, lose some, say one again, put in an absurd one, let the
clock jump, settle. Whatever comes, the tracker raises nothing, its records can be stored and add up, the same facts
give the same events, and in the end it forgets everything.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import orjson

from callcenter.calls.announcements import announcement_of
from callcenter.calls.emergency import alarms_of
from callcenter.calls.events import CallEnded, CallEvent
from callcenter.calls.model import CallRecord, Outcome
from callcenter.calls.rows import call_row, recording_row
from callcenter.calls.said import USER_EVENTS
from callcenter.calls.tracker import TRANSITIONS, CallTracker
from callcenter.clock import from_epoch
from callcenter.journal.facts import EARLIEST, LATEST, CelFact, Fact, QueueFact
from callcenter.journal.sightings import BLIND_INTERVAL, CHAN_SEEN
from tests.fuzz.choices import Choices
from tests.scenarios.stories import NAMES, facts, renamed
from tests.scenarios.test_laws import OF_ONE_BOOT

MAX_BYTES = 600
EVIDENCES = frozenset({"channel_ends", "linkedid_end", "pbx_crash", "silence", "blind_interval"})
"""What can have closed a record (docs/figures.md)."""
EVENTS_A_FACT = 8
MILLISECOND = 0.002
"""Durations are rounded one by one."""

BEGIN = from_epoch(1795352433.713811)
FIRST, LAST = from_epoch(EARLIEST), from_epoch(LATEST)
"""The journal's parser lets no other time through."""
STORIES = 6
"""Each story of one boot can be played as six calls that never meet."""
JUMPS = (
    0.1,
    0.0,
    1e-6,
    1,
    10,
    31,
    3600,
    90_000,
    40_000_000,
    3_000_000_000,
    -0.001,
    -1,
    -31,
    -3600,
    -90_000,
    -800_000_000,
)
"""Seconds that the clock goes on, or back"""

IDS = (
    "hotline-1795352433.1", "hotline-1795352433.2", "hotline-1795352433.9", "hotline-1795352433.10",
    "hotline-1795352432.99", "other-1795352433.1", "1795352433.1", "", "x", ".", "-", "²", "place-1", "NONE",
    "9" * 5000 + ".1", "hotline-1795352433.1\ufffd", "hotline-1795352433." + "9" * 5000, "hotline-1795352433.0",
    "hotline-1795352433.5000", "callback-1",
)  # fmt: skip
CHANNELS = (
    "PJSIP/trunk-00000001", "PJSIP/d4f9c2a-1001-00000002", "PJSIP/1002-00000003", "Local/1001@agents-00000001;1",
    "PJSIP/", "", "/", "PJSIP", "PJSIP/-", "王/小-明",
)  # fmt: skip
TYPES = (
    *TRANSITIONS,
    "",
    "NEWER_THAN_WE",
    "USER_DEFINED",
    "USER_DEFINED",
    "ATTENDEDTRANSFER",
    "CHAN_START",
    "CHAN_END",
)
USERS = (*USER_EVENTS, "AGENT", "", "MOH_STREAM_BEGIN", "MOH_STREAM_END", "JOINS", "NOT_OURS")
SAID = (
    "hotline", "emergency", "open;pushed;hours", "closed;rendered", "duty", ";;;;", "", "SUCCESS", "FAILURE",
    "hotline;TIMEOUT", "hotline;FULL", "emergency;JOINEMPTY", "trunk_full", "callback", "voicemail;x", "self_test",
    "emergency_step;2", "emergency_step;99", "13800138000", "hotline-1795352433.2", "hotline-1795352432.99",
    "login;1001;", "complaint;1001;last", "listen;1002;1001", "pause;1001;break", "\ufffd" * 300, "recording-1",
    "x" * 3000,
)  # fmt: skip
QUEUE_EVENTS = (
    "ENTERQUEUE", "CONNECT", "ABANDON", "RINGNOANSWER", "RINGCANCELED", "EXITWITHTIMEOUT", "EXITEMPTY", "WITHDRAW",
    "EXITWITHKEY", "COMPLETECALLER", "COMPLETEAGENT", "BLINDTRANSFER", "ATTENDEDTRANSFER", "QUEUESTART",
    "CONFIGRELOAD", "ADDMEMBER", "",
)  # fmt: skip
EXTRA_VALUES: tuple[Any, ...] = (
    16,
    0,
    -1,
    128,
    2**53,
    1.5,
    1e308,
    None,
    True,
    "",
    "16",
    *IDS[:6],
    *CHANNELS[:4],
    "bridge-1",
    "bridge-2",
)
EXTRA_NAMES = (
    "bridge_id", "hangupcause", "hangupsource", "extension", "channel2_uniqueid", "transferee_channel_uniqueid",
    "transfer_target_channel_uniqueid", "text",
)  # fmt: skip
QUEUES = ("hotline", "emergency", "overflow", "")


@dataclass
class Story:
    """What is fed: facts, and None where every file had been read to its end."""

    moment: datetime = BEGIN
    steps: list[Fact | None] = field(default_factory=list)
    told: Counter[tuple[int, int]] = field(default_factory=Counter)
    """How far each captured call has been told"""

    def play(self, which: tuple[int, int], count: int, *, lost: bool = False) -> None:
        begun = self.told[which]
        for seconds, fact in captured(*which)[begun : begun + count]:
            self.go_on(seconds)
            if not lost:
                self.add(fact._replace(at=self.moment if isinstance(fact, CelFact) else whole_second(self.moment)))
        self.told[which] += count

    def go_on(self, seconds: float) -> None:
        later = self.moment + timedelta(seconds=seconds)
        self.moment = later if FIRST < later < LAST - timedelta(days=400) else BEGIN

    def add(self, fact: Fact) -> None:
        """A fact that happens now; a line of its own even when it says the same as another."""
        self.steps.append(fact._replace(key=hash(("line", len(self.steps)))) if isinstance(fact, CelFact) else fact)

    def again(self) -> None:
        if self.steps:
            self.steps.append(self.steps[-1])


def whole_second(moment: datetime) -> datetime:
    """queue_log has no more."""
    return moment.replace(microsecond=0)


@cache
def captured(name: int, number: int) -> list[tuple[float, Fact]]:
    """The facts of a captured call, each with the seconds since the channel event before it."""
    last: datetime | None = None
    told: list[tuple[float, Fact]] = []
    for fact in facts(NAMES[name]) if NAMES[name] not in OF_ONE_BOOT else renamed(NAMES[name], number):
        told.append(((fact.at - last).total_seconds() if last and isinstance(fact, CelFact) else 0, fact))
        last = fact.at if isinstance(fact, CelFact) else last
    return told


def _play(story: Story, choices: Choices) -> None:
    story.play((choices.number(len(NAMES)), choices.number(STORIES)), choices.number(256))


def _lose(story: Story, choices: Choices) -> None:
    story.play((choices.number(len(NAMES)), choices.number(STORIES)), choices.number(16), lost=True)


def _say_again(story: Story, choices: Choices) -> None:
    story.again()


def _jump(story: Story, choices: Choices) -> None:
    story.go_on(choices.pick(JUMPS))


def _settle(story: Story, choices: Choices) -> None:
    story.steps.append(None)


def _channel_event(story: Story, choices: Choices) -> None:
    story.go_on(choices.pick(JUMPS[:6]))
    user = choices.pick(USERS)
    extra: dict[str, Any] = {"extra": choices.pick(SAID)}
    for _ in range(choices.number(4)):
        extra[choices.pick(EXTRA_NAMES)] = choices.pick(EXTRA_VALUES)
    name, number, did, exten = (choices.pick(("", "s", "12333", "13800138000", "*31", "王小明")) for _ in range(4))
    fact = CelFact(
        choices.pick(TYPES), story.moment, user, name, number, did, exten, "from-trunk", choices.pick(CHANNELS),
        choices.pick(("Queue", "", "Playback")), choices.pick((*QUEUES, "hotline,t,,,300")),
        _id(choices), _id(choices), extra, 0,
    )  # fmt: skip
    story.add(fact)


def _blind(story: Story, choices: Choices) -> None:
    """A time in which nothing was seen, as the AMI journal writes it; and what was seen of a channel after it."""
    ago = (0, 5, 3600, -5, 90_000, 1e300)
    since, boot, began = (story.moment.timestamp() - choices.pick(ago) for _ in range(3))
    extra: dict[str, Any] = {"since": since, "boot": boot, "started_at": began, "up": choices.pick((True, False, 1))}
    extra |= {"alive": " ".join(_id(choices) for _ in range(choices.number(4))), "bridge_id": "bridge-1"}
    spoilt = choices.number(len(extra) * 4)
    if spoilt < len(extra):
        extra[list(extra)[spoilt]] = choices.pick(EXTRA_VALUES)
    kind, app = choices.pick((BLIND_INTERVAL, CHAN_SEEN)), choices.pick(("Queue", ""))
    name, uniqueid, linkedid = choices.pick(CHANNELS), _id(choices), _id(choices)
    story.add(
        CelFact(
            kind, story.moment, "", "", "", "", "", "", name, app, choices.pick(QUEUES), uniqueid, linkedid, extra, 0
        )
    )


def _queue_event(story: Story, choices: Choices) -> None:
    values = tuple(choices.pick(("", "1", "99999999", "x", "-1", "²")) for _ in range(choices.number(5)))
    at = whole_second(story.moment) + timedelta(seconds=choices.pick((0, 1, -1, -40, 40)))
    story.add(QueueFact(at, _id(choices), choices.pick(QUEUES), "1001", choices.pick(QUEUE_EVENTS), values))


def _id(choices: Choices) -> str:
    """One of the absurd ones, or a channel of a captured call."""
    chosen = choices.number(len(IDS) + 8)
    if chosen < len(IDS):
        return IDS[chosen]
    told = captured(choices.number(len(NAMES)), choices.number(STORIES))
    return told[choices.number(len(told))][1].uniqueid


def _spoil(story: Story, choices: Choices) -> None:
    """The last fact over again as a line of its own, with one of its words changed."""
    last = next((step for step in reversed(story.steps) if isinstance(step, CelFact)), None)
    if last is not None:
        fields = ("type", "uniqueid", "linkedid", "channel", "user_event", "exten")
        options: Sequence[Sequence[str]] = (TYPES, IDS, IDS, CHANNELS, USERS, ("s", "", "12333"))
        which = choices.number(len(fields))
        story.add(last._replace(at=story.moment, **{fields[which]: choices.pick(options[which])}))


MOVES = (_play, _settle, _play, _lose, _say_again, _jump, _channel_event, _queue_event, _spoil, _blind)


def steps_of(data: bytes) -> list[Fact | None]:
    story, choices = Story(), Choices(data)
    while choices:
        choices.pick(MOVES)(story, choices)
    return story.steps


def fuzz_one(data: bytes) -> None:
    check(steps_of(data))


def check(steps: list[Fact | None]) -> None:
    """Every law, for these facts."""
    tracker = CallTracker("hotline")
    events = [event for mark, step in enumerate(steps, 1) for event in fed(tracker, step, mark)]
    assert len(events) <= EVENTS_A_FACT * len(steps), "no fact makes an avalanche"
    for event in events:
        _check_event(event)
    twin = CallTracker("hotline")
    assert events == [event for mark, step in enumerate(steps, 1) for event in fed(twin, step, mark)], "replay"
    _check_forgets(tracker, len(steps) + 1)


def fed(tracker: CallTracker, step: Fact | None, mark: int) -> tuple[CallEvent, ...]:
    events = tracker.settle() if step is None else tracker.feed(step, mark)
    low = tracker.low_water()
    assert low is None or 1 <= low <= mark, "one can only come back to where one was"
    assert low is not None or not tracker.running, "what runs has a place to come back to"
    return events


def _check_event(event: CallEvent) -> None:
    announcement_of(event)
    alarms_of((event,))
    if isinstance(event, CallEnded):
        check_record(event.record)


def check_record(record: CallRecord) -> None:
    """A record that a report can count and Postgres can keep."""
    orjson.dumps([call_row(record), *(recording_row(record, ref) for ref in record.recordings)])
    assert isinstance(record.outcome, Outcome)
    assert record.evidence in EVIDENCES, record.evidence
    duration = (record.ended_at - record.started_at).total_seconds()
    assert duration >= 0, "ended before it began"
    seconds = (record.wait_seconds, record.ring_seconds, record.talk_seconds, record.hold_seconds)
    assert all(math.isfinite(each) and each >= 0 for each in seconds), seconds
    assert record.talk_seconds + record.hold_seconds <= duration + MILLISECOND, "talked longer than it lasted"
    assert (record.outcome is Outcome.ANSWERED) == (record.answered_at is not None)
    if record.answered_at is not None:
        assert record.started_at <= record.answered_at <= record.ended_at
    _check_parts(record)


def _check_parts(record: CallRecord) -> None:
    assert [leg.role for leg in record.legs].count("caller") == 1
    assert len({leg.uniqueid for leg in record.legs}) == len(record.legs)
    for leg in record.legs:
        assert min(leg.ring_seconds, leg.talk_seconds, leg.hold_seconds) >= 0
    for visit in record.queue_visits:
        assert min(visit.wait_seconds, visit.ring_seconds) >= 0
        assert visit.ring_seconds <= visit.wait_seconds + MILLISECOND
    assert len(set(record.marks)) == len(record.marks)


NOTHING_NEW = CelFact(BLIND_INTERVAL, LAST, *[""] * 11, {}, 0)


def _check_forgets(tracker: CallTracker, mark: int) -> None:
    """Far later nothing is held any more: closed, told, and its memory given back."""
    for days in (200, 100):
        fed(tracker, QueueFact(LAST - timedelta(days=days), "NONE", "NONE", "NONE", "CONFIGRELOAD", ("",)), mark)
        fed(tracker, NOTHING_NEW._replace(at=LAST - timedelta(days=days)), mark)  # CEL's course may be ages ahead
        for event in fed(tracker, None, mark):
            _check_event(event)
    assert (tracker.low_water(), tracker.running) == (None, 0)
    held = {name: value for name, value in vars(tracker).items() if isinstance(value, dict) and value}
    assert not held, f"still held: {list(held)}"


PLAY, SETTLE, LOSE, AGAIN, JUMP, CHANNEL, QUEUE, SPOIL, BLIND = 0, 1, 3, 4, 5, 6, 7, 8, 9
"""Places in `MOVES`"""


def seeds() -> Iterator[bytes]:
    for n in range(len(NAMES)):
        yield bytes((PLAY, n, 0, 255, SETTLE))
        yield bytes((PLAY, n, 0, 3, PLAY, (n + 1) % len(NAMES), 1, 4)) * 12 + bytes((SETTLE,))
        yield bytes((PLAY, n, 0, 9, LOSE, n, 0, 2, AGAIN, PLAY, n, 0, 6, JUMP, 13, PLAY, n, 0, 255, SETTLE))
        yield bytes((PLAY, n, 0, 12, SPOIL, n % 6, n, PLAY, n, 0, 9, CHANNEL, *range(n, n + 14), PLAY, n, 0, 99))
        late = bytes((QUEUE, 0, 0, n, 0, 4, SETTLE, JUMP, 5, SETTLE))
        yield bytes((PLAY, n, 0, 12, QUEUE, 0, 0, 13, n % 16, 0, PLAY, n, 0, 9)) + late
        yield bytes((PLAY, n, 0, n, BLIND, n % 6, 2, n % 5, 0, n % 4, *range(n, n + 9), PLAY, n, 0, 255)) + late
