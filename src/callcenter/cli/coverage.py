"""What was observed, and whether the record adds up."""

from typing import Annotated

import typer

from callcenter.cli.app import AsJson, LanguageOption, app, current_settings, with_engine

coverage = typer.Typer(invoke_without_command=True, help="What was not observed, and whether the record adds up.")
app.add_typer(coverage, name="coverage")


@coverage.callback()
def show(
    context: typer.Context,
    since: Annotated[str | None, typer.Option("--from", help="day or instant; a day back when left out")] = None,
    until: Annotated[str | None, typer.Option(help="day or instant, exclusive; now when left out")] = None,
    as_json: AsJson = False,
    lang: LanguageOption = "zh",
) -> None:
    """Show each PBX's blind intervals, what filled them, and the latest completeness checks."""
    if context.invoked_subcommand is None:
        from callcenter.coverage.command import print_coverage

        with_engine(lambda e: print_coverage(e, since, until, as_json=as_json, language=lang))


@coverage.command()
def check(lang: LanguageOption = "zh") -> None:
    """Compare the journal with Asterisk's own count now; exit code 1 when it does not add up."""
    from callcenter.coverage.command import print_check

    well: list[bool] = []

    async def work(engine) -> None:  # type: ignore[no-untyped-def]
        well.append(await print_check(engine, current_settings().pbx, language=lang))

    with_engine(work)
    if not well[0]:
        raise typer.Exit(1)
