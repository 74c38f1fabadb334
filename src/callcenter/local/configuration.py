"""The local Asterisk's configuration on request: rendered anywhere to look at, or put in place and loaded."""

import asyncio
from pathlib import Path

from callcenter.dialplan.render import changed_files, write_files
from callcenter.errors import PartUnavailable, SetupFailed
from callcenter.local import asterisk, programs
from callcenter.local.secrets import load_or_make
from callcenter.settings import Settings


def own_asterisk(settings: Settings) -> asterisk.Instance:
    """This home's Asterisk, running or not. Raises `SetupFailed` when none is installed."""
    software = programs.find_asterisk()
    if not software:
        raise SetupFailed(what="Asterisk is missing", why="none is installed or unpacked", mend="run make setup")
    return asterisk.instance(settings, load_or_make(settings), software)


def render_into(settings: Settings, folder: Path) -> list[str]:
    """Write the configuration files into `folder` and change nothing else; return the names that differ from before."""
    pbx = own_asterisk(settings)
    changed = changed_files(pbx.site, folder)
    write_files(pbx.site, folder)
    asterisk.hand_over(pbx)
    return changed


async def deploy(settings: Settings) -> list[str]:
    """Write configuration and prompts and have the running Asterisk load them; return the names of changed files.

    Calls in progress go on. Raises `PartUnavailable` when Asterisk does not answer: the files are written then, and
    take effect at its next start.
    """
    pbx = own_asterisk(settings)
    changed = changed_files(pbx.site, pbx.site.etc_dir)
    await asyncio.to_thread(asterisk.configure, pbx)
    if not await asterisk.console(pbx, "core reload"):
        raise PartUnavailable(part="Asterisk", why="its console does not answer", mend="start callcenter run")
    return changed
