"""What happens to the manager interface, AMI."""

import asyncio
import re
import time

from callcenter.local import asterisk
from callcenter.local.configuration import own_asterisk
from tests.drills.site import Site

SLOW_BYTES_A_SECOND = 1000.0


async def reset(site: Site, seconds: float) -> None:
    """The connection is reset twice a second, now and then in the middle of an event."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        site.ami.cut_next = True
        await asyncio.sleep(0.5)
        site.ami.reset()
        await asyncio.sleep(0.5)
    site.ami.cut_next = False


async def half_open(site: Site, seconds: float) -> None:
    """The sockets stay, nothing passes."""
    site.ami.hold()
    try:
        await asyncio.sleep(seconds)
    finally:
        site.ami.release()


async def slow(site: Site, seconds: float) -> None:
    """1 kB a second: Asterisk cuts us off or we fall behind, and calls don't care."""
    site.ami.bytes_a_second = SLOW_BYTES_A_SECOND
    try:
        await asyncio.sleep(seconds)
    finally:
        site.ami.bytes_a_second = 0.0


async def wrong_password(site: Site, seconds: float) -> None:
    """Somebody changed Asterisk's password alone, and puts it back later."""
    pbx = own_asterisk(site.hotline.settings)
    path = pbx.site.etc_dir / "manager.conf"
    right = path.read_text()
    path.write_text(re.sub(r"(?m)^secret = .*$", "secret = nobody-knows", right))
    await asterisk.console(pbx, "manager reload")
    site.ami.reset()
    try:
        await asyncio.sleep(seconds)
    finally:
        path.write_text(right)
        await asterisk.console(pbx, "manager reload")
