"""A further step in the life of recordings: row and entry in the chain, in one transaction.

Each step after the conclusion has an entry of the same kind, time and cause: that is how `verify` knows them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.recordings.chain import Head, Signer
from callcenter.recordings.chain_repository import extend
from callcenter.recordings.model import Step
from callcenter.recordings.tables import recordings

r = recordings.c


async def advance(
    connection: AsyncConnection, signer: Signer, steps: Sequence[tuple[Any, Step]], values: Mapping[Any, Any]
) -> tuple[list[Any], Head | None]:
    """Take each row on to its step's state, unless somebody changed it meanwhile; those that were, and the head.

    All of one PBX. `values`: by recording, further columns.
    """
    done = [(row, step) for row, step in steps if await _taken_on(connection, row, step, values.get(row.id, {}))]
    if not done:
        return [], None
    head = await extend(connection, done[0][0].pbx, signer, [_entry(row, step) for row, step in done])
    return [row for row, _ in done], head


async def _taken_on(connection: AsyncConnection, row: Any, step: Step, values: Mapping[str, Any]) -> bool:
    mine = update(recordings).where(r.id == row.id, r.state == row.state)
    changed = {"state": step.state, "life": [*row.life, step.as_json()], "updated_at": func.now(), **values}
    return (await connection.execute(mine.values(changed).returning(r.id))).scalar() is not None


def _entry(row: Any, step: Step) -> dict[str, Any]:
    facts = {"v": 1, "kind": step.state, "recording": str(row.id), "at": step.at.isoformat(), "reason": step.cause}
    return facts | {"sealed_sha256": row.sealed_sha256}
