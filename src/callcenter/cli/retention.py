"""How long recordings are kept, what keeps them longer, what went."""

from typing import Annotated
from uuid import UUID

import typer

from callcenter.cli.app import LanguageOption, app, with_engine

retention = typer.Typer(no_args_is_help=True, help="How long recordings are kept, what keeps them longer, what went.")
app.add_typer(retention, name="retention")


@retention.command()
def policies(lang: LanguageOption = "zh") -> None:
    """List the terms, those ended included. Without one for its kind of call no recording goes by age."""
    from callcenter.retention.command import print_policies

    with_engine(lambda e: print_policies(e, lang))


@retention.command("set")
def set_(
    kind: Annotated[str, typer.Argument(help="hotline, emergency, outbound or complaint")],
    days: Annotated[int, typer.Argument(help="whole days after the call's")],
    reference: Annotated[str, typer.Option(help="the client's written decision")],
) -> None:
    """Set the term of a kind of call: recordings expire after it, and are destroyed seven days later.

    Prints the first day on which it is carried out; until then the dry run shows what it will do.
    """
    from callcenter.retention.command import parse_note, parse_policy, set_policy

    policy, said = parse_policy(kind, days), parse_note(reference, "--reference")
    with_engine(lambda e: set_policy(e, policy, said))


@retention.command()
def end(
    kind: Annotated[str, typer.Argument(help="hotline, emergency, outbound or complaint")],
    reason: Annotated[str, typer.Option(help="why; kept")],
) -> None:
    """End the term of a kind of call: nothing of it goes by age any more."""
    from callcenter.retention.command import end_policy, parse_kind, parse_note

    chosen, said = parse_kind(kind), parse_note(reason, "--reason")
    with_engine(lambda e: end_policy(e, chosen, said))


@retention.command()
def hold(
    recording: UUID,
    note: Annotated[str, typer.Option(help="what it is kept for: the complaint's number, who asked …")],
    why: Annotated[str, typer.Option(help="complaint, disclosure or other")] = "other",
    reference: Annotated[str, typer.Option(help="number of the complaint or letter")] = "",
) -> None:
    """Keep a recording whatever its term; prints the hold's number."""
    from callcenter.retention import command
    from callcenter.retention.hold_repository import NewHold

    named = command.parse_note(reference, "--reference") if reference else ""
    new = NewHold(command.parse_why(why), command.parse_note(note, "--note"), named)
    with_engine(lambda e: command.hold(e, recording, new))


@retention.command()
def release(
    number: Annotated[int, typer.Argument(min=1, max=2**62)],
    reason: Annotated[str, typer.Option(help="why it is needed no longer; kept")],
) -> None:
    """End a hold."""
    from callcenter.retention import command

    said = command.parse_note(reason, "--reason")
    with_engine(lambda e: command.release(e, number, said))


@retention.command()
def holds(
    everything: Annotated[bool, typer.Option("--all", help="those that were ended, too")] = False,
    lang: LanguageOption = "zh",
) -> None:
    """List the holds."""
    from callcenter.retention.command import print_holds

    with_engine(lambda e: print_holds(e, lang, everything=everything))


@retention.command("dry-run")
def dry_run(
    day: Annotated[str | None, typer.Option(help="a local day to come; today when left out")] = None,
    trial: Annotated[tuple[str, int] | None, typer.Option("--try", help="kind and days, as if in force")] = None,
    by_day: Annotated[bool, typer.Option("--by-day", help="what goes by the calls' day")] = False,
    lang: LanguageOption = "zh",
) -> None:
    """Say what would expire and be destroyed on a day, and why the rest stays. Changes nothing."""
    from callcenter.retention.command import parse_day, parse_policy, print_dry_run

    chosen, policy = parse_day(day), parse_policy(*trial) if trial else None
    with_engine(lambda e: print_dry_run(e, lang, chosen, policy, by_day=by_day))


@retention.command()
def protocols(lang: LanguageOption = "zh") -> None:
    """List what expired and was destroyed, by day."""
    from callcenter.retention.command import print_protocols

    with_engine(lambda e: print_protocols(e, lang))
