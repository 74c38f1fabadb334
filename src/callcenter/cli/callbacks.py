"""Callbacks that citizens asked for, and the worklist of those whom we owe a call."""

from typing import Annotated

import typer

from callcenter.cli.app import AsJson, LanguageOption, app, with_engine

callbacks = typer.Typer(no_args_is_help=True, help="Callbacks that keep their place in the queue.")
app.add_typer(callbacks, name="callbacks")
follow_ups = typer.Typer(no_args_is_help=True, help="Lost callers, voicemails, failed callbacks: whom we owe a call.")
app.add_typer(follow_ups, name="follow-ups")

Limit = Annotated[int, typer.Option(min=1, max=1000)]
By = Annotated[str, typer.Option(help="Who does it")]


@callbacks.command("list")
def callbacks_list(
    state: Annotated[str | None, typer.Option(help="waiting, dialing, reached, done, failed, …")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
    lang: LanguageOption = "zh",
) -> None:
    """List callbacks, newest first."""
    from callcenter.callbacks.command import print_callbacks

    with_engine(lambda e: print_callbacks(e, state, limit=limit, as_json=as_json, language=lang))


@callbacks.command("cancel")
def callbacks_cancel(callback: Annotated[int, typer.Argument(min=1)]) -> None:
    """Cancel a callback that waits."""
    from callcenter.callbacks.command import cancel_callback

    with_engine(lambda e: cancel_callback(e, callback))


@follow_ups.command("list")
def follow_ups_list(
    state: Annotated[str | None, typer.Option(help="open, taken, reached or given_up")] = None,
    kind: Annotated[str | None, typer.Option(help="lost, voicemail or callback_failed")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
    lang: LanguageOption = "zh",
) -> None:
    """List the worklist, the one due first first."""
    from callcenter.callbacks.command import print_follow_ups

    with_engine(lambda e: print_follow_ups(e, state, kind, limit=limit, as_json=as_json, language=lang))


@follow_ups.command("take")
def follow_ups_take(entry: Annotated[int, typer.Argument(min=1)], by: By) -> None:
    """Say who will ring."""
    from callcenter.callbacks.command import take_follow_up

    with_engine(lambda e: take_follow_up(e, entry, by))


@follow_ups.command("close")
def follow_ups_close(
    entry: Annotated[int, typer.Argument(min=1)],
    by: By,
    state: Annotated[str, typer.Option("--as", help="reached or given_up")] = "reached",
    note: Annotated[str, typer.Option(help="What was said")] = "",
) -> None:
    """Close an entry."""
    from callcenter.callbacks.command import close_follow_up

    with_engine(lambda e: close_follow_up(e, entry, by, state, note))
