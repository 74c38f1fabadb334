"""The file by which Asterisk turns blocked addresses away: `pjsip.blocked`, included by pjsip.conf.

Without root there is no firewall to ask. Asterisk's own list (res_pjsip_acl) comes next: it answers 403 before an
endpoint is looked up, so that it tells nobody which users exist. Written by rename, then res_pjsip is reloaded.
"""

import os
import tempfile
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path

HEAD = """; Written by callcenter listen: addresses that guessed passwords. Changes made by hand don't last.
[blocked]
type = acl
"""


def access_list(addresses: Iterable[str]) -> str:
    """The file's text, empty for none; an address that is none raises `ValueError` rather than reaching Asterisk."""
    lines = [f"deny = {ip_address(address)}/{ip_address(address).max_prefixlen}\n" for address in sorted(addresses)]
    return HEAD + "".join(lines) if lines else ""


def read_access_list(path: Path) -> str:
    """What Asterisk would read; empty when there is no such file."""
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


def write_access_list(path: Path, text: str) -> None:
    """Replace the file in one step, readable by Asterisk's user alone. Raises `OSError`."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".new-", delete=False, encoding="utf-8") as file:
        file.write(text)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(file.name, owner.st_uid, owner.st_gid)
    Path(file.name).replace(path)
