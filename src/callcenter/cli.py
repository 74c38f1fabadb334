"""The `callcenter` command. Commands import what they need when they run: `--help` stays quick."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callcenter import settings as settings_module
from callcenter.errors import CallcenterError
from callcenter.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="A government telephone hotline on Asterisk.",
)
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


# ---- the record plane --------------------------------------------------------------------------------------------


@app.command()
def listen() -> None:
    """Follow one Asterisk: journals, AMI, control loop, recordings, MQTT. Runs beside it until stopped."""
    from callcenter import bootstrap

    bootstrap.listen(current_settings())


@app.command()
def replay(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
) -> None:
    """Compute every call record again from the raw facts and store what differs."""
    from callcenter.calls.replay import replay_url
    from callcenter.local import addresses

    settings = current_settings()
    result = asyncio.run(replay_url(addresses.database_url(settings), settings.pbx, dry_run=dry_run))
    for difference in result.changed:
        print(difference.call_id, *(f"{k}: {a!r} -> {b!r}" for k, (a, b) in difference.columns.items()), sep="\n  ")
    verb = "would be" if dry_run else "were"
    print(f"{result.same} the same; {len(result.changed)} {verb} changed, {result.added} {verb} added")


# ---- end of the record plane -------------------------------------------------------------------------------------


# ---- reading: API, call records, reports, keys -------------------------------------------------------------------


def _database_url() -> str:
    from callcenter.local.addresses import database_url

    return database_url(current_settings())


@app.command()
def api() -> None:
    """Serve the API and the console page; needs Postgres alone."""
    from callcenter.logs import set_up_logs
    from callcenter.webapp import run_api

    settings = current_settings()
    set_up_logs(settings.log_level)
    asyncio.run(run_api(settings, _database_url()))


LanguageOption = Annotated[str, typer.Option("--lang", help="zh or en")]


@app.command()
def cdrs(
    since: Annotated[str | None, typer.Option("--from", help="day or instant, inclusive")] = None,
    until: Annotated[str | None, typer.Option(help="day or instant, exclusive")] = None,
    number: Annotated[str | None, typer.Option(help="13800138000, 138* or *8000")] = None,
    line: Annotated[str | None, typer.Option(help="hotline or emergency")] = None,
    queue: Annotated[str | None, typer.Option()] = None,
    agent: Annotated[str | None, typer.Option()] = None,
    outcome: Annotated[str | None, typer.Option(help="answered, abandoned_in_queue, …")] = None,
    direction: Annotated[str | None, typer.Option(help="inbound, outbound or internal")] = None,
    min_talk: Annotated[float | None, typer.Option(min=0, help="seconds")] = None,
    max_talk: Annotated[float | None, typer.Option(min=0, help="seconds")] = None,
    order: Annotated[str | None, typer.Option(help="started_at, -started_at, -wait_seconds, …")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="for scripts: what the API gives")] = False,
    lang: LanguageOption = "zh",
) -> None:
    """List call records, newest first."""
    from callcenter.calls.command import parse_search, print_calls

    asked = dict(since=since, until=until, number=number, line=line, queue=queue, agent=agent, outcome=outcome,
                 direction=direction, min_talk=min_talk, max_talk=max_talk, order=order)  # fmt: skip
    search = parse_search(asked)
    _with_engine(lambda e: print_calls(e, search, limit=limit, as_json=as_json, language=lang))


@app.command()
def report(
    period: Annotated[str, typer.Option(help="day, week (Monday to Sunday) or month")] = "day",
    date: Annotated[str | None, typer.Option(help="a day in the period; today when left out")] = None,
    form: Annotated[str, typer.Option("--format", help="table, json or csv")] = "table",
    lang: LanguageOption = "zh",
) -> None:
    """Report the traffic of a day, week or month."""
    from callcenter.reports.command import parse_day, parse_format, parse_period, print_traffic

    asked, day, shape = parse_period(period), parse_day(date), parse_format(form)
    _with_engine(lambda e: print_traffic(e, asked, day, form=shape, language=lang))


apikeys = typer.Typer(no_args_is_help=True, help="Who may call the API.")
app.add_typer(apikeys, name="apikeys")


@apikeys.command("add")
def apikeys_add(name: str) -> None:
    """Make a key and print it: it is never shown again."""
    from callcenter.access.command import print_new_key

    _with_engine(lambda e: print_new_key(e, name))


@apikeys.command("list")
def apikeys_list() -> None:
    """List the keys' names and times."""
    from callcenter.access.command import print_keys

    _with_engine(print_keys)


@apikeys.command("revoke")
def apikeys_revoke(name: str) -> None:
    """Refuse a key from now on (within 5 s)."""
    from callcenter.access.repository import revoke_key

    _with_engine(lambda e: revoke_key(e, name))


def _with_engine(work: "Callable[[AsyncEngine], Awaitable[None]]") -> None:
    """Run `work` on the database, then let go of it."""
    from callcenter.storage.reading import with_engine

    asyncio.run(with_engine(_database_url(), work))


# ---- the dialplan ------------------------------------------------------------------------------------------------

dialplan = typer.Typer(no_args_is_help=True, help="Asterisk's configuration: look at it, load it.")
app.add_typer(dialplan, name="dialplan")


@dialplan.command("render")
def dialplan_render(
    to: Annotated[Path | None, typer.Option(help="A folder of your own; else where Asterisk reads")] = None,
) -> None:
    """Write the configuration files and name those that changed; nothing is loaded. They hold passwords (mode 0600)."""
    from callcenter.local.configuration import render_into

    settings = current_settings()
    _print_changed(render_into(settings, to or settings.asterisk_dir / "etc"))


@dialplan.command("reload")
def dialplan_reload() -> None:
    """Write the configuration and prompts, and have the running Asterisk load them; calls in progress go on."""
    from callcenter.local.configuration import deploy

    _print_changed(asyncio.run(deploy(current_settings())))


def _print_changed(names: list[str]) -> None:
    print("\n".join(f"changed: {name}" for name in names) or "nothing changed")


@app.command()
def demo(minutes: Annotated[float, typer.Option(help="How long", min=0.5, max=240)] = 15) -> None:
    """Play real calls to the running hotline, through softphones: needs a checkout with its test environment."""
    from callcenter.local.demo import run_demo

    run_demo(current_settings(), minutes)


# ---- end of the dialplan -----------------------------------------------------------------------------------------


def main() -> None:
    """Run the command; an error of ours is one line on stderr and exit code 1."""
    try:
        app()
    except CallcenterError as error:
        print(f"callcenter: {error}", file=sys.stderr)
        sys.exit(1)
