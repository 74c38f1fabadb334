"""What the schedule knows and what it answers. Days and minutes are Asia/Shanghai's, instants are aware."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from callcenter.calls.model import Line, Service

MINUTES_A_DAY = 1440


class DayState(StrEnum):
    """How far a calendar entry can be trusted."""

    OFFICIAL = "official"
    """From the State Council's notice"""
    PROVISIONAL = "provisional"
    """From a forecast or a draft: shown as such wherever it decides"""
    MANUAL = "manual"
    """An administrator's word for one day; it beats every list"""


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day that is not what its weekday says, or that somebody named."""

    day: date
    name: str
    is_off: bool
    """True: a holiday, closed. False: a workday, be it a Saturday or Sunday (调休)."""
    state: DayState
    source: str


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """A year whose list was loaded."""

    year: int
    state: DayState
    source: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """Holidays and make-up workdays; a year that is missing in `years` goes by weekdays and is provisional."""

    days: Mapping[date, CalendarDay] = field(default_factory=dict)
    years: Mapping[int, CalendarYear] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """A span [opens, closes) on some weekdays, on the days [valid_from, valid_until); `None` is without end."""

    id: int
    line: Line
    weekdays: frozenset[int]
    """ISO: Monday is 1, Sunday is 7"""
    opens: int
    """Minutes after midnight"""
    closes: int
    """Minutes after midnight; 1440 is 24:00"""
    valid_from: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class Override:
    """A person's word that beats the hours, in [starts_at, until); one withdrawn ends when it was withdrawn."""

    id: int
    line: Line
    mode: Service
    """open or closed"""
    starts_at: datetime
    until: datetime
    reason: str
    made_by: str

    def holds_at(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.until


@dataclass(frozen=True, slots=True)
class DutyPeriod:
    """Staffed duty during a major event (热线值守): the line is in mode `duty` in [starts_at, until)."""

    id: int
    line: Line
    name: str
    starts_at: datetime
    until: datetime
    reason: str
    made_by: str
    staff: tuple[str, ...] = ()
    """Agents who take its calls; none: all of them"""

    def holds_at(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.until


DEFAULT_HOURS = (OpeningHours(0, Line.HOTLINE, frozenset(range(1, 6)), 9 * 60, 17 * 60),)
"""5×8: Monday to Friday 09:00–17:00, as migration 0003 puts them into the database."""


@dataclass(frozen=True, slots=True)
class ScheduleFacts:
    """All that decides when a line takes calls."""

    calendar: Calendar = Calendar()
    hours: tuple[OpeningHours, ...] = DEFAULT_HOURS
    overrides: tuple[Override, ...] = ()
    duties: tuple[DutyPeriod, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceState:
    """Whether a line takes calls, why, and until when. `schedule.hours.service_at` gives it."""

    mode: Service
    why: str
    """For people, in English; the console and the API's labels say it in their language by `reason`"""
    until: datetime | None
    """The first instant at which mode or reason differ; `None`: never, or not within the horizon"""
    reason: str = ""
    """hours, holiday-2026-10-01, workday-2026-10-10, override-12, duty-3 or always"""
    provisional: bool = False
    """The year's holidays were not loaded, or are not official: the weekday or a draft decided"""
    next_opening: datetime | None = None
    """The next instant at which the line goes from closed to open or duty; `None`: none within the horizon"""
    closes_at: datetime | None = None
    """When a line that is open or on duty closes; `None` for one that is closed or has no such end"""
