"""The `callcenter` command. Commands import what they need when they run: `--help` stays quick."""

import asyncio
import json
import sys
from typing import Annotated

import typer

from callcenter import settings as settings_module
from callcenter.errors import CallcenterError
from callcenter.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="A government telephone hotline on Asterisk.")
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


def current_settings() -> Settings:
    return settings_module.load()


# ---- the local hotline -------------------------------------------------------------------------------------------


@app.command()
def run() -> None:
    """Set up what is missing and run the hotline in the foreground; Ctrl-C stops all of it."""
    from callcenter.local.hotline import run as run_hotline

    run_hotline(current_settings())


@app.command()
def setup(tests: Annotated[bool, typer.Option("--tests", help="Also what the tests need.")] = False) -> None:
    """Bring the programs that are not Python: Asterisk, ffmpeg, mosquitto, espeak-ng."""
    from callcenter.local import parts, programs

    programs.provide(programs.TO_TEST if tests else programs.TO_RUN, print)
    if parts.runs_own_asterisk(current_settings()):
        print(f"Asterisk {programs.provide_asterisk(print).version} is ready")


@app.command()
def wait(
    ready: Annotated[bool, typer.Option("--ready", help="Wait until every part is up (the only thing to wait for).")],
    timeout: Annotated[float, typer.Option(help="Seconds.", min=0, max=3600)] = 60,
) -> None:
    """Return when every part is up, or say which is not and exit with 1."""
    from callcenter.local.readiness import wait_ready

    faults = asyncio.run(wait_ready(current_settings(), timeout)) if ready else {}
    for part, why in faults.items():
        print(f"{part}: {why}", file=sys.stderr)
    if faults:
        raise typer.Exit(1)


@app.command()
def agents(as_json: AsJson = False) -> None:
    """Show the agents' SIP accounts with their passwords."""
    from rich.console import Console

    from callcenter.local import welcome
    from callcenter.local.secrets import load_or_make

    settings = current_settings()
    secrets = load_or_make(settings)
    if as_json:
        print(json.dumps(welcome.agents(settings, secrets), indent=2))
    else:
        Console().print(welcome.agents_table(settings, secrets))


@app.command()
def doctor() -> None:
    """Check everything the hotline needs; one line each, exit code 1 on a fault."""
    from callcenter.local.doctor import print_findings

    if not asyncio.run(print_findings(current_settings())):
        raise typer.Exit(1)


@app.command()
def migrate() -> None:
    """Bring the database to this version's shape."""
    from callcenter.local import addresses
    from callcenter.storage.migrate import migrate_url

    asyncio.run(migrate_url(addresses.database_url(current_settings())))


# ---- end of the local hotline ------------------------------------------------------------------------------------


schedule = typer.Typer(no_args_is_help=True, help="Opening hours and what overrides them.")
app.add_typer(schedule, name="schedule")

Until = Annotated[str, typer.Option(help="+90m, +2h, +1d, 18:00 or '2026-11-22 18:00' (Asia/Shanghai)")]
LineOption = Annotated[str, typer.Option(help="hotline")]
Reason = Annotated[str, typer.Option(help="One short line; kept with the override")]


def _schedule_url() -> str:
    from callcenter.local.addresses import database_url

    return database_url(current_settings())


@schedule.command("open")
def schedule_open(until: Until, line: LineOption = "hotline", reason: Reason = "") -> None:
    """Open a line outside its hours, from now on."""
    from callcenter.calls.model import Service
    from callcenter.schedule.command import override_hours

    print(asyncio.run(override_hours(_schedule_url(), line, Service.OPEN, until, reason)))


@schedule.command("close")
def schedule_close(until: Until, line: LineOption = "hotline", reason: Reason = "") -> None:
    """Close a line within its hours, from now on."""
    from callcenter.calls.model import Service
    from callcenter.schedule.command import override_hours

    print(asyncio.run(override_hours(_schedule_url(), line, Service.CLOSED, until, reason)))


@schedule.command("clear")
def schedule_clear(line: LineOption = "hotline") -> None:
    """Withdraw every override of a line: its hours hold again."""
    from callcenter.schedule.command import clear_overrides

    print(asyncio.run(clear_overrides(_schedule_url(), line)))


@schedule.command("show")
def schedule_show() -> None:
    """Whether each line takes calls now, why, and until when."""
    from callcenter.schedule.command import show_schedule

    print("\n".join(asyncio.run(show_schedule(_schedule_url()))))


def main() -> None:
    """Run the command; an error of ours is one line on stderr and exit code 1."""
    try:
        app()
    except CallcenterError as error:
        print(f"callcenter: {error}", file=sys.stderr)
        sys.exit(1)
