"""A throw-away Asterisk that loads a candidate: folders, socket and ports of its own, gone afterwards.

It listens on free ports of 127.0.0.1 alone, whatever the settings say, so it neither meets the running one nor anybody
outside: nothing registers with it, and what it may send to a provider has no way out. It has no prompts and a moment's
silence for music: whether prompts exist is a rule's work.
"""

import asyncio
import re
import shutil
import tempfile
from array import array
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from callcenter.dialplan.candidate import Candidate
from callcenter.dialplan.findings import Finding, finding
from callcenter.dialplan.music import save
from callcenter.dialplan.placing import link
from callcenter.dialplan.render import write_files
from callcenter.dialplan.site import Site
from callcenter.dialplan.source import Place
from callcenter.errors import SetupFailed
from callcenter.local.asterisk import STOPPING, Instance, environment
from callcenter.local.ports import passing_ports
from callcenter.local.processes import is_alive, last_lines, spawn, stop, until

LOADED_WITHIN_SECONDS = 30.0
COMPLAINT = re.compile(r"(WARNING|ERROR)\[\d+\](?:\[C-\w+\])? ([\w.]+)(?::\d+| )?[^:]*: (.*)$")
HARMLESS = (
    re.compile(r"The .* module is deprecated|could not be opened for appending|No such file or directory.*astdb"),
    re.compile(r"res_phoneprov|Unable to load config file.*(?:extconfig|dnsmgr|stasis|enum|cli|dsp)\.conf"),
)
"""What an Asterisk says in empty folders, whatever it is given to load."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run: what it complained of while loading, and what it can do."""

    complaints: tuple[str, ...]
    applications: frozenset[str]
    functions: frozenset[str]


@asynccontextmanager
async def trial_folder() -> AsyncIterator[Path]:
    """A short folder of its own (its socket's path ends at 107 bytes), removed afterwards."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="cct-"))
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def trial_site(site: Site, folder: Path) -> Site:
    """`site` with folders and ports of its own."""
    sip_port, sip_tls_port, ami_port = passing_ports(3)
    own = {
        "etc_dir": folder / "etc",
        "db_dir": folder / "db",
        "spool_dir": folder / "spool",
        "log_dir": folder / "log",
        "run_dir": folder / "run",
        "data_dir": folder / "data",
        "sip_bind": "127.0.0.1",
        "media_address": "127.0.0.1",
        "sip_port": sip_port,
        "sip_tls_port": sip_tls_port,
        "ami_host": "127.0.0.1",
        "ami_port": ami_port,
    }
    return replace(site, instead={**site.instead, **own}, run_dir=folder / "run")


async def run_trial(pbx: Instance) -> Trial:
    """Load the candidate of `pbx.site` in an Asterisk of its own. Raises `SetupFailed` when it does not come up."""
    async with trial_folder() as folder:
        site = trial_site(pbx.site, folder)
        configuration = await asyncio.to_thread(_prepare, pbx, site, folder)
        return await _run(replace(pbx, site=site), configuration, folder)


def _prepare(pbx: Instance, site: Site, folder: Path) -> Path:
    for name in ("db", "spool/monitor", "log/cel-custom", "run", "data"):
        (folder / name).mkdir(parents=True)
    link(folder / "data" / "documentation", site.documentation_dir)
    (folder / "data" / "moh").mkdir()
    save(folder / "data" / "moh" / "silence.wav", array("h", bytes(1600)))
    configuration = write_files(site, folder / "etc")
    pbx.identity.own_all(folder)
    return configuration


async def _run(pbx: Instance, configuration: Path, folder: Path) -> Trial:
    log = folder / "asterisk.log"
    command = [*pbx.identity.prefix, *pbx.software.command, "-f", "-C", str(configuration)]
    process = spawn(command, log=log, cwd=folder / "run", env=environment(), dies_with_us=True)

    async def booted() -> bool:
        return not is_alive(process) or bool(await said(pbx, configuration, "core waitfullybooted"))

    try:
        if not await until(booted, LOADED_WITHIN_SECONDS) or not is_alive(process):
            mend = "look at asterisk/modules.conf.j2 and asterisk.conf.j2 first"
            raise SetupFailed(what="The candidate does not start", why=last_lines(log), mend=mend)
        applications = await said(pbx, configuration, "core show applications")
        functions = await said(pbx, configuration, "core show functions")
    finally:
        await stop(process, STOPPING)
    complaints = complaints_in([log, *sorted((folder / "log").glob("*.log"))])
    return Trial(tuple(complaints), _names(applications), _names(functions))


async def said(pbx: Instance, configuration: Path, command: str) -> str:
    """What the console answers within 10 s; empty when nobody does."""
    remote = await asyncio.create_subprocess_exec(
        *pbx.software.command,
        *("-C", str(configuration), "-rx", command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(remote.communicate(), 10)
    except TimeoutError:
        remote.kill()
        return ""
    return output.decode("utf-8", "replace") if remote.returncode == 0 else ""


def _names(listing: str) -> frozenset[str]:
    """The first words of `core show applications` and `core show functions`."""
    return frozenset(re.findall(r"^\s*([A-Za-z][\w]*)(?:\s*:|\s{2,})", listing, re.MULTILINE))


def complaints_in(logs: Iterable[Path]) -> list[str]:
    """Every warning and error once, in order; what any Asterisk says in empty folders is left out."""
    lines = (line for log in logs if log.exists() for line in log.read_text("utf-8", "replace").splitlines())
    found = (match for line in lines if (match := COMPLAINT.search(line)))
    texts = (f"{m[1]} {m[2]}: {m[3].strip()}" for m in found)
    return list(dict.fromkeys(t for t in texts if not any(h.search(t) for h in HARMLESS)))


SPEAKERS = {
    "app_queue.c": "queues.conf",
    "loader.c": "modules.conf",
    "pbx_config.c": "extensions.conf",
    "manager.c": "manager.conf",
    "logger.c": "logger.conf",
    "cel.c": "cel.conf",
    "res_musiconhold.c": "musiconhold.conf",
    "res_sorcery_config.c": "pjsip.conf",
    "config_options.c": "pjsip.conf",
}
"""Which file a part of Asterisk reads, for when its complaint names none."""


def load_findings(candidate: Candidate, trial: Trial) -> Iterator[Finding]:
    """What Asterisk itself said of the candidate, once a line of the source; later ones at it only follow from it."""
    said: set[tuple[str, int]] = set()
    for complaint in trial.complaints:
        file, line = named_place(complaint, candidate)
        found = finding(
            candidate,
            Place(file, line),
            "asterisk-load",
            what=complaint,
            why="Asterisk says so when it loads this configuration",
            mend="correct what it names",
        )
        if line == 0 or (found.file, found.line) not in said:
            said.add((found.file, found.line))
            yield found
    yield from _unknown_to(trial, candidate)


def _unknown_to(trial: Trial, candidate: Candidate) -> Iterator[Finding]:
    """Applications that this Asterisk, with these modules, turned out not to have."""
    known = {name.lower() for name in trial.applications}
    for step in candidate.plan.steps() if known else ():
        if step.application.lower() not in known:
            yield finding(
                candidate,
                step.place,
                "asterisk-load",
                what=f"the loaded Asterisk has no {step.application}(): {step.text}",
                why="a call that gets there is hung up",
                mend="load the module that carries it, or correct the name",
            )


def named_place(complaint: str, candidate: Candidate) -> tuple[str, int]:
    """File and line that Asterisk means; line 0 when it names none.

    It says `line 12 of /…/hotline.conf`, or only a line and the option, or only a quoted word.
    """
    line = int(found[1]) if (found := re.search(r"line (\d+)", complaint)) else 0
    words = re.findall(r"'([^']+)'", complaint)
    named = [name for name in candidate.files if re.search(rf"(?:^|[/' ]){re.escape(name)}\b", complaint)]
    usual = [name for speaker, name in SPEAKERS.items() if f" {speaker}:" in complaint]
    for name in [*named, *usual, *candidate.files]:
        lines = candidate.texts[name].splitlines()
        if 0 < line <= len(lines) and any(word in lines[line - 1] for word in words):
            return name, line
    file = (named or usual or ["extensions.conf"])[0]
    return (file, line) if line and named else (file, _first_with(candidate.texts[file], words))


def _first_with(text: str, words: list[str]) -> int:
    """The first line that holds one of the words, which Asterisk quoted; 0 when none does."""
    lines = text.splitlines()
    return next(
        (n for word in words for n, line in enumerate(lines, 1) if word in line and not line.startswith(";")), 0
    )
