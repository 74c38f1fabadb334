"""The duty roster of the emergency line: who is rung, when, in which order."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Step:
    """People rung together, `seconds` long by themselves; then the next step's are rung as well.

    A member is a phone of ours (`1001`) or a mobile reached through the trunk (`m13800138000`).
    """

    members: tuple[str, ...]
    seconds: int


@dataclass(frozen=True, slots=True)
class Shift:
    """One chain in force in [starts_at, until). Of those not withdrawn no two overlap."""

    id: int
    starts_at: datetime
    until: datetime
    steps: tuple[Step, ...]
    note: str = ""
    made_by: str = ""
    withdrawn_at: datetime | None = field(default=None)

    def covers(self, moment: datetime) -> bool:
        return self.starts_at <= moment < self.until


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody is on the roster in [since, until): the chain rendered into the dialplan rings."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class HandOver:
    """One duty person's word to the next; never changed afterwards."""

    from_member: str
    to_member: str
    note: str
    open_matters: str
