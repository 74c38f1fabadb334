"""Who may call the API."""

from typing import Annotated

import typer

from callcenter.cli.app import app, with_engine

apikeys = typer.Typer(no_args_is_help=True, help="Who may call the API.")
app.add_typer(apikeys, name="apikeys")


@apikeys.command("add")
def apikeys_add(
    name: str,
    may_change: Annotated[
        bool, typer.Option("--may-change", help="More than read: the schedule, the roster …")
    ] = False,
) -> None:
    """Make a key and print it: it is never shown again."""
    from callcenter.access.command import print_new_key

    with_engine(lambda e: print_new_key(e, name, may_change=may_change))


@apikeys.command("list")
def apikeys_list() -> None:
    """List the keys' names and times."""
    from callcenter.access.command import print_keys

    with_engine(print_keys)


@apikeys.command("revoke")
def apikeys_revoke(name: str) -> None:
    """Refuse a key from now on (within 5 s)."""
    from callcenter.access.repository import revoke_key

    with_engine(lambda e: revoke_key(e, name))
