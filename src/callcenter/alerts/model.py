"""An alert: something that a person must know of, until it is over."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    WARNING = "warning"
    """To be looked at today"""
    CRITICAL = "critical"
    """Somebody must act now: citizens are not served, or the hotline is attacked"""


@dataclass(frozen=True, slots=True)
class Alert:
    """`kind` names the text in the catalogues (section `alerts`), filled with `facts`; `key` tells alike ones apart.

    No facts of a caller beyond his number; kind and key are lower-case words, digits, `-` and `_`.
    """

    kind: str
    key: str
    severity: Severity
    facts: dict[str, Any] = field(default_factory=dict)
