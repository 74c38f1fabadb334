"""`callcenter security rotate`: a new password, in force at once."""

import secrets
import signal
from pathlib import Path

from callcenter.errors import InvalidInput, NotAllowed, PartUnavailable
from callcenter.local import asterisk, places
from callcenter.local.certificates import write_secret
from callcenter.local.configuration import own_asterisk
from callcenter.local.processes import recall, send_signal
from callcenter.settings import Settings

AGENT_BYTES, AMI_BYTES = 9, 32


async def rotate(settings: Settings, what: str, number: str) -> str:
    """Change one password; what was done, in a line. Raises `InvalidInput`, `NotAllowed`, `PartUnavailable`."""
    if what == "ami":
        return await _rotate_ami(settings)
    if what != "agent":
        raise InvalidInput(where=repr(what[:20]), what="can't be rotated", mend="say ami, or agent and a number")
    if number not in settings.phones:
        raise InvalidInput(where=repr(number[:20]), what="no such phone", mend="name an agent or supervisor")
    _renew(settings.secrets_dir / f"agent-{number}", AGENT_BYTES)
    await _load(settings, "module reload res_pjsip.so")
    return (
        f"phone {number} has a new password: callcenter agents shows it; the phone must be told before it rings again"
    )


async def _rotate_ami(settings: Settings) -> str:
    """Our own listener is started anew by its supervisor, with the new password; calls go on."""
    if settings.ami_password is not None:
        mend = "change it there and in Asterisk's manager.conf"
        raise NotAllowed(what="The manager's password is given by CALLCENTER_AMI_PASSWORD", mend=mend)
    _renew(settings.secrets_dir / "ami", AMI_BYTES)
    await _load(settings, "manager reload")
    listener = recall(places.run_dir(settings) / "listen.pid")
    if listener:
        send_signal(listener, signal.SIGTERM)
    return "the manager interface has a new password; the listener reconnects with it"


def _renew(path: Path, length: int) -> None:
    write_secret(path, f"{secrets.token_hex(length)}\n".encode())


async def _load(settings: Settings, command: str) -> None:
    pbx = own_asterisk(settings)
    asterisk.configure(pbx)
    if not await asterisk.console(pbx, command):
        why, mend = "its console does not answer", "start callcenter run: it takes the new password"
        raise PartUnavailable(part="Asterisk", why=why, mend=mend)
