"""What one installation puts into the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import callcenter
from callcenter.settings import Settings, project_root


@dataclass(frozen=True, slots=True)
class Site:
    """One Asterisk: its settings, its secrets, and where the software lies that it uses."""

    settings: Settings
    ami_password: str
    agent_passwords: Mapping[str, str]
    """Agent number → SIP password, one for each of `settings.agents`."""
    modules_dir: Path
    """`astmoddir`: the folder with `app_queue.so` and its like."""
    documentation_dir: Path
    """The folder with `core-en_US.xml`; modules without it decline to load."""
    run_dir: Path
    """`astrundir`: `asterisk.ctl` lies here, so its path stays well below 107 bytes."""
    espeak: tuple[str, ...] = ("espeak-ng",)
    """How to start espeak-ng: a program, or a loader with its arguments."""
    ffmpeg: tuple[str, ...] = ("ffmpeg",)

    @property
    def etc_dir(self) -> Path:
        return self.settings.asterisk_dir / "etc"

    @property
    def data_dir(self) -> Path:
        return self.settings.asterisk_dir / "data"

    @property
    def sounds_dir(self) -> Path:
        return self.data_dir / "sounds" / "zh"


def source_dir(name: str) -> Path:
    """The folder `asterisk` or `dialplans`: beside the checkout's `src`, or inside the installed package."""
    installed = Path(callcenter.__file__).parent / f"_{name}"
    return installed if installed.is_dir() else project_root() / name
