"""Until when a lost caller must be rung, counted in service hours. Pure."""

from collections.abc import Callable
from datetime import datetime, timedelta

from callcenter.calls.model import Line, Service
from callcenter.schedule.model import ServiceState

StateAt = Callable[[datetime], ServiceState]

MOST_STEPS = 500
"""Spans looked at: a year of days with a midday break."""


def due_at(line: str, lost_at: datetime, hours: timedelta, hotline_at: StateAt) -> datetime:
    """When a caller lost at `lost_at` is to be rung: at once on the emergency line, else after so many hours in which
    the hotline is open; `hotline_at` is the schedule's answer for it."""
    if line == Line.EMERGENCY.value:
        return lost_at
    return after_service_time(lost_at, hours, hotline_at)


def after_service_time(since: datetime, span: timedelta, state_at: StateAt) -> datetime:
    """The instant at which so much open time has passed; wall-clock time when the schedule never changes again."""
    at, left = since, span
    for _ in range(MOST_STEPS):
        state = state_at(at)
        is_open = state.mode is not Service.CLOSED
        if state.until is None:
            break
        if is_open and left <= state.until - at:
            return at + left
        left -= state.until - at if is_open else timedelta()
        at = state.until
    return at + left
