"""`callcenter cdr`: months of call records listed, taken out, brought back."""

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.calls.tables import calls
from callcenter.errors import InvalidInput, in_one_line
from callcenter.recordings.tables import recordings
from callcenter.storage import partitions
from callcenter.storage.months import parse_month
from callcenter.storage.reading import reading
from callcenter.storage.retention import in_turn

TABLE = calls.name


async def print_partitions(engine: AsyncEngine) -> None:
    """One line a month, oldest first, then what lies in none."""
    async with reading(engine) as connection:
        listed = await connection.run_sync(partitions.list_partitions, TABLE)
        detached = [each.name for each in listed if not each.attached]
        orphans = await connection.run_sync(lambda c: c.execute(_orphans(detached)).scalar_one())
    for each in listed:
        state = "detached" if not each.attached else "kept by hand" if each.kept else "attached"
        print(
            f"{each.month or 'none'!s:8} {state:13} {each.rows:>12,} rows {each.bytes / 2**20:>10,.1f} MiB  {each.name}"
        )
    print(f"{orphans} recordings without a call")


def _orphans(detached: list[str]):  # type: ignore[no-untyped-def]
    """Recordings whose call is in no month, attached or not. Names come from Postgres's own catalogue."""
    known = [select(calls.c.id).where(calls.c.id == recordings.c.call_id)]
    known += [select(text("1")).select_from(text(f'"{name}"')).where(_same_id(name)) for name in detached]
    lost = select(func.count()).select_from(recordings)
    for each in known:
        lost = lost.where(~each.correlate(recordings).exists())
    return lost


def _same_id(name: str):  # type: ignore[no-untyped-def]
    return text(f'"{name}".id = recordings.call_id')


async def detach(engine: AsyncEngine, text_of_month: str) -> None:
    """Take a month out. Raises `InvalidInput` when it can't be, `PartUnavailable` when it is in use for long."""
    month = parse_month(text_of_month)
    name = await in_turn(engine, lambda c: partitions.detach_month(c, TABLE, month))
    if name is None:
        raise InvalidInput(where="month", what=f"{month} is not attached", mend="see callcenter cdr partitions")
    print(f"{name}: dump it with pg_dump -t {name}, then drop it, or bring it back with callcenter cdr attach {month}")


async def attach(engine: AsyncEngine, text_of_month: str) -> None:
    """Bring a month back. Raises `InvalidInput` when there is none or its table has another shape by now."""
    month = parse_month(text_of_month)
    try:
        done = await in_turn(engine, lambda c: partitions.attach_month(c, TABLE, month))
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        mend = "give the table the columns that calls has"
        raise InvalidInput(where="month", what=in_one_line(error.orig or error), mend=mend) from None
    if not done:
        raise InvalidInput(where="month", what=f"{month} is not detached", mend="see callcenter cdr partitions")
    print(f"{month} is back; callcenter cdr detach {month} takes it out again")
