"""Agent and caller brought into a conference by one action, against a peer that speaks AMI."""

from collections.abc import Callable

import pytest
from tests.integration.ami_peer import Headers, Peer, ami_peer, answer, message
from tests.integration.test_ami_connection import client_for, listening

from callcenter.agents.gathering import gather
from callcenter.ami.faults import ActionFailed
from callcenter.ami.messages import Event

LOCAL = "Local/1001@conference-gather-00000003;2"
AGENT, CALLER = "PJSIP/d4f9-1001-0000000c", "PJSIP/trunk-0000000b"


def asked(agent: str = AGENT, caller: str = CALLER, room: str = "1001") -> Event:
    asking = ("Event: UserEvent", "UserEvent: ConferenceGather", f"Channel: {LOCAL}")
    return Event("UserEvent", message(*asking, f"Agent: {agent}", f"Caller: {caller}", f"Room: {room}"))


def waiting(value: str = "asked") -> Callable[[Headers], bytes]:
    return lambda action: answer(action, "Success", "Variable: GATHERED", f"Value: {value}")


def done(peer: Peer) -> list[tuple[str, str]]:
    """What was sent to the dialplan and to the two channels, in order."""
    return [(a["Action"], a.get("Value", a["Channel"])) for a in peer.seen if a["Action"] in ("Setvar", "Redirect")]


async def test_one_action_for_both() -> None:
    async with ami_peer(Peer(answers={"Getvar": waiting()})) as peer, listening(client_for(peer)) as listener:
        await gather(listener.client, asked())
    assert done(peer) == [("Setvar", "taken"), ("Redirect", AGENT), ("Setvar", "yes")]
    sent = next(a for a in peer.seen if a["Action"] == "Redirect")
    assert (sent["Context"], sent["Exten"], sent["Priority"]) == ("conference-member", "1001", "1")
    assert (sent["ExtraChannel"], sent["ExtraContext"], sent["ExtraExten"], sent["ExtraPriority"]) == (
        CALLER, "conference-caller", "1001", "1",
    )  # fmt: skip


async def test_what_asterisk_refuses_is_left_to_the_dialplan() -> None:
    refused = Peer(
        answers={"Getvar": waiting(), "Redirect": lambda a: answer(a, "Error", "Message: Channel does not exist")}
    )
    async with ami_peer(refused) as peer, listening(client_for(peer)) as listener:
        await gather(listener.client, asked())
    assert done(peer)[-1] == ("Setvar", "no")


@pytest.mark.parametrize("value", ["over", "", "taken", "yes"])
async def test_who_waits_no_more_is_left_alone(value: str) -> None:
    async with ami_peer(Peer(answers={"Getvar": waiting(value)})) as peer, listening(client_for(peer)) as listener:
        await gather(listener.client, asked())
    assert done(peer) == []


async def test_who_is_gone_is_left_alone() -> None:
    gone = Peer(answers={"Getvar": lambda action: answer(action, "Error", "Message: No such channel")})
    async with ami_peer(gone) as peer, listening(client_for(peer)) as listener:
        with pytest.raises(ActionFailed):
            await gather(listener.client, asked())
    assert done(peer) == []


@pytest.mark.parametrize(
    "event",
    [
        asked(agent=""),
        asked(agent="Local/1@x-1"),
        asked(caller=AGENT),
        asked(caller=""),
        asked(room="1001,1"),
        asked(room=""),
    ],
)
async def test_only_a_phone_and_a_caller_of_the_trunk(event: Event) -> None:
    async with ami_peer(Peer(answers={"Getvar": waiting()})) as peer, listening(client_for(peer)) as listener:
        await gather(listener.client, event)
    assert done(peer) == []
