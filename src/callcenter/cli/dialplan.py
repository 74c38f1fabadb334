"""Asterisk's configuration: look at it, check it, put it in force."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callcenter.cli.app import AsJson, app, current_settings

if TYPE_CHECKING:
    from callcenter.dialplan.deployments import Deployment

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


SourceFolder = Annotated[
    Path | None, typer.Argument(help="A folder with asterisk/ and dialplans/; else this installation's own")
]


@dialplan.command("check")
def dialplan_check(folder: SourceFolder = None, as_json: AsJson = False) -> None:
    """Look for faults: by rules, then by loading it into a throw-away Asterisk. Exit code 1 on errors."""
    from callcenter.local.checking import check_sources

    checked = asyncio.run(check_sources(current_settings(), folder))
    if as_json:
        print(json.dumps([found.as_json() for found in checked.findings], ensure_ascii=False, indent=2))
    else:
        print("\n".join(map(str, checked.findings)) or "nothing found")
    if checked.errors:
        raise typer.Exit(1)


Reason = Annotated[str, typer.Option(help="One line; kept with the deployment")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for calls that stand where steps move", min=0, max=3600)]


@dialplan.command("diff")
def dialplan_diff(folder: SourceFolder = None) -> None:
    """Show what a deployment would change, in Asterisk's terms; passwords as ***."""
    from callcenter.local.changing import show_changes

    print("\n".join(asyncio.run(show_changes(current_settings(), folder))) or "nothing would change")


@dialplan.command("deploy")
def dialplan_deploy(folder: SourceFolder = None, reason: Reason = "", wait: Wait = 60) -> None:
    """Check, write, reload, verify, place a self-test call; go back by itself when one of them fails."""
    from callcenter.local.changing import deploy
    from callcenter.logs import set_up_logs

    set_up_logs("warning")
    _report(asyncio.run(deploy(current_settings(), folder, reason, wait)))


@dialplan.command("rollback")
def dialplan_rollback(
    number: Annotated[int | None, typer.Argument(help="Which deployment; else the one in force before")] = None,
    reason: Reason = "",
    wait: Wait = 60,
) -> None:
    """Bring back an earlier deployment's files, with today's passwords, as carefully as a deployment."""
    from callcenter.local.changing import roll_back
    from callcenter.logs import set_up_logs

    set_up_logs("warning")
    _report(asyncio.run(roll_back(current_settings(), number, reason, wait)))


@dialplan.command("history")
def dialplan_history(
    number: Annotated[int | None, typer.Argument(help="One deployment, with what it changed")] = None,
) -> None:
    """List the deployments, newest first."""
    from callcenter.clock import LOCAL_ZONE
    from callcenter.local.changing import history

    for made in history(current_settings(), number):
        at = made.at.astimezone(LOCAL_ZONE).strftime("%Y-%m-%d %H:%M:%S")
        print(
            f"{made.number}  {at}  {made.made_by}  {made.result}  {len(made.changes)} changes  {made.reason} {made.why}"
        )
        if number:
            print("\n".join((*made.changes, *made.self_test)))


@dialplan.command("simulate")
def dialplan_simulate(
    dial: Annotated[str, typer.Option(help="The number dialled")],
    at: Annotated[str, typer.Option(help="'2026-10-10 10:00' (Asia/Shanghai)")],
    press: Annotated[str, typer.Option(help="One digit for each menu in turn")] = "",
    caller: Annotated[str, typer.Option("--from", help="The caller's number")] = "13800138000",
    queue: Annotated[str, typer.Option(help="How Queue() ends: ANSWERED, TIMEOUT, FULL, JOINEMPTY …")] = "ANSWERED",
) -> None:
    """Print the path that a call would take, from the running configuration; no call is placed."""
    from callcenter.dialplan.simulation import Assumptions
    from callcenter.local.simulating import must_be_dialable, read_instant, simulate
    from callcenter.logs import set_up_logs

    set_up_logs("error")
    assumed = Assumptions(read_instant(at), caller, press, queue)
    print("\n".join(asyncio.run(simulate(current_settings(), must_be_dialable(dial), assumed))))


def _report(made: "Deployment") -> None:
    print("\n".join((*made.changes, *made.self_test)))
    print(f"deployment {made.number}: {made.result}{f': {made.why}' if made.why else ''}")
    if not made.in_force:
        raise typer.Exit(1)


def _print_changed(names: list[str]) -> None:
    print("\n".join(f"changed: {name}" for name in names) or "nothing changed")
