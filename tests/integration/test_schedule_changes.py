"""What administrators change in the schedule, on real Postgres, through the functions behind the command."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.calls.model import Line
from callcenter.clock import LOCAL_ZONE
from callcenter.errors import InvalidInput, NotFound
from callcenter.schedule import changes, editing, snapshot
from callcenter.schedule.hours import service_at, staff_of
from callcenter.schedule.model import ScheduleFacts
from callcenter.schedule.repository import read_facts
from callcenter.schedule.tables import calendar_days, schedule_changes

LIST_2027 = '{"year": 2027, "days": [{"name": "元旦", "date": "2027-01-01", "isOffDay": true},' \
    '{"name": "元旦", "date": "2026-12-26", "isOffDay": false}]}'  # fmt: skip


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL_ZONE)


async def facts_at(engine: AsyncEngine, text: str) -> ScheduleFacts:
    async with engine.connect() as connection:
        return await read_facts(connection, wall(text))


async def mode(engine: AsyncEngine, text: str) -> tuple[str, str, bool]:
    state = service_at(Line.HOTLINE, wall(text), await facts_at(engine, text))
    return state.mode.value, state.reason, state.provisional


async def test_database_begins_with_what_was_shipped(engine: AsyncEngine) -> None:
    found = await facts_at(engine, "2026-11-23 10:00")
    assert found.calendar == snapshot.shipped().calendar
    assert [(h.line, h.weekdays, h.opens, h.closes) for h in found.hours] == [
        (Line.HOTLINE, frozenset(range(1, 6)), 540, 1020)
    ]


async def test_import_of_a_later_year(engine: AsyncEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "2027.json"
    file.write_text(LIST_2027, "utf-8")
    assert await mode(engine, "2027-01-01 10:00") == ("open", "hours", True)
    await editing.import_file(engine, file, "official", "", dry_run=True)
    assert await mode(engine, "2027-01-01 10:00") == ("open", "hours", True)
    await editing.import_file(engine, file, "official", "notice", dry_run=False)
    assert await mode(engine, "2027-01-01 10:00") == ("closed", "holiday-2027-01-01", False)
    assert await mode(engine, "2026-12-26 10:00") == ("open", "workday-2026-12-26", False)
    assert "2026-12-26 Sat: as its weekday -> 元旦 at work" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["2026.json"])
async def test_import_with_a_fault_changes_nothing(engine: AsyncEngine, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_text(LIST_2027.replace("2026-12-26", "2026-11-26"), "utf-8")
    with pytest.raises(InvalidInput, match="2026-11-26 lies neither in 2027"):
        await editing.import_file(engine, file, "official", "", dry_run=False)
    async with engine.connect() as connection:
        count = await connection.execute(select(func.count()).where(calendar_days.c.list_year == 2027))
        assert count.scalar_one() == 0


async def test_a_day_set_by_hand_beats_the_list_and_gives_it_back(engine: AsyncEngine, tmp_path: Path) -> None:
    await editing.set_day(engine, "2026-10-05", "值守", is_off=False)
    assert await mode(engine, "2026-10-05 10:00") == ("open", "workday-2026-10-05", False)
    file = tmp_path / "2026.json"
    file.write_bytes((snapshot.LISTS / "2026.json").read_bytes())
    await editing.import_file(engine, file, "official", "", dry_run=False)
    assert (await mode(engine, "2026-10-05 10:00"))[0] == "open"
    await editing.clear_day(engine, "2026-10-05")
    assert await mode(engine, "2026-10-05 10:00") == ("closed", "holiday-2026-10-05", False)
    with pytest.raises(NotFound):
        await editing.clear_day(engine, "2026-10-05")


async def test_hours_added_and_removed(engine: AsyncEngine, capsys: pytest.CaptureFixture[str]) -> None:
    await editing.add_hours(engine, "hotline", "6,7", "22:00", "24:00", "2026-12-01", "2026-12-07")
    assert (await mode(engine, "2026-12-05 23:59"))[0] == "open"
    assert (await mode(engine, "2026-12-06 00:00"))[0] == "closed"
    assert (await mode(engine, "2026-12-12 23:00"))[0] == "closed"
    number = int(capsys.readouterr().out.split()[1])
    await editing.withdraw(engine, "hours", number)
    assert (await mode(engine, "2026-12-05 23:59"))[0] == "closed"


async def test_duty_opens_the_night_with_its_own_staff(engine: AsyncEngine) -> None:
    begin, end = wall("2026-12-05 18:00"), wall("2026-12-06 06:00")
    async with engine.begin() as connection:
        number = await changes.add_duty(
            connection, Line.HOTLINE, "系统升级", starts_at=begin, until=end, reason="", staff=["1001"], made_by="test"
        )
    assert await mode(engine, "2026-12-05 23:00") == ("duty", f"duty-{number}", False)
    assert staff_of(Line.HOTLINE, wall("2026-12-05 23:00"), await facts_at(engine, "2026-12-05 23:00")) == ("1001",)
    async with engine.begin() as connection:
        await changes.withdraw(connection, "duty", number, begin + timedelta(hours=1), "test")
    assert (await mode(engine, "2026-12-05 18:30"))[0] == "duty"
    assert (await mode(engine, "2026-12-05 23:00"))[0] == "closed"


async def test_who_changed_what_is_kept(engine: AsyncEngine) -> None:
    await editing.set_day(engine, "2026-10-05", "值守", is_off=False)
    async with engine.connect() as connection:
        rows = (await connection.execute(select(schedule_changes))).mappings().all()
    assert [(row["what"], row["facts"]["day"]) for row in rows] == [("day_set", "2026-10-05")]
    assert rows[0]["made_by"]


async def test_emergency_has_no_hours(engine: AsyncEngine) -> None:
    with pytest.raises(InvalidInput, match="always open"):
        await editing.add_hours(engine, "emergency", "1-5", "09:00", "17:00", None, None)


@pytest.mark.parametrize(
    ("weekdays", "opens", "closes"),
    [("0", "09:00", "17:00"), ("1-8", "09:00", "17:00"), ("1-5", "17:00", "09:00"), ("1-5", "24:00", "24:00"),
     ("1-5", "09:60", "17:00"), ("5-1", "09:00", "17:00"), ("１", "09:00", "17:00")],
)  # fmt: skip
async def test_hours_that_are_none(engine: AsyncEngine, weekdays: str, opens: str, closes: str) -> None:
    with pytest.raises(InvalidInput):
        await editing.add_hours(engine, "hotline", weekdays, opens, closes, None, None)
    assert len((await facts_at(engine, "2026-11-23 10:00")).hours) == 1


def test_wall_is_shanghai() -> None:
    assert wall("2026-01-01 00:00").date() == date(2026, 1, 1)
