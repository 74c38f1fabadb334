"""Is what Asterisk has loaded what was sent? Asked by AMI, compared step by step."""

from collections.abc import Iterable, Mapping

from callcenter.ami.actions import SHOW_CHANNELS, Action
from callcenter.ami.connection import AmiClient
from callcenter.ami.messages import Event
from callcenter.dialplan.difference import Position
from callcenter.dialplan.files import objects, read_config
from callcenter.dialplan.source import Dialplan, read_dialplan

SHOW_DIALPLAN = Action("ShowDialPlan")
SHOW_ENDPOINTS = Action("PJSIPShowEndpoints")
QUEUE_STATUS = Action("QueueStatus")
OURS = "pbx_config"
"""Registrar of what comes from files; park extensions and hints are Asterisk's own."""


def reload(module: str) -> Action:
    return Action("Reload", (("Module", module),))


async def mismatches(client: AmiClient, sent: Mapping[str, str]) -> list[str]:
    """Where Asterisk differs from the files, one line each. Raises `AmiFault`."""
    listed = await client.collect(SHOW_DIALPLAN, 15)
    endpoints = await client.collect(SHOW_ENDPOINTS, 15)
    queues = await client.collect(QUEUE_STATUS, 15)
    return [
        *dialplan_mismatches(read_dialplan(sent), listed),
        *_missing("endpoint", _wanted(sent, "pjsip.conf", "endpoint"), endpoints, "EndpointList", "ObjectName"),
        *_missing("queue", _wanted(sent, "queues.conf", ""), queues, "QueueParams", "Queue"),
    ]


def dialplan_mismatches(plan: Dialplan, listed: Iterable[Event]) -> list[str]:
    """Steps that are not there, that differ, or that should not be there (`ListDialplan`, pbx.c)."""
    loaded = {
        (e.get("Context"), e.get("Extension"), e.get("Priority")): f"{e.get('Application')}({e.get('AppData')})"
        for e in listed
        if e.get("Registrar") == OURS and e.get("Extension") and e.get("Priority").isdigit()
    }
    sent = {(s.context, s.extension, str(s.priority)): s.text for s in plan.steps()}
    return [
        f"[{c}] {x},{p}: sent {sent.get((c, x, p), 'nothing')}, loaded {loaded.get((c, x, p), 'nothing')}"
        for c, x, p in sorted({*sent, *loaded})
        if sent.get((c, x, p)) != loaded.get((c, x, p))
    ]


def _wanted(sent: Mapping[str, str], file: str, kind: str) -> set[str]:
    return {o.name for o in objects(read_config(sent.get(file, ""))) if o.kind == kind and o.name != "general"}


def _missing(what: str, wanted: set[str], listed: Iterable[Event], event: str, header: str) -> list[str]:
    loaded = {e.get(header) for e in listed if e.name == event}
    return [f"{what} {name} is not loaded" for name in sorted(wanted - loaded)] + [
        f"{what} {name} is loaded and was not sent" for name in sorted(loaded - wanted - {"default"})
    ]


async def positions(client: AmiClient) -> dict[str, Position]:
    """Where each channel stands in the dialplan."""
    listed = await client.collect(SHOW_CHANNELS)
    return {
        e.get("Channel"): (e.get("Context"), e.get("Exten"), int(e.get("Priority")))
        for e in listed
        if e.get("Priority").isdigit()
    }
