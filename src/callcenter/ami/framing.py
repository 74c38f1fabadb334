"""Bytes to whole messages: any chunking of the same bytes gives the same messages.

Work is linear in the bytes received: a message in many chunks is searched only where it grew, and it is
decoded later, as a whole, so that a character split between two chunks is never damaged.
"""

from callcenter.ami.faults import NotAmi

SEPARATOR = b"\r\n\r\n"
EOL = b"\r\n"
MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""Asterisk's longest answers stay far below; what is longer is left out and counted, the link goes on."""
MAX_BANNER_BYTES = 256
_SPLIT_TAIL = len(SEPARATOR) - 1


class Framer:
    """Cuts one connection's bytes into messages, without their separators."""

    def __init__(self, limit: int = MAX_MESSAGE_BYTES) -> None:
        self.banner: str | None = None
        """`Asterisk Call Manager/…`, the first line that the server says"""
        self.oversized = 0
        """Messages left out because they were longer than the limit"""
        self._limit = limit
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that `data` completed, in order. Raises `NotAmi` when the peer speaks something else."""
        rest = self._rest
        if rest or self.banner is None:
            searched = max(0, len(rest) - _SPLIT_TAIL)
            rest += data
            if self.banner is None:
                if not self._take_banner():
                    return []
                searched = 0
            if rest.find(SEPARATOR, searched) < 0:
                self._bound()
                return []
            data = bytes(rest)
        messages = data.split(SEPARATOR)
        self._rest = bytearray(messages.pop())
        whole = self._within_limit(messages) if self._skipping or len(data) > self._limit else messages
        self._bound()
        return whole

    def _take_banner(self) -> bool:
        longest = MAX_BANNER_BYTES + len(EOL)
        line, eol, _ = bytes(self._rest[:longest]).partition(EOL)
        if not eol and len(line) < longest:
            return False
        if not (eol and line.startswith(b"Asterisk Call Manager/")):
            raise NotAmi(said=line[:60].decode("utf-8", "replace"))
        self.banner = line.decode("ascii", "replace")
        del self._rest[: len(line) + len(EOL)]
        return True

    def _within_limit(self, messages: list[bytes]) -> list[bytes]:
        if self._skipping and messages:
            messages = messages[1:]  # the end of a message whose beginning was dropped
            self._skipping = False
        kept = [message for message in messages if len(message) <= self._limit]
        self.oversized += len(messages) - len(kept)
        return kept

    def _bound(self) -> None:
        """Drop a message that grew too long, but keep what may be the start of its separator."""
        if len(self._rest) <= self._limit + _SPLIT_TAIL:
            return
        if not self._skipping:
            self._skipping = True
            self.oversized += 1
        del self._rest[:-_SPLIT_TAIL]
