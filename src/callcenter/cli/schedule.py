"""Opening hours and what overrides them."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from callcenter.cli.app import app, database_url, with_engine

schedule = typer.Typer(no_args_is_help=True, help="Opening hours and what overrides them.")
app.add_typer(schedule, name="schedule")

Until = Annotated[str, typer.Option(help="+90m, +2h, +1d, 18:00 or '2026-11-22 18:00' (Asia/Shanghai)")]
LineOption = Annotated[str, typer.Option(help="hotline")]
Reason = Annotated[str, typer.Option(help="One short line; kept with the override")]


@schedule.command("open")
def schedule_open(until: Until, line: LineOption = "hotline", reason: Reason = "") -> None:
    """Open a line outside its hours, from now on."""
    from callcenter.calls.model import Service
    from callcenter.schedule.command import override_hours

    print(asyncio.run(override_hours(database_url(), line, Service.OPEN, until, reason)))


@schedule.command("close")
def schedule_close(until: Until, line: LineOption = "hotline", reason: Reason = "") -> None:
    """Close a line within its hours, from now on."""
    from callcenter.calls.model import Service
    from callcenter.schedule.command import override_hours

    print(asyncio.run(override_hours(database_url(), line, Service.CLOSED, until, reason)))


@schedule.command("clear")
def schedule_clear(line: LineOption = "hotline") -> None:
    """Withdraw every override of a line: its hours hold again."""
    from callcenter.schedule.command import clear_overrides

    print(asyncio.run(clear_overrides(database_url(), line)))


@schedule.command("show")
def schedule_show() -> None:
    """Whether each line takes calls now, why, and until when."""
    from callcenter.schedule.command import show_schedule

    print("\n".join(asyncio.run(show_schedule(database_url()))))


@schedule.command("why")
def schedule_why(
    at: Annotated[str | None, typer.Option(help="'2026-10-10 10:00' (Asia/Shanghai); now when left out")] = None,
    line: Annotated[str | None, typer.Option(help="hotline or emergency; both when left out")] = None,
) -> None:
    """Explain what holds at an instant, why, until when, and when the line opens next."""
    from callcenter.schedule.editing import explain

    with_engine(lambda e: explain(e, at, line))


@schedule.command("import")
def schedule_import(
    file: Annotated[Path, typer.Argument(help="{year, days: [{name, date, isOffDay}]}, or CSV: date,name,isOffDay")],
    state: Annotated[str, typer.Option(help="official or provisional")] = "official",
    source: Annotated[str, typer.Option(help="Where the list is from; the file's name when left out")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
) -> None:
    """Load a year's holidays and make-up workdays; all of the file or nothing. What people set by hand stays."""
    from callcenter.schedule.editing import import_file

    with_engine(lambda e: import_file(e, file, state, source, dry_run=dry_run))


@schedule.command("calendar")
def schedule_calendar(year: Annotated[int | None, typer.Option(help="This one when left out")] = None) -> None:
    """List a year's holidays and make-up workdays with their source."""
    from callcenter import clock
    from callcenter.schedule.editing import print_calendar

    with_engine(lambda e: print_calendar(e, year or clock.now().astimezone(clock.LOCAL_ZONE).year))


@schedule.command("set-day")
def schedule_set_day(
    day: str,
    name: str,
    work: Annotated[bool, typer.Option("--work/--off", help="A workday, or closed.")] = False,
) -> None:
    """Set one day by hand: it beats every list."""
    from callcenter.schedule.editing import set_day

    with_engine(lambda e: set_day(e, day, name, is_off=not work))


@schedule.command("clear-day")
def schedule_clear_day(day: str) -> None:
    """Take back what was set by hand for a day."""
    from callcenter.schedule.editing import clear_day

    with_engine(lambda e: clear_day(e, day))


hours = typer.Typer(no_args_is_help=True, help="Opening hours of a line; holidays are closed, make-up days Mondays.")
schedule.add_typer(hours, name="hours")


@hours.command("list")
def hours_list() -> None:
    """List every span of hours with its number."""
    from callcenter.schedule.editing import print_hours

    with_engine(print_hours)


@hours.command("add")
def hours_add(
    weekdays: Annotated[str, typer.Argument(help="1-5 or 6,7; 1 is Monday")],
    opens: Annotated[str, typer.Argument(help="09:00")],
    closes: Annotated[str, typer.Argument(help="17:00; 24:00 ends the day")],
    since: Annotated[str | None, typer.Option("--from", help="First day")] = None,
    until: Annotated[str | None, typer.Option(help="The first day on which they hold no more")] = None,
    line: LineOption = "hotline",
) -> None:
    """Add a span of hours; several a day are allowed."""
    from callcenter.schedule.editing import add_hours

    with_engine(lambda e: add_hours(e, line, weekdays, opens, closes, since, until))


@hours.command("remove")
def hours_remove(number: int) -> None:
    """Remove a span of hours by its number."""
    from callcenter.schedule.editing import withdraw

    with_engine(lambda e: withdraw(e, "hours", number))


duty = typer.Typer(no_args_is_help=True, help="Duty periods during major events: the line is open outside its hours.")
schedule.add_typer(duty, name="duty")


@duty.command("list")
def duty_list() -> None:
    """List the duty periods that hold or are to come."""
    from callcenter.schedule.editing import print_duties

    with_engine(print_duties)


@duty.command("add")
def duty_add(
    name: str,
    until: Until,
    since: Annotated[str, typer.Option("--from", help="now, or '2026-11-22 18:00' (Asia/Shanghai)")] = "now",
    reason: Reason = "",
    staff: Annotated[str, typer.Option(help="Agents who alone take its calls: 1001,1002; all when left out")] = "",
    line: LineOption = "hotline",
) -> None:
    """Open a line for staffed duty."""
    from callcenter.schedule.editing import add_duty

    with_engine(lambda e: add_duty(e, line, name, since, until, reason, staff))


@duty.command("withdraw")
def duty_withdraw(number: int) -> None:
    """End a duty period now, by its number."""
    from callcenter.schedule.editing import withdraw

    with_engine(lambda e: withdraw(e, "duty", number))
