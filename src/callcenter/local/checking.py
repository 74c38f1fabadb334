"""`callcenter dialplan check`: the rules on a candidate, then the candidate in a throw-away Asterisk."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from jinja2 import TemplateError

from callcenter import clock
from callcenter.dialplan.candidate import Candidate, read_candidate
from callcenter.dialplan.check import check, errors
from callcenter.dialplan.findings import Finding
from callcenter.errors import InvalidInput, SetupFailed
from callcenter.local import places
from callcenter.local.asterisk import Instance
from callcenter.local.configuration import own_asterisk
from callcenter.local.trial import load_findings, run_trial
from callcenter.schedule import snapshot
from callcenter.settings import Settings


@dataclass(frozen=True, slots=True)
class Checked:
    """A candidate with what was found."""

    pbx: Instance
    candidate: Candidate
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> list[Finding]:
        return errors(self.findings)


async def check_sources(settings: Settings, folder: Path | None) -> Checked:
    """What `callcenter dialplan check [FOLDER]` finds, with the settings of this home."""
    places.prepare(settings)
    return await check_candidate(with_sources(own_asterisk(settings), folder))


def with_sources(pbx: Instance, folder: Path | None) -> Instance:
    """The same Asterisk, rendered from `folder`. Raises `InvalidInput` when it isn't laid out like the checkout."""
    if folder is None:
        return pbx
    for name in ("asterisk", "dialplans"):
        if not (folder / name).is_dir():
            raise InvalidInput(where=str(folder), what=f"there is no folder {name} in it", mend="name a copy of both")
    return replace(pbx, site=replace(pbx.site, sources=folder.absolute()))


async def check_candidate(pbx: Instance) -> Checked:
    """Every finding on `pbx.site`'s sources. Raises `InvalidInput` when they can't be rendered."""
    years = frozenset((await asyncio.to_thread(snapshot.read, pbx.site.schedule_path)).calendar.years)
    try:
        candidate = await asyncio.to_thread(read_candidate, pbx.site, years)
    except TemplateError as error:
        raise InvalidInput(where=_template_of(error), what=str(error), mend="correct the template") from None
    found = check(candidate, clock.now())
    found += await _loaded(pbx, candidate)
    return Checked(pbx, candidate, tuple(sorted(set(found))))


async def _loaded(pbx: Instance, candidate: Candidate) -> list[Finding]:
    try:
        return list(load_findings(candidate, await run_trial(pbx)))
    except SetupFailed as fault:
        return [
            Finding(
                "asterisk/asterisk.conf.j2", 1, "asterisk-start", str(fault), fault.facts["why"], fault.facts["mend"]
            )
        ]


def _template_of(error: TemplateError) -> str:
    name, line = getattr(error, "name", None), getattr(error, "lineno", None)
    return f"{name}:{line}" if name else "a template"
