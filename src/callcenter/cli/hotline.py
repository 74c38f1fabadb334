"""The local hotline: run it, wait for it, look after it."""

import asyncio
import sys
from typing import Annotated

import typer

from callcenter.cli.app import app, current_settings


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


@app.command()
def demo(minutes: Annotated[float, typer.Option(help="How long", min=0.5, max=240)] = 15) -> None:
    """Play real calls to the running hotline, through softphones: needs a checkout with its test environment."""
    from callcenter.local.demo import run_demo

    run_demo(current_settings(), minutes)
