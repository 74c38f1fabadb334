"""The dialplans that this checkout renders, for their tests: with the settings as they come, and with all there is."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from callcenter.dialplan.candidate import Candidate, read_candidate
from callcenter.dialplan.site import Site
from callcenter.dialplan.source import Step
from callcenter.local import programs
from callcenter.settings import Settings

ROOT = Path(__file__).parents[2]
VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "all there is": {
        "overflow_agents": ("1003", "1004"),
        "outbound_prefixes": ("0", "1"),
        "emergency_mobiles": ("13800138000",),
        "return_to_last_agent": True,
        "recording_pause": True,
    },
    "as little as possible": {"menu": False, "callback": False, "voicemail": False, "overflow_after_seconds": 0},
}


@cache
def candidate(variant: str = "default") -> Candidate:
    """What would be deployed with these settings and made-up secrets."""
    asterisk = programs.find_asterisk()
    assert asterisk, "run make setup"
    home = Path(mkdtemp(prefix="cca-"))
    settings = Settings(home=home, **VARIANTS[variant])
    site = Site(
        settings=settings,
        ami_password="s3cret",
        agent_passwords={number: f"pw{number}" for number in settings.phones},
        device_names={number: f"d0-{number}" for number in settings.phones},
        modules_dir=asterisk.modules_dir,
        documentation_dir=asterisk.documentation_dir,
        run_dir=home / "run",
    )
    home.rmdir()
    return read_candidate(site)


def steps(variant: str = "all there is") -> list[Step]:
    return list(candidate(variant).plan.steps())
