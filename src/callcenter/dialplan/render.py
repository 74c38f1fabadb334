"""Writes an instance's whole configuration. Every value is checked: none can end a line or begin a comment."""

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from callcenter.dialplan.hardening import begin_block_list, hardening_values
from callcenter.dialplan.music import write_beep, write_music
from callcenter.dialplan.placing import link, replace_file
from callcenter.dialplan.schedule_values import schedule_values
from callcenter.dialplan.site import Site
from callcenter.dialplan.sounds import write_prompts
from callcenter.errors import InvalidInput

PLAIN_VALUE = re.compile(r"[^\x00-\x1f\x7f;\"\\\[\]{}|]*")
"""What Asterisk's configuration files take literally: no line ends, comments, quotes, sections or escapes."""


def write_configuration(site: Site) -> Path:
    """Write configuration, prompts and music for `site`; return the path of its `asterisk.conf`.

    Each file is replaced in one step and readable by its owner only. Raises `InvalidInput` when a value can't stand in
    a configuration file, `SetupFailed` when prompts can't be made.
    """
    make_folders(site)
    begin_block_list(site.settings)
    write_prompts(site)
    write_music(site)
    write_beep(site)
    remove_stale(site)
    return write_files(site, site.etc_dir)


def write_files(site: Site, target: Path) -> Path:
    """Write the configuration files alone into `target`, which may hold others; return the path of `asterisk.conf`."""
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, text in render(site):
        replace_file(target / name, text)
    return target / "asterisk.conf"


def remove_stale(site: Site) -> None:
    """Asterisk's own folder holds what is rendered and nothing else, so that no forgotten file is read."""
    for stale in {path.name for path in site.etc_dir.glob("*.conf")} - {name for name, _ in render(site)}:
        (site.etc_dir / stale).unlink()


def changed_files(site: Site, target: Path) -> list[str]:
    """Names of the files in `target` that a rendering would add or change."""
    present = {path.name: path.read_text("utf-8", "replace") for path in target.glob("*.conf")}
    return [name for name, text in render(site) if present.get(name) != text]


def render(site: Site) -> Iterator[tuple[str, str]]:
    """Each configuration file's name and text."""
    values = {**template_values(site), **site.instead}
    for folder in ("asterisk", "dialplans"):
        templates = environment(site.folder(folder))
        for path in sorted(site.folder(folder).glob("*.conf*")):
            yield path.name.removesuffix(".j2"), templates.get_template(path.name).render(values)


@lru_cache(maxsize=8)
def environment(folder: Path) -> Environment:
    """Templates of a folder: a missing value stops the rendering, each value is checked.

    Kept, as each holds its compiled templates: compiling all is some tenths of a second. A changed file is seen.
    """
    return Environment(  # noqa: S701 - configuration files, not HTML
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        finalize=checked,
        keep_trailing_newline=True,
    )


def checked(value: Any) -> str:
    """A value as text, when a configuration file can hold it literally; else `InvalidInput`."""
    text = str(value)
    if not PLAIN_VALUE.fullmatch(text):
        raise InvalidInput(
            where="asterisk configuration",
            what=f"the value {text!r} holds a character that Asterisk would take for syntax",
            mend='choose a name, password or folder without control characters and ; " \\ [ ] { } |',
        )
    return text


DISCARD = "discard.sln"
"""Where the dialplan's Record() writes what the call's own recording holds already (`dialplans/voicemail.conf.j2`)."""

FLOW = (
    *("menu", "closing_grace_seconds", "overflow_after_seconds", "overflow_ratio"),
    *("voicemail", "voicemail_seconds"),
)
"""Settings of what a caller of the hotline meets."""


def template_values(site: Site) -> dict[str, Any]:
    """Everything that a template may name; a name that is missing here stops the rendering."""
    settings = site.settings
    own = settings.asterisk_dir
    names = ("pbx", "sip_bind", "sip_port", "ami_host", "ami_port", "ami_username", "trunk_address", "trunk_port")
    numbers = ("hotline_number", "emergency_number", "queue_timeout_seconds", "ring_seconds", "wrapup_seconds")
    return {
        **{name: getattr(settings, name) for name in (*names, *numbers)},
        "callback": settings.callback,
        "emergency_step_seconds": settings.emergency_step_seconds,
        "emergency_mobiles": settings.emergency_mobiles,
        **{name: getattr(settings, name) for name in FLOW},
        "recording_pause": settings.recording_pause,
        "parking_seconds": settings.parking_seconds,
        "wrapup_extension_seconds": settings.wrapup_extension_seconds,
        **hardening_values(settings),
        **schedule_values(site),
        "etc_dir": site.etc_dir,
        "modules_dir": site.modules_dir,
        "data_dir": site.data_dir,
        "db_dir": own / "db",
        "spool_dir": own / "spool",
        "log_dir": own / "log",
        "run_dir": site.run_dir,
        "ami_password": site.ami_password,
        "phones": [phone(site, number) for number in settings.phones],
        "agents": [phone(site, number) for number in settings.agents],
        "media_address": media_address(settings.sip_bind),
        "dialplans": dialplan_names(site),
    }


def phone(site: Site, number: str) -> dict[str, Any]:
    """One SIP account as templates see it."""
    return {
        "number": number,
        "device": site.device_names[number],
        "password": site.agent_passwords[number],
        "supervisor": number in site.settings.supervisors,
        "second_line": number in site.settings.overflow_agents,
    }


def media_address(sip_bind: str) -> str:
    """The address for audio: the one SIP listens on, or none (every one) when that is the wildcard."""
    return "" if ip_address(sip_bind).is_unspecified else sip_bind


def dialplan_names(site: Site) -> list[str]:
    """The rendered names of the files in `dialplans/`."""
    return sorted(path.name.removesuffix(".j2") for path in site.folder("dialplans").glob("*.conf*"))


def make_folders(site: Site) -> None:
    """Every folder that Asterisk expects: it loses all journal events when `cel-custom` is missing."""
    own = site.settings.asterisk_dir
    wanted = (own / "db", own / "spool", own / "log" / "cel-custom", site.data_dir / "sounds", site.run_dir)
    for folder in (*wanted, site.settings.spool_dir):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    link(own / "spool" / "monitor", site.settings.spool_dir)
    link(site.data_dir / "documentation", site.documentation_dir)
    link(site.data_dir / "sounds" / DISCARD, Path(os.devnull))
