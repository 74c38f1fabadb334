"""The `callcenter` command. Commands import what they need when they run: `--help` stays quick."""

import sys

import typer

from callcenter import settings as settings_module
from callcenter.errors import CallcenterError
from callcenter.settings import Settings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="A government telephone hotline on Asterisk."
)


def current_settings() -> Settings:
    return settings_module.load()


def main() -> None:
    """Run the command; an error of ours is one line on stderr and exit code 1."""
    try:
        app()
    except CallcenterError as error:
        print(f"callcenter: {error}", file=sys.stderr)
        sys.exit(1)
