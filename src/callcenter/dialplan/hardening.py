"""What templates see of limits, outbound dialling, access lists and encryption."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

from callcenter.errors import InvalidInput
from callcenter.settings import Settings

FORBIDDEN = (
    *(("00", "abroad"), ("179", "abroad")),
    *(("160", "premium"), ("168", "premium"), ("12590", "premium")),
)
"""Prefixes that a shorter one in `outbound_prefixes` does not open: abroad, carriers dialled around, information lines.

Numbering plan of the Ministry of Industry and Information Technology, sections on 1xx and 1xxxx codes.
"""

RESERVED_FOR_PHONES = 4
"""One phone may make one in so many of a day's outbound calls."""


def hardening_values(settings: Settings) -> dict[str, Any]:
    """Names for `asterisk/*.j2` and `dialplans/outbound.conf.j2`. Raises `InvalidInput` for a network that is none."""
    prefixes = tuple(dict.fromkeys(settings.outbound_prefixes))
    return {
        "trunk_call_limit": settings.trunk_call_limit,
        "phone_call_limit": settings.phone_call_limit,
        "outbound_prefixes": prefixes,
        "forbidden_prefixes": [(prefix, why) for prefix, why in FORBIDDEN if prefix not in prefixes],
        "outbound_daily_cap": settings.outbound_daily_cap,
        "outbound_phone_cap": -(-settings.outbound_daily_cap // RESERVED_FOR_PHONES),
        "outbound_night_lock": settings.outbound_night_lock,
        "permitted_networks": permitted_networks(settings),
        "tls": settings.tls != "off",
        "tls_ca": (keys_dir(settings) / "ca.pem").is_file(),
        "trunk_tls": settings.trunk_tls,
        "sip_tls_port": settings.sip_tls_port,
        "keys_dir": keys_dir(settings),
        "blocked_file": settings.asterisk_dir / "etc" / "pjsip.blocked",
        "cel_over_ami": settings.cel_over_ami,
    }


def permitted_networks(settings: Settings) -> list[str]:
    """From where SIP is listened to at all: the phones' networks and the trunk; none named means from everywhere.

    One list before anybody is looked up: an access list of an endpoint's own would answer 403 for a user that exists
    and 401 for one that doesn't.
    """
    if not settings.phone_networks:
        return []
    return [str(_network(text)) for text in (*settings.phone_networks, settings.trunk_address)]


def _network(text: str) -> Any:
    try:
        return ip_network(text)
    except ValueError as error:
        mend = "write networks as 192.168.10.0/24, host bits zero"
        raise InvalidInput(where="CALLCENTER_PHONE_NETWORKS", what=str(error), mend=mend) from None


def blocked_file(settings: Settings) -> Path:
    """Addresses that are turned away; no `.conf`, because it is state, not configuration: no deployment removes it."""
    return settings.asterisk_dir / "etc" / "pjsip.blocked"


def begin_block_list(settings: Settings) -> None:
    """An empty list where there is none: Asterisk notices that an included file changed, not that it appeared."""
    path = blocked_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600)


def keys_dir(settings: Settings) -> Path:
    """Where Asterisk's user reads certificate and key."""
    return settings.asterisk_dir / "keys"
