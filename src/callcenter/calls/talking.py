"""Who talked with whom, who held, whose phone rang: the times of a call, from its bridges and its music. Pure.

*Talk* is time the caller shares a bridge with a partner, less *hold*. *Hold* is music on the caller in a bridge that a
partner of his had come into: while the partner is in it, or has left it to consult somebody and is expected back (`*2`
takes him out of it). The music of a queue is in no bridge.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from callcenter.calls.model import Direction
from callcenter.calls.spells import Spell, difference, overlap, total, union
from callcenter.calls.state import CallState, Channel, OpenSpell


@dataclass(frozen=True, slots=True)
class Times:
    """Spells of a call; those of a list do not overlap."""

    together: Mapping[str, list[Spell]]
    """By uniqueid of the partner: when the caller and that channel were in one bridge, hold included"""
    holds: Mapping[str, list[Spell]]
    """When the caller heard music because of that channel"""
    rings: Mapping[str, Spell]
    joined: list[Spell]
    """When the caller was in one bridge with any partner"""
    held: list[Spell]
    calling: str | None
    """The caller's uniqueid when he is an agent: he talks as much as those whom he called"""

    @property
    def talk_seconds(self) -> float:
        return self._talk(self.joined)

    @property
    def hold_seconds(self) -> float:
        return total(self.held)

    @property
    def ringing(self) -> list[Spell]:
        """When at least one phone rang."""
        return union(self.rings.values())

    @property
    def first(self) -> tuple[datetime, str] | None:
        """When the caller was joined with a partner for the first time, and that channel's uniqueid."""
        return min(((spells[0].start, uid) for uid, spells in self.together.items() if spells), default=None)

    def talk_of(self, uniqueid: str) -> float:
        """Seconds that a channel talked in this call."""
        return self.talk_seconds if uniqueid == self.calling else self._talk(self.together.get(uniqueid, []))

    def hold_of(self, uniqueid: str) -> float:
        """Seconds for which a channel held the caller."""
        return self.hold_seconds if uniqueid == self.calling else total(self.holds.get(uniqueid, []))

    def _talk(self, together: list[Spell]) -> float:
        return round(total(together) - total(overlap(together, self.held)), 3) if together else 0.0


def times_of(caller: Channel, partners: Sequence[Channel], end: datetime) -> Times:
    """The times of a call; `end` closes what is still open."""
    together = {c.uniqueid: _together(caller, c, end) for c in partners}
    joined = union(s for spells in together.values() for s in spells)
    holds = _holds(caller, partners, together, joined, end)
    held = union(s for spells in holds.values() for s in spells)
    rings = {c.uniqueid: _ring(c, end) for c in partners}
    return Times(together, holds, rings, joined, held, caller.uniqueid if caller.agent else None)


def direction_of(call: CallState) -> Direction:
    """An agent's call is outbound when it reaches the trunk; so is one that we dialled through it."""
    if call.root.is_trunk and call.root.dialled:
        return Direction.OUTBOUND
    if call.root.is_trunk or not call.root.is_phone:
        return Direction.INBOUND
    outside = any(c.is_trunk for c in call.channels.values())
    return Direction.OUTBOUND if outside else Direction.INTERNAL


def partners_of(call: CallState, caller: Channel, direction: Direction) -> list[Channel]:
    """Whom the caller can talk to: agents when a citizen calls, anybody's phone when an agent does."""
    others = [c for c in sorted(call.channels.values(), key=lambda c: c.age) if c is not caller and c.is_phone]
    return [c for c in others if c.agent] if direction is Direction.INBOUND else others


def _closed(spells: Iterable[OpenSpell], end: datetime) -> list[Spell]:
    return [Spell(s.start, s.end or end) for s in spells]


def _together(caller: Channel, other: Channel, end: datetime) -> list[Spell]:
    """When both were in one bridge. A stay that Asterisk's death cut counts as talk, however short the evidence."""
    pairs = [(a, b) for a in caller.stays for b in other.stays if a.bridge == b.bridge]
    cut = [(a.end is None and b.end is None) for a, b in pairs]
    spells = [Spell(max(a.start, b.start), min(a.end or end, b.end or end)) for a, b in pairs]
    return union(s for s, open_ended in zip(spells, cut, strict=True) if s.end > s.start or open_ended)


def _holds(
    caller: Channel,
    partners: Sequence[Channel],
    together: Mapping[str, list[Spell]],
    joined: list[Spell],
    end: datetime,
) -> dict[str, list[Spell]]:
    """Music with a partner in the bridge is that partner's; without one, his who left it last."""
    music = union(_closed(caller.music, end))
    if not music:
        return {}
    holds = {uid: overlap(spells, music) for uid, spells in together.items()}
    for spell in difference(overlap(_joined_bridges(caller, partners, end), music), joined):
        left = [(s.end, uid) for uid, spells in together.items() for s in spells if s.end <= spell.start]
        if left:
            uid = max(left)[1]
            holds[uid] = union((*holds[uid], spell))
    return holds


def _joined_bridges(caller: Channel, partners: Sequence[Channel], end: datetime) -> list[Spell]:
    """The caller's stays in bridges from the moment at which a partner was in it with him."""
    begins = ((stay, s.start) for stay in caller.stays for c in partners for s in c.stays if s.bridge == stay.bridge)
    spells = (Spell(max(stay.start, start), stay.end or end) for stay, start in begins)
    return union(s for s in spells if s.end > s.start)


def _ring(channel: Channel, end: datetime) -> Spell:
    """A dialled phone rings from its channel's start until it is answered or gone; one that dials does not ring."""
    start = channel.started_at
    if channel.exten not in {"s", ""}:
        return Spell(start, start)
    return Spell(start, max(start, channel.answered_at or channel.ended_at or end))
