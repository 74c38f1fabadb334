"""An agent and his caller leave their bridge together, for a conference (`*3`, `*20`).

The dialplan can only redirect one channel after the other. When the agent is gone, the caller's Queue() or Dial() ends
and he is hung up, unless his own redirect comes before that; on a busy machine it may not. AMI's Redirect of two
channels makes each wait in the bridge until both are redirected. With the service stopped the dialplan does it its way.
"""

import re

import structlog

from callcenter.agents.recording_pauses import TRUNK
from callcenter.ami import actions
from callcenter.ami.actions import Destination
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import ActionFailed
from callcenter.ami.messages import Event

log = structlog.get_logger(__name__)

USER_EVENT = "ConferenceGather"
VARIABLE = "GATHERED"
ASKED = "asked"
"""What the dialplan puts there; anything else: it waits no more"""
TAKEN, DONE, FAILED = "taken", "yes", "no"
"""What it finds there then; no, or nothing new within two seconds: it does it itself"""

_PHONE = re.compile(r"PJSIP/[\w-]{1,70}")
_ROOM = re.compile(r"\d{1,15}")


async def gather(client: AmiClient, asked: Event) -> None:
    """Do what `[conference-both]` asks for, if it still waits for that. Raises `AmiFault`."""
    agent, caller, room = asked.get("Agent"), asked.get("Caller"), asked.get("Room")
    if not (
        _PHONE.fullmatch(agent) and caller.startswith(TRUNK) and _PHONE.fullmatch(caller) and _ROOM.fullmatch(room)
    ):
        log.warning("Conference refused", agent=agent[:80], caller=caller[:80], room=room[:20])
        return
    waiting = asked.get("Channel")
    # A conference that the dialplan has made itself meanwhile would end if its caller were moved again.
    if (await client.ask(actions.get_variable(waiting, VARIABLE))).get("Value") != ASKED:
        log.info("Conference not made: the dialplan did not wait for it", agent=agent)
        return
    await client.ask(actions.set_variable(waiting, VARIABLE, TAKEN))
    told = DONE
    member = Destination(agent, "conference-member", room)
    try:
        await client.ask(actions.redirect_both(member, Destination(caller, "conference-caller", room)))
    except ActionFailed as fault:
        told = FAILED
        log.warning("Agent and caller not brought together, left to the dialplan", agent=agent, why=str(fault))
    else:
        log.info("Agent and caller in a conference", agent=agent, caller=caller, room=room)
    await client.ask(actions.set_variable(waiting, VARIABLE, told))
