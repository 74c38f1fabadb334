"""The certificate of this home's Asterisk: self-made or the administrator's, checked, put where Asterisk reads it."""

import os
from datetime import datetime
from pathlib import Path

from callcenter import clock
from callcenter.dialplan.hardening import keys_dir
from callcenter.errors import SetupFailed
from callcenter.local.places import WILDCARDS
from callcenter.security.certificates import WARN_BEFORE, Pair, ends_at, fault_of, make_self_signed, read_pair
from callcenter.settings import Settings

SELF_MADE = "self-made"


def provide(settings: Settings) -> None:
    """Make or check the certificate and copy it for Asterisk; nothing when `tls` is off. Raises `SetupFailed`."""
    if settings.tls == "off":
        return
    source = settings.secrets_dir / "tls" if settings.tls == SELF_MADE else Path(settings.tls).expanduser()
    if settings.tls == SELF_MADE:
        make_when_needed(settings, source, clock.now())
    pair = _checked(source, clock.now())
    target = keys_dir(settings)
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(target / "certificate.pem", pair.certificate)
    write_secret(target / "key.pem", pair.key)
    _copy_authority(source, target)


def make_when_needed(settings: Settings, folder: Path, moment: datetime) -> bool:
    """Make a certificate when there is none or it ends within 30 days; True when one was made."""
    end = ends_at(folder / "certificate.pem")
    if end is not None and end - moment > WARN_BEFORE and (folder / "key.pem").is_file():
        return False
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    address = WILDCARDS.get(settings.sip_bind, settings.sip_bind)
    pair = make_self_signed(settings.pbx, tuple(dict.fromkeys((address, "localhost", "127.0.0.1"))), moment)
    write_secret(folder / "key.pem", pair.key)
    write_secret(folder / "certificate.pem", pair.certificate)
    return True


def _checked(folder: Path, moment: datetime) -> Pair:
    mend = "put certificate.pem and key.pem there, or set CALLCENTER_TLS=self-made or off"
    try:
        pair = read_pair(folder)
    except OSError as error:
        raise SetupFailed(what="SIP over TLS can't start", why=str(error), mend=mend) from None
    fault = fault_of(pair, moment)
    if fault:
        raise SetupFailed(what="SIP over TLS can't start", why=f"{folder}: {fault}", mend=mend)
    return pair


def _copy_authority(source: Path, target: Path) -> None:
    """`ca.pem`, by which a trunk's certificate is checked, is optional."""
    given, copy = source / "ca.pem", target / "ca.pem"
    if given.is_file():
        write_secret(copy, given.read_bytes())
    else:
        copy.unlink(missing_ok=True)


def write_secret(path: Path, content: bytes) -> None:
    """Replace a file in one step, mode 0600 from its first byte on."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
    fresh.replace(path)
