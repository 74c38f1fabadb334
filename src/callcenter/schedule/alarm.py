"""The alarm about a year whose holidays were not loaded. Pure."""

from datetime import datetime

from callcenter.alerts.model import Alert, Severity
from callcenter.clock import LOCAL_ZONE
from callcenter.schedule.model import ScheduleFacts

CALENDAR_MISSING = "calendar_missing"
CALENDAR_KEY = "calendar"
DECEMBER = 12


def calendar_alert(facts: ScheduleFacts, moment: datetime) -> Alert | None:
    """The first year that must be loaded by now and is not: this one, and from 1 December on the next."""
    today = moment.astimezone(LOCAL_ZONE)
    needed = (today.year, today.year + 1) if today.month == DECEMBER else (today.year,)
    missing = [year for year in needed if year not in facts.calendar.years]
    if not missing:
        return None
    return Alert(CALENDAR_MISSING, CALENDAR_KEY, Severity.WARNING, {"year": missing[0]})
