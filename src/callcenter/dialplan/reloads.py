"""Which module reads which file: what to reload after a change, and what only a restart of Asterisk can change."""

from collections.abc import Iterable, Mapping

from callcenter.dialplan.difference import dialplan_files
from callcenter.dialplan.files import objects, read_config

PJSIP = ("res_pjsip.so", "res_pjsip_authenticator_digest.so", "res_pjsip_endpoint_identifier_ip.so")
MODULES: Mapping[str, tuple[str, ...]] = {
    "extensions.conf": ("pbx_config.so",),
    "pjsip.conf": PJSIP,
    "acl.conf": ("acl", *PJSIP),
    "queues.conf": ("app_queue.so",),
    "queuerules.conf": ("app_queue.so",),
    "manager.conf": ("manager",),
    "cel.conf": ("cel",),
    "cel_custom.conf": ("cel_custom.so",),
    "cdr.conf": ("cdr",),
    "logger.conf": ("logger",),
    "features.conf": ("features",),
    "res_parking.conf": ("res_parking.so",),
    "confbridge.conf": ("app_confbridge.so",),
    "musiconhold.conf": ("res_musiconhold.so",),
    "indications.conf": ("indications",),
    "http.conf": ("http",),
    "udptl.conf": ("udptl",),
    "rtp.conf": ("res_rtp_asterisk.so",),
    "codecs.conf": ("plc",),
}
"""Names for AMI's Reload (main/loader.c, reload_classes; else the module's file)."""


def to_reload(changed: Iterable[str], new: Mapping[str, str]) -> list[str]:
    """The modules concerned, each once, the dialplan last: what it names is there by then."""
    included = dialplan_files(new)
    wanted = [m for name in sorted(changed) for m in MODULES.get("extensions.conf" if name in included else name, ())]
    return sorted(dict.fromkeys(wanted), key=lambda module: module == "pbx_config.so")


def needs_restart(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What a reload can't change, in words; empty when there is nothing of the kind."""
    found = [
        f"{name} has changed, which Asterisk reads only at its start"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
        and name not in MODULES
        and name not in dialplan_files(old) | dialplan_files(new)
    ]
    if _transports(old) != _transports(new):
        found.append("a transport of pjsip.conf has changed, and calls on it would be lost")
    return found if old else []


def _transports(files: Mapping[str, str]) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    return [(o.name, o.options) for o in objects(read_config(files.get("pjsip.conf", ""))) if o.kind == "transport"]
