"""`callcenter callbacks` and `callcenter follow-ups`: the API's lists, in the terminal."""

from collections.abc import Iterable
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.callbacks import follow_up_repository, repository
from callcenter.callbacks.follow_up_repository import FollowUpSearch
from callcenter.callbacks.model import CallbackState, FollowUpKind, FollowUpState
from callcenter.calls.printing import local_time
from callcenter.catalogue.labels import Labels, labels
from callcenter.errors import InvalidInput
from callcenter.http.encoding import to_json
from callcenter.storage.reading import reading, writing

BY_HAND = "command line"
CALLBACK_COLUMNS = ("id", "number", "state", "place_at", "attempts", "next_try_at", "cause", "agent")
FOLLOW_UP_COLUMNS = ("id", "kind", "line", "number", "state", "lost_at", "due_at", "calls", "taken_by")


def one_of(kind: Any, text: str | None, where: str) -> Any:
    """The member of an enum that was named; None for None. Raises `InvalidInput`."""
    if text is None or text in set(kind):
        return kind(text) if text is not None else None
    raise InvalidInput(where=where, what=f"{text[:40]!r} is not known", mend=f"choose of {', '.join(kind)}")


async def print_callbacks(engine: AsyncEngine, state: str | None, *, limit: int, as_json: bool, language: str) -> None:
    """Print the newest callbacks."""
    wanted = one_of(CallbackState, state, "--state")
    async with reading(engine) as connection:
        rows = await repository.list_callbacks(connection, state=wanted, before=None, limit=limit)
    _print(rows, CALLBACK_COLUMNS, as_json=as_json, texts=labels(language))


async def cancel_callback(engine: AsyncEngine, callback_id: int) -> None:
    """Cancel one. Raises `NotFound`, `InvalidInput`."""
    async with writing(engine) as connection:
        row = await repository.cancel(connection, callback_id, BY_HAND)
    print(f"callback {callback_id} to {row['number']} is cancelled")


async def print_follow_ups(
    engine: AsyncEngine, state: str | None, kind: str | None, *, limit: int, as_json: bool, language: str
) -> None:
    """Print the worklist, the one due first first."""
    search = FollowUpSearch(one_of(FollowUpState, state, "--state"), one_of(FollowUpKind, kind, "--kind"))
    async with reading(engine) as connection:
        rows = await follow_up_repository.list_follow_ups(connection, search, None, limit)
    _print(rows, FOLLOW_UP_COLUMNS, as_json=as_json, texts=labels(language))


async def take_follow_up(engine: AsyncEngine, entry: int, by: str) -> None:
    """Take one. Raises `NotFound`, `InvalidInput`."""
    async with writing(engine) as connection:
        await follow_up_repository.take(connection, entry, by)
    print(f"follow-up {entry} is taken by {by}")


async def close_follow_up(engine: AsyncEngine, entry: int, by: str, state: str, note: str) -> None:
    """Close one as reached or given_up. Raises `NotFound`, `InvalidInput`."""
    ends = one_of(FollowUpState, state, "--as")
    if ends not in (FollowUpState.REACHED, FollowUpState.GIVEN_UP):
        raise InvalidInput(where="--as", what=f"{state} does not end it", mend="choose of reached, given_up")
    async with writing(engine) as connection:
        await follow_up_repository.close(connection, entry, by, ends, note)
    print(f"follow-up {entry} is closed: {ends.value}")


def _print(rows: list[dict[str, Any]], columns: Iterable[str], *, as_json: bool, texts: Labels) -> None:
    if as_json:
        print(to_json(rows, orjson.OPT_INDENT_2).decode())
        return
    table = Table(*(texts(f"follow_ups.{name}") for name in columns))
    for row in rows:
        table.add_row(*(_cell(name, row[name], texts) for name in columns))
    Console(width=max(Console().width, 120)).print(table)


def _cell(name: str, value: Any, texts: Labels) -> str:
    if value is None:
        return "–"
    if name.endswith("_at"):
        return local_time(value)
    if name in ("kind", "state", "cause"):
        return texts(f"follow_ups.{name}_{value}")
    return texts(f"lines.{value}") if name == "line" else str(value)
