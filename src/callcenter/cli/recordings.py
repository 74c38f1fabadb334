"""Whether the recordings are what was recorded."""

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from callcenter.cli.app import AsJson, LanguageOption, app, current_settings, database_url, with_engine
from callcenter.errors import CallcenterError

NOT_CHECKED = 2

recordings = typer.Typer(no_args_is_help=True, help="Whether the recordings are what was recorded.")
app.add_typer(recordings, name="recordings")


@recordings.command()
def verify(
    heads: Annotated[list[Path] | None, typer.Option(help="file with kept heads; all of recording_heads else")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="sizes of files only, last signatures only")] = False,
    since: Annotated[str | None, typer.Option("--from", help="files of recordings begun from this day on")] = None,
    until: Annotated[str | None, typer.Option(help="files of recordings begun before this day")] = None,
    as_json: AsJson = False,
    lang: LanguageOption = "zh",
) -> None:
    """Check chain, records and files; exit code 1 when something deviates, 2 when something can't be checked."""
    try:
        code = asyncio.run(_verify(heads or [], quick, (since, until), as_json, lang))
    except CallcenterError as error:
        print(f"callcenter: {error}", file=sys.stderr)
        code = NOT_CHECKED
    raise typer.Exit(code)


async def _verify(heads: list[Path], quick: bool, days: tuple[str | None, str | None], as_json: bool, lang: str) -> int:
    """Raises `InvalidInput`, `PartUnavailable`."""
    from callcenter.local.recording_keys import load_chain_public, store_of
    from callcenter.recordings.heads import heads_in
    from callcenter.recordings.verify_command import Asked, Site, print_verification
    from callcenter.storage.engine import make_engine

    settings = current_settings()
    files = heads or heads_in(settings.heads_dir)
    site = Site(load_chain_public(settings), files, settings.sealed_dir, store_of(settings))
    asked = Asked(quick, _instant(days[0], "from"), _instant(days[1], "until"))
    engine = make_engine(database_url(), pool_size=2, command_timeout=None)
    try:
        return await print_verification(engine, site, asked, as_json=as_json, language=lang)
    finally:
        await engine.dispose()


def _instant(text: str | None, where: str) -> datetime | None:
    from callcenter.http.instants import parse_instant

    return parse_instant(text, where) if text else None


@recordings.command()
def head() -> None:
    """Print where the chain stands, signed: kept elsewhere, it proves later that nothing was cut off or made anew."""
    from callcenter.recordings.verify_command import print_heads

    with_engine(print_heads)
