"""What Asterisk says of a call's audio: packets counted, hold, and who is joined with whom (`CHANNEL`, res_pjsip)."""

from collections.abc import Awaitable, Callable

from callcenter.ami.faults import AmiFault
from callcenter.recordings.carrying import Line

Ask = Callable[[str, str], Awaitable[str]]
"""A variable of a channel, or a function of it. Raises `AmiFault`."""

COUNTS = "CHANNEL(rtcp,all,audio)"
"""ssrc=…;…;rxcount=200;…;txcount=200;…"""
HELD = "CHANNEL(rtp,hold,audio)"
PEER = "CHANNEL(peer)"
"""The other channel of a bridge of two; empty in a conference, in a queue and while it rings"""


class Lines:
    """Asks about both sides of a call by its caller's channel. None: nobody can say."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def caller(self, channel: str) -> Line | None:
        try:
            return _line(await self._ask(channel, COUNTS), await self._ask(channel, HELD))
        except AmiFault:  # Asterisk is away, or the channel has gone: others see to that
            return None

    async def agent(self, channel: str) -> Line | None:
        """Whoever is joined with the caller now."""
        try:
            peer = await self._ask(channel, PEER)
        except AmiFault:
            return None
        return await self.caller(peer) if peer else None


def _line(counts: str, held: str) -> Line | None:
    said = dict(part.partition("=")[::2] for part in counts.split(";"))
    received, sent = said.get("rxcount", ""), said.get("txcount", "")
    if not (received.isdecimal() and sent.isdecimal()):
        return None
    return Line(int(received), int(sent), held == "1")
