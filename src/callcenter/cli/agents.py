"""The agents: SIP accounts, PINs, and what they did (座席员操作日志)."""

import json
from typing import Annotated

import typer

from callcenter.cli.app import AsJson, LanguageOption, app, current_settings, with_engine

agents = typer.Typer(help="The agents: SIP accounts, PINs, operation log.")
pins = typer.Typer(no_args_is_help=True, help="PINs for logging in and out at the phone.")
app.add_typer(agents, name="agents")
agents.add_typer(pins, name="pin")


@agents.callback(invoke_without_command=True)
def accounts(context: typer.Context, as_json: AsJson = False) -> None:
    """Show the agents' SIP accounts with their passwords."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console

    from callcenter.local import welcome
    from callcenter.local.secrets import load_or_make

    settings = current_settings()
    secrets = load_or_make(settings)
    if as_json:
        print(json.dumps(welcome.agents(settings, secrets), indent=2))
    else:
        Console().print(welcome.agents_table(settings, secrets))


@pins.command("set")
def pin_set(
    agent: str,
    pin: Annotated[str | None, typer.Option(help="4 to 8 digits; made and shown once when left out.")] = None,
) -> None:
    """Give an agent a new PIN; Asterisk has it within seconds."""
    from callcenter.agents.command import change_pin

    numbers = current_settings().agents
    with_engine(lambda e: change_pin(e, agent, pin, numbers))


@pins.command("list")
def pin_list() -> None:
    """List who has a PIN, since when and by whom; never the PIN."""
    from callcenter.agents.command import print_pins

    with_engine(print_pins)


@agents.command("log")
def log(
    agent: Annotated[str | None, typer.Argument(help="all when left out")] = None,
    since: Annotated[str | None, typer.Option("--from", help="day or instant, inclusive; today when left out")] = None,
    until: Annotated[str | None, typer.Option(help="day or instant, exclusive")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    lang: LanguageOption = "zh",
) -> None:
    """Show the operation log: log-ins, pauses, marks, listening in; newest first."""
    from callcenter.agents.command import print_log

    with_engine(lambda e: print_log(e, agent, since, until, as_json=as_json, language=lang))
