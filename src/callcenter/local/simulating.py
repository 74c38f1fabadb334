"""`callcenter dialplan simulate`: the path a call would take, from the running configuration."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from callcenter.ami.faults import AmiFault
from callcenter.clock import LOCAL_ZONE
from callcenter.dialplan.prompts import sayings
from callcenter.dialplan.render import render
from callcenter.dialplan.running import running_astdb, running_dialplan
from callcenter.dialplan.simulation import Assumptions, Simulation
from callcenter.dialplan.source import MAIN_FILE, Dialplan, read_dialplan
from callcenter.errors import InvalidInput, NotFound, PartUnavailable
from callcenter.local.configuration import own_asterisk
from callcenter.local.deployment import files_in, manager
from callcenter.settings import Settings


def read_instant(text: str) -> datetime:
    """`2026-10-10 10:00` in Asia/Shanghai. Raises `InvalidInput`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(where="--at", what=f"{text!r} is no time", mend="write '2026-10-10 10:00'") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=LOCAL_ZONE)


async def simulate(settings: Settings, dialled: str, assumed: Assumptions) -> list[str]:
    """The numbered steps, then how it ended. Raises `NotFound` when nobody may dial that number."""
    source, plan, astdb = await _in_force(settings)
    prompts = {said.name: said.text for said in sayings(own_asterisk(settings).site) if said.language == "zh"}
    call = Simulation(plan, replace(assumed, astdb=astdb), prompts)
    return [f"from {source}", *_lines(call, dialled)]


def _lines(call: Simulation, dialled: str) -> Iterator[str]:
    for number, taken in enumerate(call.run("from-trunk", dialled), 1):
        yield f"{number:3}  {taken}"
    yield f"end: {call.ended}"


async def _in_force(settings: Settings) -> tuple[str, Dialplan, Mapping[str, str]]:
    """Where the dialplan was read, the dialplan, and AstDB: of the running Asterisk, else of the files."""
    pbx = own_asterisk(settings)
    files = await asyncio.to_thread(files_in, pbx.site.etc_dir)
    rendered = read_dialplan(files if MAIN_FILE in files else dict(render(pbx.site)))
    try:
        async with manager(settings, 3) as client:
            plan = await running_dialplan(client, rendered.variables)
            return "the running Asterisk", plan, await running_astdb(client)
    except (PartUnavailable, AmiFault) as fault:
        return f"the files, because {fault}; AstDB counts as empty", rendered, {}


def must_be_dialable(dialled: str) -> str:
    """Digits, as the trunk lets them in. Raises `NotFound`."""
    if not dialled.isdecimal() or not dialled.isascii():
        raise NotFound(kind="number", key=dialled)
    return dialled
