"""What an administrator asks for by `callcenter dialplan …`: look at changes, deploy, go back, read the history."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from callcenter.dialplan.deployments import Deployment, store, stored_numbers
from callcenter.dialplan.render import render
from callcenter.dialplan.sounds import wanted_sounds
from callcenter.errors import CallcenterError
from callcenter.local import places
from callcenter.local.addresses import database_url
from callcenter.local.checking import check_candidate, with_sources
from callcenter.local.configuration import own_asterisk
from callcenter.local.deployment import (
    State,
    Wish,
    archive_of,
    changes,
    deploy_checked,
    put_in_force,
    state_of,
    vault_of,
)
from callcenter.settings import Settings
from callcenter.storage.engine import make_engine
from callcenter.storage.reading import writing

log = structlog.get_logger(__name__)


async def show_changes(settings: Settings, folder: Path | None) -> list[str]:
    """What deploying would change, one line each, secrets hidden."""
    pbx = with_sources(own_asterisk(settings), folder)
    new = await asyncio.to_thread(lambda: State(dict(render(pbx.site)), wanted_sounds(pbx.site)))
    return changes(await asyncio.to_thread(state_of, pbx), new)


async def deploy(settings: Settings, folder: Path | None, reason: str, wait_seconds: float) -> Deployment:
    """Check and put in force. Raises `NotAllowed` when nothing was changed; a roll-back is a result, not an error."""
    places.prepare(settings)
    checked = await check_candidate(with_sources(own_asterisk(settings), folder))
    made = await deploy_checked(checked, Wish(State(checked.candidate.texts), reason, wait_seconds))
    await keep(settings)
    return made


async def roll_back(settings: Settings, number: int | None, reason: str, wait_seconds: float) -> Deployment:
    """Bring back an earlier deployment's files and prompts, with today's passwords. Raises `NotFound`, as `deploy`."""
    archive = archive_of(settings)
    earlier = archive.get(number) if number else archive.before()
    state = State(vault_of(settings).reveal(earlier.files), earlier.sounds)
    wish = Wish(state, reason or f"back to {earlier.number}", wait_seconds, back_to=earlier.number)
    made = await put_in_force(own_asterisk(settings), wish)
    await keep(settings)
    return made


async def keep(settings: Settings) -> bool:
    """Put what the database lacks into it; False while it is away: the next deployment or look tries again."""
    engine = make_engine(database_url(settings), pool_size=1)
    try:
        async with writing(engine) as connection:
            known = set(await stored_numbers(connection, settings.pbx))
            await store(connection, settings.pbx, [d for d in archive_of(settings).all() if d.number not in known])
    except CallcenterError as fault:
        log.warning("Deployments not stored yet", why=str(fault))
        return False
    finally:
        await engine.dispose()
    return True


def history(settings: Settings, number: int | None) -> Sequence[Deployment]:
    """Every deployment, newest first, or one. Raises `NotFound`."""
    archive = archive_of(settings)
    return [archive.get(number)] if number else archive.all()[::-1]
