"""What a local hotline is made of, each with how it starts, is taken on, and is halted."""

import os
import signal
import socket
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from callcenter.local import addresses, asterisk, broker, places, postgres, programs
from callcenter.local.ports import WantedPort
from callcenter.local.processes import Process, recall, spawn, stop
from callcenter.local.programs import Asterisk
from callcenter.local.secrets import Secrets
from callcenter.local.supervisor import Part
from callcenter.settings import Settings

CHILD_STOPPING = ((signal.SIGTERM, 10.0),)
OWN_COMMANDS = ("listen", "api")


def servers(settings: Settings, secrets: Secrets) -> list[Part]:
    """The database and the broker, unless others are configured."""
    database = [] if settings.database_url else [_database(settings, secrets)]
    return database if settings.mqtt_url else [*database, _broker(settings, secrets)]


def _database(settings: Settings, secrets: Secrets) -> Part:
    cluster = addresses.cluster(settings, secrets)
    return Part(
        name="Postgres",
        start=partial(postgres.start, cluster),
        find=partial(postgres.postmaster, cluster),
        take_on=lambda _: postgres.answers(cluster),
        halt=postgres.halt,
    )


def _broker(settings: Settings, secrets: Secrets) -> Part:
    own = local_broker(settings, secrets)
    return Part(
        name="mosquitto",
        start=partial(broker.start, own),
        find=partial(recall, own.note),
        take_on=lambda _: broker.serves(own),
        halt=broker.halt,
    )


def local_broker(settings: Settings, secrets: Secrets) -> broker.Mosquitto:
    """The broker of this home."""
    return broker.Mosquitto(
        command=(programs.require("mosquitto"),),
        folder=addresses.broker_folder(settings),
        log=places.log_dir(settings) / "mosquitto.log",
        password=secrets.mqtt_password,
        note=places.run_dir(settings) / "mosquitto.pid",
    )


def pbx(settings: Settings, secrets: Secrets, software: Asterisk) -> Part:
    """Asterisk."""
    own = asterisk.instance(settings, secrets, software)
    return Part(
        name="Asterisk",
        start=partial(_start_pbx, own),
        find=partial(recall, own.note),
        take_on=partial(_take_on_pbx, own),
        halt=partial(asterisk.halt, own),
    )


async def _start_pbx(own: asterisk.Instance) -> Process:
    """Start it, and put what it was started with on record. Imported here: a quick start does without SQLAlchemy."""
    from callcenter.local import deployment  # noqa: PLC0415

    return await deployment.start(own)


async def _take_on_pbx(own: asterisk.Instance, _: Process) -> bool:
    from callcenter.local import deployment  # noqa: PLC0415

    return await deployment.take_on(own)


def runs_own_asterisk(settings: Settings) -> bool:
    """An AMI address elsewhere, or files out of reach behind a tunnel: then Asterisk is somebody else's to run."""
    return places.is_loopback(settings.ami_host) and settings.journal == "files"


def own_command(settings: Settings, name: str, environment: Mapping[str, str]) -> Part:
    """`callcenter listen` or `callcenter api`; it ends with us, and one left behind is stopped, not adopted."""
    note = places.run_dir(settings) / f"{name}.pid"
    log = places.log_dir(settings) / f"{name}.log"
    command = [str(Path(sys.prefix) / "bin" / "callcenter"), name]

    async def start() -> Process:
        return spawn(command, log=log, note=note, env=environment, dies_with_us=True)

    return Part(f"callcenter {name}", start, partial(recall, note), _is_no_use, _halt_child)


async def _is_no_use(_: Process) -> bool:
    return False


async def _halt_child(process: Process) -> None:
    await stop(process, CHILD_STOPPING)


def environment(settings: Settings) -> dict[str, str]:
    """For our own commands: where everything is, and the unpacked programs on PATH."""
    return {
        **os.environ,
        "PATH": programs.search_path(),
        "CALLCENTER_HOME": str(settings.home),
        "CALLCENTER_DATABASE_URL": addresses.database_url(settings),
        "CALLCENTER_MQTT_URL": addresses.mqtt_url(settings),
        "PYTHONUNBUFFERED": "1",
    }


def wanted_ports(settings: Settings) -> Iterable[WantedPort]:
    """The ports that this start will open; those of an Asterisk that is adopted are its own already."""
    yield WantedPort("CALLCENTER_HTTP_PORT", settings.http_bind, settings.http_port)
    if runs_own_asterisk(settings) and not recall(places.run_dir(settings) / "asterisk.pid"):
        yield WantedPort("CALLCENTER_AMI_PORT", settings.ami_host, settings.ami_port)
        yield WantedPort("CALLCENTER_SIP_PORT", settings.sip_bind, settings.sip_port, socket.SOCK_DGRAM)
        if settings.tls != "off":
            yield WantedPort("CALLCENTER_SIP_TLS_PORT", settings.sip_bind, settings.sip_tls_port)
