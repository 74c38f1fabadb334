"""The two files that Asterisk writes for a call: are they there, are they closed, are they whole? Blocking."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from callcenter.clock import from_epoch, now
from callcenter.recordings.disk_clock import ahead_of
from callcenter.recordings.wav import WavFile, inspect_left

SIDES = ("caller", "agent")
CLOSING_TAKES_AT_MOST = timedelta(seconds=30)
"""After this the header is taken as left by a crash: the audio is all there, its length is the file's."""
LEGS_APPEAR_WITHIN = timedelta(seconds=60)
"""The call is over: only a spool on another machine's disk shows its files later."""


UNREADABLE = ".unreadable"


class NotYet(Exception):
    """Asterisk has not closed the legs."""


class Unreadable(Exception):
    """A file is there, and is no recording of Asterisk's."""


@dataclass(frozen=True, slots=True)
class Found:
    """The legs of a call; None for one that is not there, or is no audio."""

    caller: WavFile | None
    agent: WavFile | None
    closed: bool
    """Asterisk closed both"""
    closed_at: datetime
    """When the last of them was written to"""
    changed_at: datetime
    """When the last of them was changed in any way, also moved or given another time (`st_ctime`), by our clock"""

    unreadable: tuple[str, ...] = ()
    """Which file is no audio, and why"""

    @property
    def files(self) -> list[WavFile]:
        return [leg for leg in (self.caller, self.agent) if leg is not None]

    @property
    def beheaded(self) -> bool:
        """The begin of one was lost"""
        return any(leg.beheaded for leg in self.files)


class Legs:
    """The spool that a PBX's Asterisk records into."""

    def __init__(self, spool: Path) -> None:
        self._spool = spool

    def paths(self, name: str) -> list[Path]:
        """Caller's and agent's file. Raises `Unreadable` for a name that leads out of the spool."""
        if not name or Path(name).name != name or name.startswith("."):
            raise Unreadable("the name leaves the spool folder")
        return [self._spool / f"{name}-{side}.wav" for side in SIDES]

    def look(self, name: str, age: timedelta) -> Found | None:
        """What is there, `age` after the first look; None: nothing. Raises `NotYet`, `OSError`, `Unreadable`."""
        paths = self.paths(name)
        there = [path for path in paths if path.exists()]
        if len(there) < len(paths) and age < LEGS_APPEAR_WITHIN:
            missing = next(path for path in paths if path not in there)
            raise NotYet(f"no file {missing.name}")
        if not there:
            return None
        looked = [_leg(path) if path in there else None for path in paths]
        unreadable = tuple(leg for leg in looked if isinstance(leg, str))
        caller, agent = (None if isinstance(leg, str) else leg for leg in looked)
        if unreadable and caller is None and agent is None:
            raise Unreadable("; ".join(unreadable))
        closed = all(leg.closed for leg in (caller, agent) if leg)
        found = Found(caller, agent, closed, _last_written(there), _last_changed(there), unreadable)
        if not found.closed and age < CLOSING_TAKES_AT_MOST:
            raise NotYet("Asterisk has not closed the file")
        # a file of a call that is up is written to every two seconds, whatever the record says of that call
        if not found.closed and timedelta() <= now() - found.closed_at < CLOSING_TAKES_AT_MOST:
            raise NotYet("Asterisk is still writing the file")
        return found

    def there(self, name: str) -> bool:
        """Whether any of a call's files is there: while one is, it is the truth. Raises `Unreadable`."""
        return any(path.exists() for path in self.paths(name))

    def clear(self, name: str) -> None:
        """Remove both files; one that is no audio is put aside: somebody may want to know what it is."""
        for path in self.paths(name):
            with suppress(FileNotFoundError):
                if isinstance(_leg(path), str):
                    path.rename(path.with_suffix(UNREADABLE))
                else:
                    path.unlink()

    def names(self) -> set[str]:
        """Of all files that are there."""
        return {path.stem.rpartition("-")[0] for path in self._spool.glob("*.wav")}


def _leg(path: Path) -> WavFile | str:
    """A leg, or why it is none."""
    try:
        return inspect_left(path)
    except ValueError as error:
        return str(error)


def _last_written(paths: list[Path]) -> datetime:
    return from_epoch(max(path.stat().st_mtime for path in paths))


def _last_changed(paths: list[Path]) -> datetime:
    return from_epoch(max(path.stat().st_ctime for path in paths) + ahead_of(paths[0].parent))
