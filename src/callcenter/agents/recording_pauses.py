"""Recordings that are paused while confidential data is said, with a limit that outlives our service.

Asterisk does not tell whether a recording is muted. So the recorded channel carries its pause in a variable, from just
before it begins until it has ended; a listener that was started anew finds it there and ends it when its time is over.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from callcenter import clock
from callcenter.ami import actions
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import ActionFailed

log = structlog.get_logger(__name__)

TRUNK = "PJSIP/trunk-"
VARIABLE = "RECORDING_PAUSE"
BY_ITSELF = "nobody: its limit of {seconds:.0f} s was over"

OnMute = Callable[[str, bool, str, datetime], None]
"""Hears of each pause and each end of one: recorded channel, whether it is paused, by whom, since when."""


def in_variable(began: datetime, by: str) -> str:
    """`<Unix seconds>;<by whom>`"""
    return f"{began.timestamp():.3f};{by}"


def read_variable(value: str) -> tuple[datetime, str] | None:
    """When a pause began and who asked for it; None for what is no pause."""
    seconds, _, by = value.partition(";")
    try:
        return datetime.fromtimestamp(round(float(seconds), 3), UTC), by
    except (ValueError, OverflowError, OSError):
        return None


class RecordingPauses:
    """Of one Asterisk. A recording that nobody resumes goes on by itself after `longest`."""

    def __init__(
        self, client: AmiClient, longest: timedelta, on_mute: OnMute, now: Callable[[], datetime] = clock.now
    ) -> None:
        self._client, self._longest, self._on_mute, self._now = client, longest, on_mute, now
        self._until: dict[str, datetime] = {}
        """Recorded channel → when its pause ends by itself"""

    async def pause(self, channel: str, by: str) -> None:
        """Raises `AmiFault`."""
        value = in_variable(self._now(), by)
        await self._client.ask(actions.set_variable(channel, VARIABLE, value))
        await self._client.ask(actions.mixmonitor_mute(channel, mute=True))
        self._hold(channel, value)

    async def resume(self, channel: str, by: str) -> None:
        """Raises `AmiFault`."""
        if channel not in self._until:
            await self._take_over(channel)  # else the pause that ends here might be on no record
        await self._client.ask(actions.mixmonitor_mute(channel, mute=False))
        self._until.pop(channel, None)
        self._on_mute(channel, False, by, self._now())
        await self._client.ask(actions.set_variable(channel, VARIABLE, ""))

    async def end_overdue(self) -> None:
        """Resume what was forgotten; a channel that is gone needs nothing any more. Raises `AmiFault`."""
        for channel in [each for each, until in self._until.items() if self._now() >= until]:
            try:
                await self.resume(channel, BY_ITSELF.format(seconds=self._longest.total_seconds()))
                log.warning("A paused recording was resumed: nobody had", recorded=channel)
            except ActionFailed:
                self._until.pop(channel, None)

    async def take_over(self) -> None:
        """Know the pauses that an earlier run of ours has begun. Raises `AmiFault`."""
        for listed in await self._client.collect(actions.SHOW_CHANNELS):
            channel = listed.get("Channel")
            if channel.startswith(TRUNK) and channel not in self._until:
                await self._take_over(channel)

    async def _take_over(self, channel: str) -> None:
        """The earlier run may have died before it had it on record, or before it had muted."""
        try:
            value = (await self._client.ask(actions.get_variable(channel, VARIABLE))).get("Value")
            if read_variable(value) is None:
                return
            await self._client.ask(actions.mixmonitor_mute(channel, mute=True))
        except ActionFailed:  # it has just gone
            return
        self._hold(channel, value)
        log.info("A paused recording was taken over", recorded=channel)

    def _hold(self, channel: str, value: str) -> None:
        held = read_variable(value)
        assert held is not None
        began, by = held
        self._until[channel] = began + self._longest
        self._on_mute(channel, True, by, began)
