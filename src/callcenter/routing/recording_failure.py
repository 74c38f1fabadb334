"""What new calls get while recordings can't be written, as the dialplan reads it (dialplans/recording.conf). Pure."""

import math
from datetime import datetime, timedelta

from callcenter.routing.desired import Provider

GO_ON = "go_on"
KEY = "recording/failure"
VALID_FOR = timedelta(seconds=120)
"""The dialplan believes it for so long; then calls are served as ever. Should we stop, nobody is refused for longer."""
RENEW_AFTER = timedelta(seconds=60)


def provider(policy: str) -> Provider:
    """The key with its term; none without a policy."""
    return Provider("recording/", lambda moment: _keys(policy, moment), _accepted)


def _keys(policy: str, moment: datetime) -> dict[str, str]:
    until = math.ceil((moment + VALID_FOR).timestamp())
    return {KEY: f"{policy};{until}"} if policy else {}


def _accepted(want: str, found: str, moment: datetime) -> bool:
    """The same policy, with a term that neither runs out soon nor lasts too long."""
    policy, _, until = found.partition(";")
    if policy != want.partition(";")[0] or not until.isdecimal():
        return False
    left = int(until) - moment.timestamp()
    return (VALID_FOR - RENEW_AFTER).total_seconds() < left <= VALID_FOR.total_seconds() + 1
