"""What is known of a call while it runs: its channels, its queue visits, what the dialplan said. No rules here."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from callcenter.calls.ids import age_key, call_id
from callcenter.calls.model import TimelineEntry, agent_of_endpoint
from callcenter.calls.recorded import Expected
from callcenter.calls.wall import NEVER, OwnTime
from callcenter.journal.facts import CelFact, QueueFact

UNREAD = "unread"
"""The trunk's own caller id, until the dialplan has read who calls (asterisk/pjsip.conf): nobody's number."""

TRUNK_PREFIX = "trunk"
"""Endpoints named `trunk…` are the outside; every other PJSIP endpoint is an agent's phone (asterisk/pjsip.conf)."""


LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class OpenSpell:
    start: datetime
    end: datetime | None = None

    def move(self, by: timedelta) -> None:
        self.start += by
        self.end = self.end and self.end + by


@dataclass(slots=True)
class BridgeStay(OpenSpell):
    bridge: str = ""


@dataclass(slots=True)
class Channel:
    uniqueid: str
    linkedid: str
    name: str
    number: str
    caller_name: str
    exten: str
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    hangup_cause: int | None = None
    hangup_source: str = ""
    dialled: bool = False
    """We rang it; a channel that rings us begins with the number it wants"""
    lost: bool = False
    """It ended while we were blind: `ended_at` is when it was last known to be up"""
    stays: list[BridgeStay] = field(default_factory=list)
    music: list[OpenSpell] = field(default_factory=list)

    age: tuple[int, int, str] = field(init=False)
    is_phone: bool = field(init=False)
    is_trunk: bool = field(init=False)
    agent: str | None = field(init=False)
    """The agent whose phone this is, or the duty person's mobile; None else for the trunk, and for Local channels."""

    def __post_init__(self) -> None:
        """`d4f9-1001` of `PJSIP/d4f9-1001-0000000c` is the endpoint (Asterisk names channels TECH/resource-number)."""
        self.age = age_key(self.uniqueid)
        technology, _, resource = self.name.partition("/")
        endpoint = resource.rpartition("-")[0] or resource
        self.is_phone = technology == "PJSIP"
        self.is_trunk = self.is_phone and endpoint.startswith(TRUNK_PREFIX)
        self.agent = agent_of_endpoint(endpoint) if self.is_phone and not self.is_trunk else None
        if self.is_trunk and self.caller_name == UNREAD:
            self.number = self.caller_name = ""

    def move(self, by: timedelta) -> None:
        """Tell its story so much later."""
        self.started_at += by
        self.answered_at = self.answered_at and self.answered_at + by
        self.ended_at = self.ended_at and self.ended_at + by
        for spell in (*self.stays, *self.music):
            spell.move(by)


@dataclass(slots=True)
class Visit:
    """A stay in Queue(), from the journal's APP_START to its APP_END."""

    uniqueid: str
    queue: str
    entered_at: datetime
    left_at: datetime | None = None
    status: str | None = None
    """${QUEUESTATUS} as the dialplan saw it"""

    def move(self, by: timedelta) -> None:
        self.entered_at += by
        self.left_at = self.left_at and self.left_at + by


@dataclass(slots=True)
class CallState:
    pbx: str
    mark: int
    """Where its first fact was read; the reader must be able to come back here until the call is over."""
    last_at: datetime
    """Of its last fact, in its own time"""
    boot: int = 0
    """Of which life of Asterisk it is (`calls.boots`)"""
    wall_at: datetime = LONG_AGO
    """Its last fact's time as it was written; `last_at` is in the call's own time, which never goes back"""
    heard: float = 0.0
    """When its last fact was read, in seconds of the stream's clock"""
    own_time: OwnTime = field(default_factory=OwnTime)
    is_news: bool = True
    """Its first line was certainly not read before"""
    keys: set[str] = field(default_factory=set)
    """Every uniqueid and linkedid seen in it"""
    seen: set[int] = field(default_factory=set)
    """Hashes of the facts taken in"""
    channels: dict[str, Channel] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)
    queue_facts: list[QueueFact] = field(default_factory=list)
    timeline: list[TimelineEntry] = field(default_factory=list)
    recordings: list[Expected] = field(default_factory=list)
    anomalies: list[str] = field(default_factory=list)
    answered_by: set[str] = field(default_factory=set)
    introduced: bool = False
    """The dialplan has said who calls"""
    announced: bool = False
    line: str | None = None
    service: str | None = None
    service_source: str | None = None
    service_reason: str | None = None
    menu_choice: str | None = None
    marks: set[str] = field(default_factory=set)
    """Facts beside the outcome that the dialplan said"""
    notice_played: bool = False
    alarmed: bool = False
    """An emergency call that nobody of the first step answered"""
    rejected: str | None = None
    evidence: str | None = None
    """What closed it; None while it runs"""
    alive_until: datetime | None = None
    """Of a call that Asterisk's death cut: the last moment at which it was certainly up"""

    oldest: Channel | None = None
    known_id: UUID | None = None

    @property
    def root(self) -> Channel:
        """The channel that began it."""
        assert self.oldest is not None, "a call without a channel"
        return self.oldest

    @property
    def id(self) -> UUID:
        if self.known_id is None:
            self.known_id = call_id(self.pbx, self.root.uniqueid, self.root.started_at)
        return self.known_id

    def add(self, channel: Channel) -> None:
        """Take in a channel; an older one than all before gives the call another id."""
        self.channels[channel.uniqueid] = channel
        if self.oldest is None or channel.age < self.oldest.age:
            self.oldest, self.known_id = channel, None

    def absorb(self, other: "CallState", set_back: timedelta) -> None:
        """Take over what is known of a call that turned out to be this one."""
        for call in (self, other):
            call.follow(set_back)
        other._move(self.own_time.ahead - other.own_time.ahead)
        self.mark = min(self.mark, other.mark)
        self.last_at, self.heard = max(self.last_at, other.last_at), max(self.heard, other.heard)
        self.wall_at = max(self.wall_at, other.wall_at)
        self.is_news = self.is_news or other.is_news
        for channel in other.channels.values():
            self.add(channel)
        self.keys |= other.keys
        self.seen |= other.seen
        self.answered_by |= other.answered_by
        lists: tuple[Any, ...] = ("visits", "queue_facts", "timeline", "recordings", "anomalies")
        for name in lists:
            getattr(self, name).extend(getattr(other, name))
        self.timeline.sort(key=lambda entry: entry.at)
        self.line = self.line or other.line
        self.service, self.service_source = self.service or other.service, self.service_source or other.service_source
        self.service_reason = self.service_reason or other.service_reason
        self.menu_choice = self.menu_choice if self.menu_choice is not None else other.menu_choice
        self.marks |= other.marks
        self.notice_played = self.notice_played or other.notice_played
        self.introduced, self.announced = self.introduced or other.introduced, self.announced or other.announced
        self.alarmed = self.alarmed or other.alarmed

    def has_seen(self, key: int) -> bool:
        """A fact delivered twice counts once; microseconds tell apart what really happened twice."""
        known = key in self.seen
        self.seen.add(key)
        return known

    def follow(self, set_back: timedelta) -> None:
        """Take what the wall clock was set back by so far."""
        if self.own_time.follow(set_back) and "clock_set_back" not in self.anomalies:
            self.anomalies.append("clock_set_back")

    def in_own_time(self, fact: CelFact) -> CelFact:
        """The fact at its time on a clock that never goes back, so that no duration is negative or swallows an hour."""
        at = fact.at + self.own_time.ahead
        self.last_at = max(self.last_at, at)
        return fact if self.last_at == fact.at else fact._replace(at=self.last_at)

    def _move(self, by: timedelta) -> None:
        """Tell its story so much later: in the time of the call that takes it over, begun before the clock was set
        back. Recordings stay where they are: their ids hold their time."""
        if by == NEVER:
            return
        self.last_at += by
        for channel in self.channels.values():
            channel.move(by)
        for visit in self.visits:
            visit.move(by)
        self.timeline = [replace(entry, at=entry.at + by) for entry in self.timeline]

    def note(self, at: datetime, kind: str, detail: str = "") -> None:
        self.timeline.append(TimelineEntry(at, kind, detail))

    def has_live_channel(self) -> bool:
        return any(c.ended_at is None for c in self.channels.values())
