"""Every rule on one candidate."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from callcenter.dialplan import inventory, reach, rules
from callcenter.dialplan.candidate import Candidate
from callcenter.dialplan.findings import Finding, Severity

RULES: tuple[Callable[[Candidate], Iterator[Finding]], ...] = (
    rules.syntax,
    rules.opening_comments,
    rules.jumps,
    rules.no_relative_jumps,
    rules.retired,
    rules.queue_outcomes,
    rules.wide_patterns,
    rules.filtered_data,
    rules.hangup_handling,
    inventory.applications,
    inventory.functions,
    inventory.modules,
    inventory.prompts,
    inventory.queues,
    inventory.endpoints,
    inventory.feature_codes,
    reach.outbound_from_trunk,
    reach.self_test_is_guarded,
)


def check(candidate: Candidate, moment: datetime) -> list[Finding]:
    """What every rule finds, by file and line."""
    found = {found for rule in RULES for found in rule(candidate)}
    return sorted(found | set(inventory.holidays(candidate, moment)))


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Those that stop a deployment."""
    return [f for f in findings if f.severity is Severity.ERROR]
