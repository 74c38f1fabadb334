"""What the control loop tells people of: Asterisk away, drift, gaps in the calendar and the roster."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from callcenter.alerts.keeper import AlertKeeper
from callcenter.alerts.model import Alert, Severity
from callcenter.roster.chain import GAP_KEY, GAP_KIND, gap_alert
from callcenter.routing.control import shown
from callcenter.routing.desired import Difference
from callcenter.routing.facts import RoutingFacts
from callcenter.schedule.alarm import CALENDAR_KEY, CALENDAR_MISSING, calendar_alert

AWAY_AFTER = timedelta(seconds=30)
"""A restart takes less."""
CALM_AFTER = timedelta(minutes=10)
"""Drift is repaired at once; its alert stands on for so long, that somebody sees it."""
RULES_EVERY = timedelta(minutes=5)

Rule = Callable[[RoutingFacts, datetime], Alert | None]


def _roster_gap(facts: RoutingFacts, moment: datetime) -> Alert | None:
    return gap_alert(facts.shifts, moment)


def _calendar_missing(facts: RoutingFacts, moment: datetime) -> Alert | None:
    return calendar_alert(facts.schedule, moment)


RULES: dict[tuple[str, str], Rule] = {
    (GAP_KIND, GAP_KEY): _roster_gap,
    (CALENDAR_MISSING, CALENDAR_KEY): _calendar_missing,
}
"""Alerts that follow from facts and time alone: an alert stands while its rule names one"""


class Alarms:
    """Hears what happened and keeps the alerts right. `tick` at least every few seconds."""

    def __init__(self, keeper: AlertKeeper, moment: datetime) -> None:
        self._keeper = keeper
        self._away_since: datetime | None = moment
        self._drifted_at: datetime | None = None
        self._ruled: tuple[RoutingFacts, datetime] | None = None

    def see_link(self, up: bool, moment: datetime) -> None:
        """The connection to Asterisk is up or not."""
        if up:
            self._away_since = None
            self._keeper.over("asterisk_unreachable", "ami")
        elif self._away_since is None:
            self._away_since = moment

    def see_drift(self, differences: Sequence[Difference], moment: datetime) -> None:
        """Somebody else changed the routing state; it is being mended."""
        self._drifted_at = moment
        first = differences[0]
        facts = {
            "keys": len(differences),
            "key": first.key,
            "found": shown(first, first.found) or "–",
            "wanted": shown(first, first.wanted) or "–",
        }
        self._keeper.count(Alert("drift", "routing", Severity.WARNING, facts))

    def tick(self, facts: RoutingFacts | None, moment: datetime) -> None:
        """Time has passed."""
        away = self._away_since
        if away is not None and moment - away >= AWAY_AFTER:
            since = {"since": away.isoformat(timespec="seconds")}
            self._keeper.stand(Alert("asterisk_unreachable", "ami", Severity.CRITICAL, since))
        if self._drifted_at is None or moment - self._drifted_at >= CALM_AFTER:
            self._keeper.over("drift", "routing")
        if facts is not None and self._is_due(facts, moment):
            self._follow_rules(facts, moment)
            self._ruled = facts, moment

    def _is_due(self, facts: RoutingFacts, moment: datetime) -> bool:
        return self._ruled is None or self._ruled[0] is not facts or moment - self._ruled[1] >= RULES_EVERY

    def _follow_rules(self, facts: RoutingFacts, moment: datetime) -> None:
        for (kind, key), rule in RULES.items():
            alert = rule(facts, moment)
            if alert is None:
                self._keeper.over(kind, key)
            else:
                self._keeper.stand(alert)
