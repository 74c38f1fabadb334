"""Whom the hotline refuses, and who serves which queue."""

from typing import Annotated

import typer

from callcenter.cli.app import app, current_settings, with_engine

blocked = typer.Typer(no_args_is_help=True, help="Numbers that the hotline refuses (never the emergency line).")
members = typer.Typer(no_args_is_help=True, help="Who serves which queue.")
app.add_typer(blocked, name="blocked")
app.add_typer(members, name="members")

Reason = Annotated[str, typer.Option(help="One short line; kept")]


@blocked.command("add")
def blocked_add(
    number: str,
    until: Annotated[str | None, typer.Option(help="+2h, +7d, '2026-12-01 09:00'; without it: for ever")] = None,
    reason: Reason = "",
) -> None:
    """Refuse a number on the hotline."""
    from callcenter.routing.command import block

    with_engine(lambda e: block(e, number, until, reason))


@blocked.command("remove")
def blocked_remove(number: str, reason: Reason = "") -> None:
    """Serve a number again."""
    from callcenter.routing.command import unblock

    with_engine(lambda e: unblock(e, number, reason))


@blocked.command("list")
def blocked_list() -> None:
    """List the numbers that are refused now."""
    from callcenter.routing.command import print_blocked

    with_engine(print_blocked)


@members.command("list")
def members_list() -> None:
    """List each queue's members; who is logged out is in none meanwhile."""
    from callcenter.agents.desired import default_members
    from callcenter.agents.model import QUEUES
    from callcenter.routing.command import print_members

    settings = current_settings()
    defaults = default_members(settings.agents, settings.overflow_agents)
    with_engine(lambda e: print_members(e, QUEUES, defaults))


@members.command("set")
def members_set(
    queue: str,
    agents: Annotated[list[str] | None, typer.Argument(help="1001, or 1001:5 with a penalty; none: as set")] = None,
    reason: Reason = "",
) -> None:
    """Let these and no others serve a queue."""
    from callcenter.routing.command import set_members

    phones = current_settings().phones
    with_engine(lambda e: set_members(e, queue, agents or [], phones, reason))
