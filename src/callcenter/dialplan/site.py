"""What one installation puts into the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import callcenter
from callcenter.settings import Settings, project_root


@dataclass(frozen=True, slots=True)
class Site:
    """One Asterisk: its settings, its secrets, and where the software lies that it uses."""

    settings: Settings
    ami_password: str
    agent_passwords: Mapping[str, str]
    """Phone number → SIP password, one for each of `settings.phones`."""
    device_names: Mapping[str, str]
    """Phone number → SIP user and endpoint; ends in `-<number>` (`calls.model.agent_of_endpoint`)."""
    modules_dir: Path
    """`astmoddir`: the folder with `app_queue.so` and its like."""
    documentation_dir: Path
    """The folder with `core-en_US.xml`; modules without it decline to load."""
    run_dir: Path
    """`astrundir`: `asterisk.ctl` lies here, so its path stays well below 107 bytes."""
    espeak: tuple[str, ...] = ("espeak-ng",)
    """How to start espeak-ng: a program, or a loader with its arguments."""
    ffmpeg: tuple[str, ...] = ("ffmpeg",)
    sources: Path | None = None
    """A folder with `asterisk/` and `dialplans/` to render instead of this installation's own."""
    instead: Mapping[str, object] = field(default_factory=dict)
    """Values for templates that take the place of the settings': a trial has folders and ports of its own."""

    def folder(self, name: str) -> Path:
        """Where the templates of `asterisk` or `dialplans` lie."""
        return self.sources / name if self.sources else source_dir(name)

    @property
    def etc_dir(self) -> Path:
        return self.settings.asterisk_dir / "etc"

    @property
    def schedule_path(self) -> Path:
        """The schedule as the listener last wrote it (`schedule.snapshot`)."""
        return self.settings.asterisk_dir / "schedule.json"

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
