"""Where the database and the broker are: as configured, else the local ones that `callcenter run` starts."""

from pathlib import Path

from callcenter.errors import PartUnavailable
from callcenter.local import broker, places, postgres
from callcenter.local.secrets import Secrets, load_or_make
from callcenter.settings import Settings


def database_url(settings: Settings) -> str:
    """postgresql://…, with its password."""
    if settings.database_url:
        return settings.database_url.get_secret_value()
    return cluster(settings, load_or_make(settings)).url()


def mqtt_url(settings: Settings) -> str:
    """mqtt://…, with its password. Raises `PartUnavailable` before the first `callcenter run`."""
    if settings.mqtt_url:
        return settings.mqtt_url.get_secret_value()
    port = broker.known_port(broker_folder(settings))
    if port is None:
        raise PartUnavailable(
            part="the MQTT broker", why="none has been started yet", mend="start it with callcenter run"
        )
    return broker.url(port, load_or_make(settings).mqtt_password)


def broker_folder(settings: Settings) -> Path:
    """The local broker's own folder."""
    return settings.var_dir / "mosquitto"


def cluster(settings: Settings, secrets: Secrets) -> postgres.Cluster:
    """The embedded server of this home."""
    return postgres.Cluster(
        data=settings.var_dir / "postgres",
        sockets=places.socket_dir(settings) / "pg",
        log=places.log_dir(settings) / "postgres.log",
        password=secrets.postgres_password,
    )
