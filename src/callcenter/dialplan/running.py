"""The dialplan and AstDB that an Asterisk has in force, as data for the simulation."""

from collections.abc import Iterable, Mapping

from callcenter.ami.actions import db_get_tree
from callcenter.ami.connection import AmiClient
from callcenter.ami.messages import Event
from callcenter.dialplan.loaded import SHOW_DIALPLAN
from callcenter.dialplan.source import Context, Dialplan, Place, Step

FAMILY = "callcenter"


async def running_dialplan(client: AmiClient, variables: Mapping[str, str]) -> Dialplan:
    """What Asterisk has loaded; `variables` are the rendered globals. Raises `AmiFault`."""
    return dialplan_of(await client.collect(SHOW_DIALPLAN, 15), variables)


def dialplan_of(listed: Iterable[Event], variables: Mapping[str, str]) -> Dialplan:
    """The contexts of ShowDialPlan's `ListDialplan` events."""
    plan = Dialplan(variables=dict(variables))
    for event in listed:
        name = event.get("Context")
        context = plan.contexts.setdefault(name, Context(name, Place("", 0)))
        if included := event.get("IncludeContext"):
            context.includes.append(included)
        elif event.get("Extension") and event.get("Priority").isdigit():
            place = (name, event.get("Extension"), int(event.get("Priority")))
            context.steps.append(Step(*place, event.get("Application"), event.get("AppData")))
    return plan


async def running_astdb(client: AmiClient) -> dict[str, str]:
    """Our keys, as the dialplan names them: `callcenter/service/hotline`. Raises `AmiFault`."""
    entries = await client.collect(db_get_tree(FAMILY))
    return {f"{FAMILY}/{e.get('Key').lstrip('/').removeprefix(f'{FAMILY}/')}": e.get("Val") for e in entries}
