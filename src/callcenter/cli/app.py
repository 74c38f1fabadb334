"""The command's root and what all commands share: settings, the database, options."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from callcenter import settings as settings_module
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
LanguageOption = Annotated[str, typer.Option("--lang", help="zh or en")]


def current_settings() -> Settings:
    return settings_module.load()


def database_url() -> str:
    """The database's address, with its password. Not for showing."""
    from callcenter.local.addresses import database_url as url_of

    return url_of(current_settings())


def with_engine(work: "Callable[[AsyncEngine], Awaitable[None]]") -> None:
    """Run `work` on the database, then let go of it."""
    from callcenter.storage.reading import with_engine as do

    asyncio.run(do(database_url(), work))
