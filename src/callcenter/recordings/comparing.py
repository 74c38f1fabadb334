"""A recording's row, its key and its peaks against what the chain says of it. Pure.

Not compared, because nothing vouches for them: the columns of work (`attempts`, `next_try_at`, `updated_at`) and what
the row takes over from its call whenever that is stored again (`ended_at`, `begun_at`, `talk_at`, `talk_seconds`).
`call_id` is compared with the calls themselves (`recordings.verifying_calls`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from callcenter.recordings.chain import json_sha256
from callcenter.recordings.deviations import Deviation
from callcenter.recordings.model import PENDING, State
from callcenter.recordings.store_interface import store_key

STATES = frozenset({"sealed", "absent", "damaged", "archived", "expired", "destroyed"})
"""Kinds of entries that are a state, too"""
CONCLUSIONS = frozenset({State.SEALED, State.ABSENT, State.DAMAGED})
UNTOLD = frozenset(PENDING)
"""States without an entry: the pipeline comes to each of them within a minute of its call's end."""
SAME = ("media_type", "bytes", "sha256", "sealed_bytes", "sealed_sha256")
OF_AUDIO = ("path", "media_type", "channels", "seconds", "bytes", "sha256")
OF_A_SEAL = ("sealed_bytes", "sealed_sha256", "heard", "store")


@dataclass(frozen=True, slots=True)
class Told:
    """One entry about a recording."""

    pbx: str
    seq: int
    facts: dict[str, Any]

    @property
    def kind(self) -> str:
        return str(self.facts.get("kind"))


def compare(recording: UUID, row: Any, entries: Sequence[Told], began: datetime | None) -> Iterator[Deviation]:
    """What differs. `row` holds the columns of `recordings`, and site_key, wrapped_sha256, peaks_sha256.

    `began`: when the chain of its PBX did; None: there is none.
    """
    states = [told for told in entries if told.kind in STATES]
    if row is None:
        last = entries[-1]
        yield Deviation("no_row", f"a recording that is {last.kind}", "no row", last.pbx, last.seq, str(recording))
    elif not states:
        if row.state not in UNTOLD and not _is_older_than_the_chain(row, began):
            yield Deviation("no_entry", "an entry of the chain", f"state {row.state}", row.pbx, None, str(recording))
        yield from _strays(row)
    else:
        yield from _state(row, states[-1])
        try:
            yield from _columns(row, states)
        except (KeyError, ValueError, TypeError, AttributeError) as error:  # only whoever has the key can write such
            yield _of(row, states[-1], "entry_unreadable", "what a seal tells", f"{type(error).__name__}: {error}")
        yield from _key_and_peaks(row, states)


def _is_older_than_the_chain(row: Any, began: datetime | None) -> bool:
    """A recording that had failed before there was a chain (migration 0014): it claims nothing."""
    before = began is None or row.started_at < began
    return before and row.state == State.ABSENT and not row.life and row.sealed_sha256 is None


def _state(row: Any, last: Told) -> Iterator[Deviation]:
    if row.state != last.kind:
        yield _of(row, last, "state", last.kind, row.state)


def _columns(row: Any, states: Sequence[Told]) -> Iterator[Deviation]:
    told = next((each for each in reversed(states) if "name" in each.facts), None)
    if told is None:
        yield _of(row, states[-1], "no_entry", "an entry that describes it", f"{states[-1].kind} alone")
        return
    for name, expected, found in [*_plain(row, told, states), *_audio(row, told, states[-1], states)]:
        if expected != found:
            yield _of(row, told, "column", f"{name}: {expected}", f"{name}: {found}")
    yield from _life(row, told, [each for each in states if each.seq > told.seq])


Pairs = Iterator[tuple[str, Any, Any]]


def _plain(row: Any, told: Told, states: Sequence[Told]) -> Pairs:
    concluded = next(each for each in reversed(states) if each.kind in CONCLUSIONS)
    yield "pbx", told.pbx, row.pbx
    yield "name", told.facts["name"], row.name
    yield "started_at", _instant(told), row.started_at
    yield "flags", told.facts.get("flags"), " ".join(row.flags)
    yield "reason", concluded.facts.get("reason") or "", row.reason or ""


def _audio(row: Any, told: Told, last: Told, states: Sequence[Told]) -> Pairs:
    facts = told.facts
    if told.kind != State.SEALED:
        without = OF_AUDIO + OF_A_SEAL if told.kind == State.ABSENT else OF_A_SEAL
        yield from ((name, None, getattr(row, name)) for name in without)
        return
    yield from ((name, facts.get(name), getattr(row, name)) for name in SAME)
    yield "seconds", facts["milliseconds"] / 1000, row.seconds
    yield "channels", 2, row.channels
    if last.kind == State.DESTROYED:
        yield "heard", None, row.heard  # it tells of the audio
    elif "heard_sha256" in facts:
        yield "heard", facts["heard_sha256"], json_sha256(row.heard)
    if last.kind in {State.ARCHIVED, State.EXPIRED}:
        archived = next((each for each in reversed(states) if each.kind == State.ARCHIVED), last)
        yield "path", store_key(row.id, _instant(told)), row.path
        yield "store", archived.facts.get("reason"), row.store
    elif last.kind != State.DESTROYED:
        yield "path", _sealed_file(row.life), row.path
        yield "store", None, row.store


def _instant(told: Told) -> datetime:
    return datetime.fromisoformat(told.facts["started_at"])


def _sealed_file(life: Sequence[dict[str, Any]]) -> Any:
    """Its name, as the life tells it, which the chain vouches for."""
    return next((step.get("cause") for step in reversed(life) if step.get("state") == State.SEALED), None)


def _life(row: Any, told: Told, later: Sequence[Told]) -> Iterator[Deviation]:
    """Up to the conclusion the chain vouches for every step, after it each step has its entry."""
    steps = [(step.get("state"), step.get("at"), step.get("cause")) for step in row.life]
    place = next((n for n, s in enumerate(steps) if s[:2] == (told.kind, told.facts.get("at"))), None)
    if place is None:
        yield _of(row, told, "column", f"life: {told.kind} at {told.facts.get('at')}", "life: no such step")
        return
    expected = [(each.kind, each.facts.get("at"), each.facts.get("reason")) for each in later]
    if steps[place + 1 :] != expected:
        yield _of(row, told, "column", f"life: {expected}", f"life: {steps[place + 1 :]}")
    if told.facts.get("life_sha256", digest := json_sha256(row.life[: place + 1])) != digest:
        yield _of(row, told, "column", f"life: SHA-256 {told.facts['life_sha256']}", f"life: SHA-256 {digest}")


def _key_and_peaks(row: Any, states: Sequence[Told]) -> Iterator[Deviation]:
    sealed = next((each for each in reversed(states) if each.kind == State.SEALED), None)
    if sealed is None:
        yield from _strays(row)
        return
    facts, destroyed = sealed.facts, states[-1].kind == State.DESTROYED
    key = (facts.get("site_key"), facts.get("wrapped_sha256"))
    if destroyed:
        if row.site_key is not None:
            yield _of(row, states[-1], "key_kept", "no key any more", f"a key for {row.site_key}")
    elif row.site_key is None:
        yield _of(row, sealed, "key_missing", f"a key for {facts.get('site_key')}", "no key")
    elif (row.site_key, row.wrapped_sha256) != key:
        yield _of(row, sealed, "key_differs", " ".join(map(str, key)), f"{row.site_key} {row.wrapped_sha256}")
    if row.peaks_sha256 is None and not destroyed:
        yield _of(row, sealed, "peaks_missing", f"SHA-256 {facts.get('peaks_sha256')}", "no peaks")
    elif row.peaks_sha256 not in (None, facts.get("peaks_sha256")):
        yield _of(row, sealed, "peaks_differ", f"SHA-256 {facts.get('peaks_sha256')}", f"SHA-256 {row.peaks_sha256}")


def _strays(row: Any) -> Iterator[Deviation]:
    """What belongs to sealed audio where none was sealed."""
    for name, value in (("key", row.site_key), ("peaks", row.peaks_sha256)):
        if value is not None:
            yield Deviation("stray", f"no {name}: nothing was sealed", value, row.pbx, None, str(row.id))


def _of(row: Any, told: Told, kind: str, expected: str, found: str) -> Deviation:
    return Deviation(kind, expected, found, told.pbx, told.seq, str(row.id))
