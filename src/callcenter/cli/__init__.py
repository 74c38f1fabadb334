"""The `callcenter` command, a module a group. Commands import what they need when they run: `--help` stays quick."""

import sys

from callcenter.cli import (
    agents,
    alerts,
    callbacks,
    coverage,
    dialplan,
    hotline,
    keys,
    partitions,
    recordings,
    records,
    retention,
    roster,
    routing,
    schedule,
    security,
)
from callcenter.cli.app import app
from callcenter.errors import CallcenterError

__all__ = [
    "agents",
    "alerts",
    "app",
    "callbacks",
    "coverage",
    "dialplan",
    "hotline",
    "keys",
    "main",
    "partitions",
    "recordings",
    "records",
    "retention",
    "roster",
    "routing",
    "schedule",
    "security",
]


def main() -> None:
    """Run the command; an error of ours is one line on stderr and exit code 1."""
    try:
        app()
    except CallcenterError as error:
        print(f"callcenter: {error}", file=sys.stderr)
        sys.exit(1)
