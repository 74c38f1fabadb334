"""Manager events as the journal lines that Asterisk itself would have written.

Sources: Asterisk 22 `cel/cel_manager.c` (event CEL), `apps/app_queue.c` (queue_log and the queue's events), and both
side by side on real calls (`tests/unit/test_from_ami.py`). What AMI leaves out is put together again:

- CEL's `EventTime` has whole seconds in Asterisk's own time zone; `Timestamp` has microseconds, but is the moment of
  sending. A line's time is the moment of sending, held within the second that `EventTime` names.
- STREAM_END does not say which stream: the last one to begin on the channel. Prompts (FILE_STREAM) are of no use to a
  record and are left out.
- Who leaves a queue by a key (EXITWITHKEY) is not announced: the caller leaves and Queue() ends, with neither an agent
  nor `QueueCallerAbandon`. That one is sent for every other end without an agent; which one it was is told by the
  dialplan's QUEUE_RESULT (`calls.record`), so ABANDON is written for all of them.
"""

from calendar import timegm
from dataclasses import dataclass
from datetime import datetime
from time import strptime
from typing import NamedTuple

import msgspec

from callcenter.ami.messages import Event

QUARTER_SECONDS = 900
"""Every time zone in use is a whole number of these away from UTC; an event is sent within half of one."""
COMPLETED = {"caller": "COMPLETECALLER", "agent": "COMPLETEAGENT"}
"""`Reason` of AgentComplete; a transfer is told by CEL."""
MOST_WAITS = 10_000
SYNTAX = str.maketrans("|\r\n", "___")
MUSIC, PROMPT = "MOH_STREAM", "FILE_STREAM"
WANTED = frozenset({
    *("CEL", "QueueCallerJoin", "QueueCallerLeave", "QueueCallerAbandon", "AgentConnect", "AgentComplete"),
    *("AgentDump", "AgentRingNoAnswer", "QueueMemberAdded", "QueueMemberRemoved", "QueueMemberPause"),
})  # fmt: skip
"""What is read here, and what manager.conf lets through for it."""


class Line(NamedTuple):
    """A journal line with its newline, and the journal it belongs to: `cel` or `queue_log`."""

    source: str
    data: bytes


@dataclass(slots=True)
class Wait:
    """A caller's stay in a queue, as far as the events have told."""

    position: str = ""
    left: bool = False
    over: bool = False
    """Queue() has ended"""
    told: bool = False
    """An agent, or an end without one, was announced"""


class LinesFromAmi:
    """Feed it each event of one connection in order, with the moment of its arrival in Unix seconds.

    What it remembers is small, ends with each channel, and costs little when lost by a restart: the end of music that
    was not seen to begin is still the end of music.
    """

    def __init__(self) -> None:
        self._streams: dict[str, list[str]] = {}
        self._waits: dict[str, Wait] = {}

    def feed(self, event: Event, arrived: float) -> list[Line]:
        """The lines that an event stands for, mostly one. Raises `ValueError` for an event that tells no whole fact."""
        if event.name == "CEL":
            return self._cel(event, arrived)
        writer = QUEUE_EVENTS.get(event.name)
        return writer(self, event, _queue_time(event, arrived)) if writer else []

    def _cel(self, event: Event, arrived: float) -> list[Line]:
        said = {name: values[-1] for name, values in event.headers.items()}
        kind, uniqueid = said.get("EventName", ""), said.get("UniqueID", "")
        if not kind or not uniqueid or not said.get("LinkedID"):
            raise ValueError("a CEL event without EventName, UniqueID or LinkedID")
        at = event_time(said.get("EventTime", ""), said.get("Timestamp", ""), arrived)
        user_type = self._stream(kind, uniqueid, said) if kind.startswith("STREAM_") else said.get("UserDefType", "")
        if user_type.startswith(PROMPT):
            return []
        lines = [cel_line(said, kind, user_type, at)]
        if kind == "APP_END" and said.get("Application") == "Queue":
            lines += self._queue_ended(uniqueid, said.get("AppData", "").partition(",")[0], int(float(at)))
        elif kind == "CHAN_END":
            self._streams.pop(uniqueid, None)
            self._waits.pop(uniqueid, None)
        return lines

    def _stream(self, kind: str, uniqueid: str, said: dict[str, str]) -> str:
        """`MOH_STREAM_BEGIN` and its like; music names its class, a prompt its sound."""
        open_ones = self._streams.setdefault(uniqueid, [])
        if kind == "STREAM_BEGIN":
            open_ones.append(PROMPT if said.get("Extra", "").startswith('{"sound"') else MUSIC)
            return f"{open_ones[-1]}_BEGIN"
        return f"{open_ones.pop() if open_ones else MUSIC}_END"

    def _queue_ended(self, uniqueid: str, queue: str, at: int) -> list[Line]:
        wait = self._waits.get(uniqueid)
        if wait is None:
            return []
        wait.over = True
        return self._left_by_key(wait, uniqueid, queue, at)

    @staticmethod
    def _left_by_key(wait: Wait, uniqueid: str, queue: str, at: int) -> list[Line]:
        if not wait.left or not wait.over or wait.told:
            return []
        wait.told = True
        return [queue_line(at, uniqueid, queue, "NONE", "EXITWITHKEY", "", wait.position, wait.position, "")]

    def _joined(self, event: Event, at: int) -> list[Line]:
        position, caller = event.get("Position"), event.get("CallerIDNum")
        self._waits.pop(event.get("Uniqueid"), None)
        self._wait_of(event.get("Uniqueid")).position = position
        return [_of(event, at, "NONE", "ENTERQUEUE", "", "" if caller == "<unknown>" else caller, position)]

    def _left(self, event: Event, at: int) -> list[Line]:
        uniqueid = event.get("Uniqueid")
        wait = self._wait_of(uniqueid)
        wait.left = True
        return self._left_by_key(wait, uniqueid, event.get("Queue"), at)

    def _abandoned(self, event: Event, at: int) -> list[Line]:
        self._tell(event)
        values = (event.get("Position"), event.get("OriginalPosition"), event.get("HoldTime"))
        return [_of(event, at, "NONE", "ABANDON", *values)]

    def _connected(self, event: Event, at: int) -> list[Line]:
        self._tell(event)
        values = (event.get("HoldTime"), event.get("DestUniqueid"), event.get("RingTime"))
        return [_of(event, at, event.get("MemberName"), "CONNECT", *values)]

    def _completed(self, event: Event, at: int) -> list[Line]:
        kind, wait = COMPLETED.get(event.get("Reason")), self._waits.get(event.get("Uniqueid"))
        if kind is None:
            return []
        values = (event.get("HoldTime"), event.get("TalkTime"), wait.position if wait else "")
        return [_of(event, at, event.get("MemberName"), kind, *values)]

    def _rang_in_vain(self, event: Event, at: int) -> list[Line]:
        return [_of(event, at, event.get("MemberName"), "RINGNOANSWER", event.get("RingTime"))]

    def _dumped(self, event: Event, at: int) -> list[Line]:
        self._tell(event)
        return [_of(event, at, event.get("MemberName"), "AGENTDUMP")]

    def _tell(self, event: Event) -> None:
        self._wait_of(event.get("Uniqueid")).told = True

    def _wait_of(self, uniqueid: str) -> Wait:
        """What is known of a caller's wait. Queue events may come after the channel's end, so the oldest go in time."""
        while len(self._waits) >= MOST_WAITS:
            del self._waits[next(iter(self._waits))]
        return self._waits.setdefault(uniqueid, Wait())

    def _member(self, event: Event, at: int) -> list[Line]:
        """Who changed a member is not announced: NONE instead of MANAGER or a channel."""
        queue, name = event.get("Queue"), event.get("MemberName")
        if event.name != "QueueMemberPause":
            kind = "ADDMEMBER" if event.name == "QueueMemberAdded" else "REMOVEMEMBER"
            return [queue_line(at, "NONE", queue, name, kind, "")]
        paused = event.get("Paused") == "1"
        return [queue_line(at, "NONE", queue, name, "PAUSE" if paused else "UNPAUSE", event.get("PausedReason"))]


QUEUE_EVENTS = {
    "QueueCallerJoin": LinesFromAmi._joined,
    "QueueCallerLeave": LinesFromAmi._left,
    "QueueCallerAbandon": LinesFromAmi._abandoned,
    "AgentConnect": LinesFromAmi._connected,
    "AgentComplete": LinesFromAmi._completed,
    "AgentRingNoAnswer": LinesFromAmi._rang_in_vain,
    "AgentDump": LinesFromAmi._dumped,
    "QueueMemberAdded": LinesFromAmi._member,
    "QueueMemberRemoved": LinesFromAmi._member,
    "QueueMemberPause": LinesFromAmi._member,
}

FIELDS = (
    *(("name", "CallerIDname"), ("num", "CallerIDnum"), ("ani", "CallerIDani"), ("rdnis", "CallerIDrdnis")),
    *(("dnid", "CallerIDdnid"), ("exten", "Exten"), ("context", "Context"), ("channame", "Channel")),
    *(("appname", "Application"), ("appdata", "AppData"), ("uniqueid", "UniqueID"), ("linkedid", "LinkedID")),
    *(("peer", "Peer"), ("eventextra", "Extra")),
)
"""Journal field (asterisk/cel_custom.conf) and the header of the CEL event that has it."""


def cel_line(said: dict[str, str], kind: str, user_type: str, at: str) -> Line:
    """A line of cel.jsonl; of a header that comes twice the last counts, because what callers write stands first."""
    row = {field: said.get(header, "") for field, header in FIELDS}
    row |= {"eventtype": user_type if kind == "USER_DEFINED" else kind, "eventenum": kind}
    row |= {"eventtime": at, "userdeftype": user_type}
    sent = said.get("Timestamp", "")
    return Line("cel", msgspec.json.encode(row | ({"senttime": sent} if sent not in {"", at} else {})) + b"\n")


def queue_line(at: int, uniqueid: str, queue: str, agent: str, kind: str, *values: str) -> Line:
    """A line of queue_log. A separator or line end inside a value would make another line of it."""
    clean = (value.translate(SYNTAX) for value in (uniqueid, queue, agent, kind, *values))
    return Line("queue_log", "|".join((str(at), *clean)).encode() + b"\n")


def _of(event: Event, at: int, agent: str, kind: str, *values: str) -> Line:
    uniqueid, queue = event.get("Uniqueid"), event.get("Queue")
    if not uniqueid or not queue:
        raise ValueError(f"{event.name} without Uniqueid or Queue")
    return queue_line(at, uniqueid, queue, agent, kind, *values)


def event_time(wall: str, sent: str, arrived: float) -> str:
    """Unix seconds with six digits. Without `sent` (no `timestampevents`) the moment of arrival stands for it.

    Raises `ValueError` when `wall` is no time.
    """
    stamp = sent or f"{arrived:.6f}"
    sent_second = int(stamp.partition(".")[0])
    second = timegm(strptime(wall, "%Y-%m-%d %H:%M:%S"))
    second += round((sent_second - second) / QUARTER_SECONDS) * QUARTER_SECONDS
    if sent_second == second:
        return stamp
    return f"{second}.{'999999' if sent_second > second else '000000'}"


def _queue_time(event: Event, arrived: float) -> int:
    try:
        return int(event.get("Timestamp").partition(".")[0])
    except ValueError:
        return int(arrived)


def boot_line(boot: datetime) -> Line:
    """Asterisk's start, as its own first line of queue_log tells it."""
    return queue_line(int(boot.timestamp()), "NONE", "NONE", "NONE", "QUEUESTART", "")
