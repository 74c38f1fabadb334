"""Attacks seen, addresses blocked, secrets changed."""

import asyncio
from typing import Annotated

import typer

from callcenter.cli.app import AsJson, app, current_settings, with_engine

security = typer.Typer(no_args_is_help=True, help="Attacks seen, addresses blocked, secrets changed.")
app.add_typer(security, name="security")


@security.command("events")
def security_events(
    address: Annotated[str | None, typer.Option(help="From this address only")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """The latest security events that Asterisk reported."""
    from callcenter.security.command import print_events

    with_engine(lambda e: print_events(e, address, limit, as_json=as_json))


@security.command("blocked")
def security_blocked(as_json: AsJson = False) -> None:
    """Addresses that guessed passwords and are not listened to."""
    from callcenter.security.command import print_blocked

    with_engine(lambda e: print_blocked(e, as_json=as_json))


@security.command("unblock")
def security_unblock(address: str) -> None:
    """Listen to an address again."""
    import getpass

    from callcenter.security.command import unblock

    with_engine(lambda e: unblock(e, address, getpass.getuser()[:64]))


@security.command("rotate")
def security_rotate(
    what: Annotated[str, typer.Argument(help="ami or agent")],
    number: Annotated[str, typer.Argument(help="The agent's number")] = "",
) -> None:
    """Make a new password for the manager interface or for one phone, and put it in force."""
    from callcenter.local.rotation import rotate

    print(asyncio.run(rotate(current_settings(), what, number)))
