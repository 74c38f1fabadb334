"""The months that call records lie in."""

import typer

from callcenter.cli.app import app, with_engine

cdr = typer.Typer(no_args_is_help=True, help="The months that call records lie in: list, take out, bring back.")
app.add_typer(cdr, name="cdr")


@cdr.command("partitions")
def cdr_partitions() -> None:
    """List the months with rows (estimated) and size; rows of no month; recordings without a call."""
    from callcenter.calls.archive import print_partitions

    with_engine(print_partitions)


@cdr.command("detach")
def cdr_detach(month: str) -> None:
    """Take a month (2024-01) out of lists and reports; its table is kept as calls_2024_01_detached."""
    from callcenter.calls.archive import detach

    with_engine(lambda e: detach(e, month))


@cdr.command("attach")
def cdr_attach(month: str) -> None:
    """Bring a detached month back; retention leaves it until it is detached by hand."""
    from callcenter.calls.archive import attach

    with_engine(lambda e: attach(e, month))
