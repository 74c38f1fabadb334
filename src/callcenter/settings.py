"""All settings, from the environment (`CALLCENTER_…`) or one TOML file; only bootstrap and cli read them."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from callcenter.errors import InvalidInput

Port = Annotated[int, Field(ge=1, le=65535)]


def _plain_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", value):
        raise ValueError("use 1 to 32 letters, digits, - or _: it names topics, files and rows")
    return value


def _dialled_number(value: str) -> str:
    if not re.fullmatch(r"[0-9]{2,15}", value):
        raise ValueError("use 2 to 15 digits")
    return value


Name = Annotated[str, AfterValidator(_plain_name)]
Number = Annotated[str, AfterValidator(_dialled_number)]


def project_root() -> Path:
    """The checkout when we run from one, else the working folder."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "asterisk").is_dir() else Path.cwd()


def _config_file() -> Path:
    named = os.environ.get("CALLCENTER_CONFIG")
    home = Path(os.environ.get("CALLCENTER_HOME") or project_root())
    return Path(named) if named else home / "callcenter.toml"


class Settings(BaseSettings):
    """What an administrator may set. `docs/administration.md` lists each with its default."""

    model_config = SettingsConfigDict(env_prefix="CALLCENTER_", extra="forbid", frozen=True)

    home: Path = Field(default_factory=project_root)
    config: Path | None = None
    pbx: Name = "hotline"

    http_bind: str = "127.0.0.1"
    http_port: Port = 8000
    sip_bind: str = "127.0.0.1"
    sip_port: Port = 5060
    ami_host: str = "127.0.0.1"
    ami_port: Port = 5038
    ami_username: Name = "callcenter"
    ami_password: SecretStr | None = None

    database_url: SecretStr | None = None
    """postgresql://…; when unset, `callcenter run` starts an embedded server below `var/`."""
    mqtt_url: SecretStr | None = None
    """mqtt://user:password@host:port; when unset, `callcenter run` starts a local mosquitto."""

    trunk_address: str = "127.0.0.9"
    hotline_number: Number = "12333"
    emergency_number: Number = "12334"
    agents: tuple[Number, ...] = ("1001", "1002", "1003", "1004")

    queue_timeout_seconds: Annotated[int, Field(ge=5, le=7200)] = 300
    ring_seconds: Annotated[int, Field(ge=3, le=120)] = 20
    wrapup_seconds: Annotated[int, Field(ge=0, le=600)] = 0

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _config_file())

    @property
    def var_dir(self) -> Path:
        return self.home / "var"

    @property
    def recordings_dir(self) -> Path:
        return self.home / "recordings"

    @property
    def spool_dir(self) -> Path:
        """Where Asterisk writes the two legs of a running call."""
        return self.recordings_dir / "spool"

    @property
    def secrets_dir(self) -> Path:
        return self.var_dir / "secrets"

    @property
    def asterisk_dir(self) -> Path:
        """This Asterisk's own folder: etc/ log/ spool/ data/ db/."""
        return self.var_dir / "asterisk"

    @property
    def cel_path(self) -> Path:
        return self.asterisk_dir / "log" / "cel-custom" / "cel.jsonl"

    @property
    def queue_log_path(self) -> Path:
        return self.asterisk_dir / "log" / "queue_log"


def load(**overrides: Any) -> Settings:
    """Read the settings. Raises `InvalidInput` that names each bad setting."""
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidInput(where="settings", what=faults, mend=f"see the environment or {_config_file()}") from None
    except (OSError, ValueError) as error:
        raise InvalidInput(where=str(_config_file()), what=str(error), mend="write it as TOML") from None
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})


def command_prefix() -> Path:
    """The folder of the running Python environment; unpacked software lies beside it."""
    return Path(sys.prefix)
