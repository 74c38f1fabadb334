"""What Asterisk's security events say, as values; and what follows for an address."""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from callcenter.ami.messages import Event

FAILURES = frozenset({
    "InvalidAccountID", "InvalidPassword", "ChallengeResponseFailed", "FailedACL", "RequestNotAllowed",
    "AuthMethodNotAllowed", "UnexpectedAddress", "InvalidTransport", "RequestBadFormat", "SessionLimit",
})  # fmt: skip
"""Events that an attack consists of; a wrong password typed once is one, too."""

KEPT = FAILURES | {"SuccessfulAuth"}
"""Events that are stored; `ChallengeSent` is in every registration and says nothing."""

LONGEST = 80


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One event. `account` is what the other side said it was: text of a stranger's, cut and cleaned."""

    at: datetime
    name: str
    service: str
    """PJSIP or AMI"""
    address: str
    account: str

    @property
    def failed(self) -> bool:
        return self.name in FAILURES


@dataclass(frozen=True, slots=True)
class Block:
    """An address that is not listened to until an instant."""

    address: str
    since: datetime
    until: datetime
    failures: int
    reason: str


def read_event(event: Event, moment: datetime) -> SecurityEvent | None:
    """A security event that is kept; None for any other. `moment` is when it came."""
    address = _address(event.get("RemoteAddress"))
    if event.name not in KEPT or not address:
        return None
    return SecurityEvent(moment, event.name, plain(event.get("Service")), address, plain(event.get("AccountID")))


def _address(remote: str) -> str:
    """`127.0.0.66` of `IPV4/UDP/127.0.0.66/5060` (security_events.c)."""
    parts = remote.split("/")
    try:
        return str(ip_address(parts[2])) if len(parts) == 4 else ""
    except ValueError:
        return ""


def plain(text: str) -> str:
    """Printable characters alone, at most 80."""
    return "".join(c for c in text[:LONGEST] if c.isprintable())
