"""What the dialer of callbacks needs of the live view and of the settings."""

from datetime import timedelta

from callcenter.callbacks.dialer import QUEUE, DialerSettings
from callcenter.callbacks.model import QueueSight, Waiter
from callcenter.queues.live_view import LiveView
from callcenter.settings import Settings


def sight_of(view: LiveView) -> QueueSight | None:
    """The hotline's queue as it stands; None while that is not known."""
    queue = view.queues.named(QUEUE) if view.complete else None
    if queue is None:
        return None
    free = sum(not paused and view.agents.available(member) for member, paused in queue.members.items())
    waiting = tuple(Waiter(each.uniqueid, each.since) for each in queue.waiting)
    return QueueSight(waiting, free, len(queue.members))


def dialer_settings(settings: Settings) -> DialerSettings:
    """The dialer's part of the settings."""
    return DialerSettings(
        pbx=settings.pbx,
        attempts=settings.callback_attempts,
        retry=timedelta(seconds=settings.callback_retry_seconds),
        follow_up_after=timedelta(hours=settings.follow_up_hours),
        ring_seconds=max(settings.ring_seconds, 25),
        caller_number=settings.hotline_number,
        enabled=settings.callback,
    )
