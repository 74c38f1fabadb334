"""The reading plane put together: routes, auth, problems, live feed. Stateless: start as many as wanted."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.staticfiles import StaticFiles

from callcenter import __version__
from callcenter.access.keys import KeyRing
from callcenter.agents.desired import default_members
from callcenter.alerts import routes as alerts_routes
from callcenter.callbacks import routes as callbacks_routes
from callcenter.calls import routes as calls_routes
from callcenter.console import follow_ups as follow_ups_page
from callcenter.console import recordings_page, retention_page, schedule_page
from callcenter.console import roster as roster_page
from callcenter.console import routes as console_routes
from callcenter.coverage import routes as coverage_routes
from callcenter.http import health, problems
from callcenter.http.auth import KeyRequired
from callcenter.http.openapi import describe
from callcenter.http.parameters import known_parameters
from callcenter.http.server import serve
from callcenter.listening import export_routes, exporting, played
from callcenter.listening import routes as listening_routes
from callcenter.local.recording_keys import store_of
from callcenter.publishing import routes as publishing_routes
from callcenter.publishing.feed import Feed
from callcenter.recordings import pausing
from callcenter.recordings.playback import Player
from callcenter.recordings.site_key import PrivateHalves
from callcenter.reports import routes as reports_routes
from callcenter.retention import hold_routes
from callcenter.retention import routes as retention_routes
from callcenter.roster import routes as roster_routes
from callcenter.roster.chain import fallback
from callcenter.routing import routes as routing_routes
from callcenter.schedule import routes as schedule_routes
from callcenter.security import routes as security_routes
from callcenter.settings import Settings
from callcenter.storage.engine import make_engine

TITLE = "Hotline call centre"


def create_app(settings: Settings, engine: AsyncEngine) -> FastAPI:
    """The application on a database. Whoever makes the engine disposes of it."""
    feed = Feed(engine)
    player = Player(settings.sealed_dir, store_of(settings), PrivateHalves(settings.private_keys_dir))
    exporter = exporting.Exporter(engine, player, settings.var_dir / "exports")
    app = FastAPI(
        title=TITLE, version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False,
        lifespan=_following(feed, exporter),
    )  # fmt: skip
    app.state.engine, app.state.feed, app.state.pbx = engine, feed, settings.pbx
    app.state.player, app.state.exporter = player, exporter
    app.state.playback_reason_required = settings.playback_reason_required
    app.state.phones = settings.phones
    app.state.emergency_fallback = fallback(
        settings.agents, settings.emergency_mobiles, settings.emergency_step_seconds
    )
    app.state.exports = asyncio.Semaphore(calls_routes.EXPORTS_AT_ONCE)
    app.state.members = default_members(settings.agents, settings.overflow_agents)
    for routes in (
        alerts_routes,
        routing_routes,
        calls_routes,
        pausing,
        listening_routes,
        played,
        export_routes,
        retention_routes,
        hold_routes,
        schedule_routes,
        callbacks_routes,
        reports_routes,
        coverage_routes,
        publishing_routes,
        security_routes,
        roster_routes,
        health,
    ):
        app.include_router(routes.router, dependencies=[Depends(known_parameters)])
    app.include_router(console_routes.router)
    app.include_router(schedule_page.router)
    app.include_router(roster_page.router)
    app.include_router(follow_ups_page.router)
    app.include_router(recordings_page.router)
    app.include_router(retention_page.router)
    app.mount("/static", StaticFiles(directory=Path(console_routes.__file__).parent / "static"))
    problems.install(app)
    describe(app)
    app.add_middleware(KeyRequired, keys=KeyRing(engine))
    return app


def _following(feed: Feed, exporter: exporting.Exporter):  # type: ignore[no-untyped-def]
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(feed.run(), name="live feed")
        making = asyncio.create_task(exporter.run(), name="exports")
        try:
            yield
        finally:
            feed.stop()
            making.cancel()
            await asyncio.gather(following, making, return_exceptions=True)

    return lifespan


async def run_api(settings: Settings, database_url: str) -> None:
    """Serve the API until SIGINT or SIGTERM. Raises `SetupFailed` when the port is taken."""
    engine = make_engine(database_url, pool_size=10, searches=True)
    app = create_app(settings, engine)
    try:
        await serve(app, settings.http_bind, settings.http_port, app.state.feed.stop)
    finally:
        await engine.dispose()
