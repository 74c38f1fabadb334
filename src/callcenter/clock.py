"""The one place that asks what time it is; rules take `moment` instead."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

LOCAL_ZONE = ZoneInfo("Asia/Shanghai")
"""The hotline's wall clock: hours, report days and what people read. Stored instants are UTC."""


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC)


def from_epoch(seconds: float) -> datetime:
    """An instant from Unix seconds, aware, in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
