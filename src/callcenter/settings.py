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


def _dialled_prefix(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,15}", value):
        raise ValueError("use 1 to 15 digits: what numbers begin with")
    return value


Name = Annotated[str, AfterValidator(_plain_name)]
Number = Annotated[str, AfterValidator(_dialled_number)]
Prefix = Annotated[str, AfterValidator(_dialled_prefix)]


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

    journal: Literal["files", "ami"] = "files"
    """`ami`: Asterisk's files can't be read, so we keep a journal of our own from its AMI events."""
    journal_megabytes: Annotated[int, Field(ge=16, le=100_000)] = 2048
    """How much disk that journal of our own may take; the oldest lines go first."""
    cel_over_ami: bool = False
    """Our Asterisk sends its channel events by AMI, too, for a listener elsewhere."""
    control: bool = True
    """Whether this listener controls Asterisk; `false`: it only watches and keeps records, another one controls."""

    database_url: SecretStr | None = None
    """postgresql://…; when unset, `callcenter run` starts an embedded server below `var/`."""
    mqtt_url: SecretStr | None = None
    """mqtt://user:password@host:port; when unset, `callcenter run` starts a local mosquitto."""

    trunk_address: str = "127.0.0.9"
    hotline_number: Number = "12333"
    emergency_number: Number = "12334"
    agents: tuple[Number, ...] = ("1001", "1002", "1003", "1004")

    supervisors: tuple[Number, ...] = ("1010",)
    """Phones that may listen in, whisper and join; they are in no queue."""
    overflow_agents: tuple[Number, ...] = ()
    """Of the agents: the second line, who get callers of the hotline only when the first can't cope."""

    menu: bool = True
    """The short menu of the hotline; without it callers go straight to the queue (GB/T 33358 advises against menus)."""
    closing_grace_seconds: Annotated[int, Field(ge=0, le=7200)] = 600
    """How long those who wait at closing time are still served."""
    overflow_after_seconds: Annotated[int, Field(ge=0, le=7200)] = 60
    """A caller who waited so long is offered to the second line, too; 0: never."""
    overflow_ratio: Annotated[float, Field(ge=0, le=100)] = 3.0
    """With more waiters than so many for each agent at work, new callers go to the second line at once; 0: never."""
    callback: bool = True
    callback_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    callback_retry_seconds: Annotated[int, Field(ge=5, le=86400)] = 600
    follow_up_hours: Annotated[float, Field(gt=0, le=72)] = 4
    """Within so many service hours a lost caller or a voicemail is to be rung back."""
    return_to_last_agent: bool = False
    """Off until the client has consented in writing to correlating callers (PIPL, docs/decisions)."""
    return_to_last_agent_days: Annotated[int, Field(ge=1, le=90)] = 7
    voicemail: bool = True
    voicemail_seconds: Annotated[int, Field(ge=10, le=600)] = 120

    emergency_step_seconds: Annotated[int, Field(ge=5, le=120)] = 20
    """How long one step of the escalation chain rings before the next is rung as well."""
    emergency_mobiles: tuple[Number, ...] = ()
    """Rung through the trunk after the agents when no duty roster covers the moment."""

    recording_pause: bool = False
    """Whether policy lets agents pause a recording while confidential data is said."""
    recording_pause_seconds: Annotated[int, Field(ge=5, le=600)] = 180
    """After so long a paused recording goes on by itself."""

    recording_failure: Literal["go_on", "announce", "refuse"] = "go_on"
    """New calls while recordings can't be written: served as ever, told that they are not recorded, or (the hotline's
    alone, never the emergency line's) refused with "temporary failure"."""
    recording_format: Literal["opus", "mp3", "wav"] = "opus"
    """How finished recordings are encoded: 11, 14 or 115 MB an hour."""
    recording_patience_seconds: Annotated[int, Field(ge=0, le=86400)] = 600
    """So long a recording waits after its call for an idle processor; then it is made even if running calls need it."""
    recording_public_key: Path | None = None
    """PEM file with the public half of the site's key, for which recordings are sealed; unset: below `var/`."""
    recording_private_keys: Path | None = None
    """Folder with the private halves, as PEM files, for who plays recordings; unset: below `var/secrets`."""
    recording_chain_key: Path | None = None
    """PEM file with the key that signs the chain of recordings; unset: below `var/secrets`."""
    recording_store: str = ""
    """Where sealed recordings are kept: a folder or s3://bucket/prefix; unset: `recordings/`."""
    recording_store_endpoint: str = ""
    recording_store_region: str = "us-east-1"
    recording_store_key_id: str = ""
    recording_store_secret: SecretStr = SecretStr("")
    recording_store_plain_http: bool = False
    """Whether the store may be reached without TLS: names, sizes and deletions would be open on the line."""

    recording_heads: Path | None = Path("var/heads")
    """Folder for signed heads of the chain, meant to be another machine's; below `home` unless absolute. Empty: none"""
    playback_reason_required: bool = False
    """Whether the API plays only to who says why; the console's page always asks, and so does each download."""

    tls: str = "off"
    """`off`, `self-made`, or a folder with certificate.pem and key.pem: SIP over TLS with SRTP."""
    sip_tls_port: Port = 5061
    trunk_tls: bool = False
    """The trunk by TLS and SRTP, too; only with `tls`, and when the provider offers it."""
    phone_networks: tuple[str, ...] = ()
    """Networks (CIDR) from which phones may register; none: from everywhere that can reach us."""
    phone_call_limit: Annotated[int, Field(ge=1, le=10)] = 2
    trunk_call_limit: Annotated[int, Field(ge=1, le=1000)] = 150
    trunk_port: Port = 5060
    """Where the provider takes our outbound calls."""
    outbound_prefixes: tuple[Prefix, ...] = ()
    """What agents and callbacks may dial through the trunk, as digits that numbers begin with; none: nothing."""
    outbound_daily_cap: Annotated[int, Field(ge=0, le=100000)] = 200
    """Outbound calls of all together a day (Asia/Shanghai); one phone may make a quarter of them."""
    outbound_night_lock: bool = True
    """Between 21:00 and 07:00 only duty calls go out."""

    queue_timeout_seconds: Annotated[int, Field(ge=5, le=7200)] = 300
    ring_seconds: Annotated[int, Field(ge=3, le=120)] = 20
    wrapup_seconds: Annotated[int, Field(ge=0, le=600)] = 0
    wrapup_extension_seconds: Annotated[int, Field(ge=5, le=3600)] = 300
    """How long *14 keeps calls away from an agent."""
    parking_seconds: Annotated[int, Field(ge=5, le=3600)] = 120
    """How long a caller stays parked before he comes back to the agent who parked him."""

    cdr_retention_months: Annotated[int, Field(ge=0, le=1200)] = 0
    """Call records of months that ended longer ago are detached from the lists (kept as tables); 0: never."""

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
    def phones(self) -> tuple[str, ...]:
        """Every SIP account: agents, then supervisors."""
        return tuple(dict.fromkeys((*self.agents, *self.supervisors)))

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
    def sealed_dir(self) -> Path:
        """Where sealed recordings wait until the store has them."""
        return self.recordings_dir / "sealed"

    @property
    def public_key_path(self) -> Path:
        return self.recording_public_key or self.var_dir / "recording-key.pem"

    @property
    def private_keys_dir(self) -> Path:
        return self.recording_private_keys or self.secrets_dir / "recording-keys"

    @property
    def chain_key_path(self) -> Path:
        return self.recording_chain_key or self.secrets_dir / "recording-chain.pem"

    @property
    def heads_dir(self) -> Path | None:
        """Where the chain's heads are kept; None: nowhere."""
        return None if self.recording_heads in {None, Path()} else self.home / str(self.recording_heads)

    @property
    def secrets_dir(self) -> Path:
        return self.var_dir / "secrets"

    @property
    def asterisk_dir(self) -> Path:
        """This Asterisk's own folder: etc/ log/ spool/ data/ db/."""
        return self.var_dir / "asterisk"

    @property
    def cel_path(self) -> Path:
        """The channel events' journal that the listener reads."""
        own = self.journal == "ami"
        return (self.spool_journal_dir if own else self.asterisk_dir / "log" / "cel-custom") / "cel.jsonl"

    @property
    def queue_log_path(self) -> Path:
        return (self.spool_journal_dir if self.journal == "ami" else self.asterisk_dir / "log") / "queue_log"

    @property
    def spool_journal_dir(self) -> Path:
        """The journal that we keep ourselves from AMI events."""
        return self.var_dir / "journal"


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
