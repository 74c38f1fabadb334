"""What somebody must know of."""

from typing import Annotated

import typer

from callcenter.cli.app import LanguageOption, app, with_engine


@app.command()
def alerts(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    lang: LanguageOption = "zh",
) -> None:
    """List the alerts that stand."""
    from callcenter.alerts.command import print_alerts

    with_engine(lambda e: print_alerts(e, everything=everything, language=lang))
