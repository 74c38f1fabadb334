"""The record plane and what reads it: listener, API, call records, reports."""

import asyncio
from typing import Annotated

import typer

from callcenter.cli.app import LanguageOption, app, current_settings, database_url, with_engine


@app.command()
def listen() -> None:
    """Follow one Asterisk: journals, AMI, control loop, recordings, MQTT. Runs beside it until stopped."""
    from callcenter import bootstrap

    bootstrap.listen(current_settings())


@app.command()
def replay(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
) -> None:
    """Compute every call record again from the raw facts and store what differs."""
    from callcenter.calls.replay import replay_url
    from callcenter.clock import now
    from callcenter.storage.retention import kept_since

    settings = current_settings()
    since = kept_since(now(), settings.cdr_retention_months)
    result = asyncio.run(replay_url(database_url(), settings.pbx, dry_run=dry_run, not_before=since))
    for difference in result.changed:
        print(difference.call_id, *(f"{k}: {a!r} -> {b!r}" for k, (a, b) in difference.columns.items()), sep="\n  ")
    verb = "would be" if dry_run else "were"
    print(f"{result.same} the same; {len(result.changed)} {verb} changed, {result.added} {verb} added")


@app.command()
def api() -> None:
    """Serve the API and the console page; needs Postgres alone."""
    import uvloop

    from callcenter.logs import set_up_logs
    from callcenter.webapp import run_api

    settings = current_settings()
    set_up_logs(settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_api(settings, database_url()))


@app.command()
def cdrs(
    since: Annotated[str | None, typer.Option("--from", help="day or instant, inclusive")] = None,
    until: Annotated[str | None, typer.Option(help="day or instant, exclusive")] = None,
    number: Annotated[str | None, typer.Option(help="13800138000, 138* or *8000")] = None,
    line: Annotated[str | None, typer.Option(help="hotline or emergency")] = None,
    queue: Annotated[str | None, typer.Option()] = None,
    agent: Annotated[str | None, typer.Option()] = None,
    outcome: Annotated[str | None, typer.Option(help="answered, abandoned_in_queue, …")] = None,
    mark: Annotated[str | None, typer.Option(help="voicemail, callback, complaint, …")] = None,
    direction: Annotated[str | None, typer.Option(help="inbound, outbound or internal")] = None,
    min_talk: Annotated[float | None, typer.Option(min=0, help="seconds")] = None,
    max_talk: Annotated[float | None, typer.Option(min=0, help="seconds")] = None,
    order: Annotated[str | None, typer.Option(help="started_at, -started_at, -wait_seconds, …")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="for scripts: what the API gives")] = False,
    lang: LanguageOption = "zh",
) -> None:
    """List call records, newest first."""
    from callcenter.calls.command import parse_search, print_calls

    asked = dict(since=since, until=until, number=number, line=line, queue=queue, agent=agent, outcome=outcome,
                 mark=mark, direction=direction, min_talk=min_talk, max_talk=max_talk, order=order)  # fmt: skip
    search = parse_search(asked)
    with_engine(lambda e: print_calls(e, search, limit=limit, as_json=as_json, language=lang))


@app.command()
def report(
    period: Annotated[str, typer.Option(help="day, week (Monday to Sunday) or month")] = "day",
    date: Annotated[str | None, typer.Option(help="a day in the period; today when left out")] = None,
    form: Annotated[str, typer.Option("--format", help="table, json or csv")] = "table",
    lang: LanguageOption = "zh",
) -> None:
    """Report the traffic of a day, week or month."""
    from callcenter.reports.command import parse_day, parse_format, parse_period, print_traffic

    asked, day, shape = parse_period(period), parse_day(date), parse_format(form)
    with_engine(lambda e: print_traffic(e, asked, day, form=shape, language=lang))
