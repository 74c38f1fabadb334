"""The emergency line's duty roster."""

from pathlib import Path
from typing import Annotated

import typer

from callcenter.cli.app import app, current_settings, with_engine

roster = typer.Typer(no_args_is_help=True, help="Who is on duty for the emergency line, and in which order they ring.")
app.add_typer(roster, name="roster")

Start = Annotated[str, typer.Option("--from", help="2026-11-24T17:00 (Asia/Shanghai)")]
Until = Annotated[str, typer.Option(help="The shift's end, not included")]
Steps = Annotated[
    list[str], typer.Option("--step", help="20:1001&1002 or 30:m13800138000 (seconds, then who rings); once a step")
]


@roster.command("add")
def roster_add(start: Start, until: Until, step: Steps, note: Annotated[str, typer.Option()] = "") -> None:
    """Enter a shift: step 1 rings by itself, then step 2 as well, and so on."""
    from callcenter.roster.command import enter, read_shift

    shift = read_shift(start, until, ";".join(step), note)
    with_engine(lambda e: enter(e, [shift], current_settings().phones))


@roster.command("import")
def roster_import(file: Annotated[Path, typer.Argument(help="CSV: starts_at,until,steps,note")]) -> None:
    """Enter the shifts of a file, all or none."""
    from callcenter.roster.command import enter, read_file

    shifts = read_file(file)
    with_engine(lambda e: enter(e, shifts, current_settings().phones))


@roster.command("list")
def roster_list() -> None:
    """Who is on duty now, the shifts to come, and the gaps of the next 24 hours."""
    from callcenter.roster.chain import fallback
    from callcenter.roster.command import print_roster

    s = current_settings()
    rendered = fallback(s.agents, s.emergency_mobiles, s.emergency_step_seconds)
    with_engine(lambda e: print_roster(e, rendered))


@roster.command("withdraw")
def roster_withdraw(shift: Annotated[int, typer.Argument(min=1, max=2**62, help="as `roster list` shows it")]) -> None:
    """Take back a shift that is not over."""
    from callcenter.roster.command import withdraw

    with_engine(lambda e: withdraw(e, shift))


@roster.command("hand-over")
def roster_hand_over(
    from_member: Annotated[str, typer.Option("--from")],
    to_member: Annotated[str, typer.Option("--to")],
    note: Annotated[str, typer.Option(help="What happened")] = "",
    open_matters: Annotated[str, typer.Option("--open", help="What is still to be done")] = "",
) -> None:
    """Write a line of the hand-over log; it can't be changed afterwards."""
    from callcenter.roster.command import hand_over
    from callcenter.roster.model import HandOver

    with_engine(lambda e: hand_over(e, HandOver(from_member, to_member, note, open_matters)))


@roster.command("hand-overs")
def roster_hand_overs() -> None:
    """The hand-over log, newest first."""
    from callcenter.roster.command import print_hand_overs

    with_engine(print_hand_overs)
