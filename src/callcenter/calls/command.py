"""`callcenter cdrs`: the list of the API, in the terminal."""

import re
from collections.abc import Mapping
from typing import Any

import orjson
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.calls.model import Direction, Line, Outcome
from callcenter.calls.printing import WIDTH, calls_table
from callcenter.calls.repository import find_page
from callcenter.calls.search import MARK_PATTERN, CallSearch, Order, parse_number
from callcenter.catalogue.labels import labels
from callcenter.errors import InvalidInput
from callcenter.http.encoding import to_json
from callcenter.http.instants import parse_instant


def parse_search(asked: Mapping[str, Any]) -> CallSearch:
    """A search from command-line words; absent ones are None. Raises `InvalidInput`."""
    given = {name: value for name, value in asked.items() if value is not None}
    readers: dict[str, Any] = {
        "since": lambda text: parse_instant(text, "--from"),
        "until": lambda text: parse_instant(text, "--until"),
        "number": parse_number,
        "line": lambda text: _one_of(Line, text, "--line"),
        "mark": read_mark,
        "outcome": lambda text: _one_of(Outcome, text, "--outcome"),
        "direction": lambda text: _one_of(Direction, text, "--direction"),
        "order": lambda text: _one_of(Order, text, "--order"),
    }
    return CallSearch(**{name: readers.get(name, lambda same: same)(value) for name, value in given.items()})


def read_mark(text: str) -> str:
    """A mark's name. Raises `InvalidInput`."""
    if not re.fullmatch(MARK_PATTERN, text):
        raise InvalidInput(where="--mark", what=f"{text[:40]!r} is no mark", mend="write one word such as voicemail")
    return text


def _one_of(kind: Any, text: str, where: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        choices = ", ".join(kind)
        raise InvalidInput(where=where, what=f"{text!r} is not known", mend=f"choose of {choices}") from None


async def print_calls(engine: AsyncEngine, search: CallSearch, *, limit: int, as_json: bool, language: str) -> None:
    """Print up to `limit` records: a table in the reader's language, or JSON as the API gives it."""
    items, more = await find_page(engine, search, None, limit)
    if as_json:
        print(to_json(items, orjson.OPT_INDENT_2).decode())
        return
    texts, console = labels(language), Console(width=max(Console().width, WIDTH))
    console.print(calls_table(items, texts) if items else texts("cdrs.none"))
    if more:
        console.print(texts("cdrs.more"))
