"""What the schedule knows and what it answers."""

from dataclasses import dataclass
from datetime import datetime

from callcenter.calls.model import Line, Service


@dataclass(frozen=True, slots=True)
class Override:
    """A person's word that beats the hours, in [starts_at, until)."""

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
class ServiceState:
    """Whether a line takes calls, why, and the first instant at which that may change (`None`: never)."""

    mode: Service
    why: str
    until: datetime | None
