"""The menu by real calls, all at once: each digit, none, a wrong one; what callers hear and agents see."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.evidence import RATE, Audio, audio_of, instant, new_caller, record_of
from tests.acceptance.hearing import find, heard, heard_in_order, not_heard, prompt
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import Softphone, dial
from tests.acceptance.schedules import keep_open

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOTICE_SECONDS = 8.5
"""From the answer on; the notice is over and the menu has played for more than two seconds."""
CHOSEN = {"consultation": "1", "complaint": "2", "progress": "3", "agent": "0"}
WAITS: dict[str, tuple[str, ...]] = {
    **{name: (digit,) for name, digit in CHOSEN.items()},
    "repeat": ("*", "1"),
    "english": ("9", "0"),
    "wrong once": ("7", "1"),
    "wrong thrice": ("7", "#", "5"),
    "silent": (),
}
"""What the callers who wait for an agent press, 3 s apart."""


@dataclass(frozen=True)
class Story:
    """What became of one caller."""

    record: dict[str, Any]
    audio: Audio
    shown: str
    """Whom the agent's phone showed; empty when none rang"""

    def kinds(self) -> list[str]:
        return [entry["kind"] for entry in self.record["timeline"]]


class Menu:
    """A hotline whose four agents answer at once, and the stories that were told to it."""

    def __init__(self, hotline: RunningHotline, agents: list[Softphone]) -> None:
        self.hotline, self.agents = hotline, agents
        self.stories: dict[str, Story] = {}

    async def tell_all(self) -> None:
        names = [*WAITS, "gives up"]
        async with asyncio.TaskGroup() as calls:
            for name in names:
                calls.create_task(self._tell(name))
                await asyncio.sleep(1.0)

    async def _tell(self, name: str) -> None:
        number = new_caller()
        async with dial("12333", self.hotline.sip_server, caller=number, name="Wang") as caller:
            await caller.expect("answered")
            await asyncio.sleep(NOTICE_SECONDS)
            for digit in WAITS.get(name, ()):
                caller.send(f"digits {digit}")
                await asyncio.sleep(3.0)
            shown = await self._rung_by(number) if name in WAITS else ""
            await asyncio.sleep(1.0)
            caller.send("hangup")
            await caller.expect("ended")
        record = await record_of(self.hotline, number, within=60)
        self.stories[name] = Story(record, await audio_of(self.hotline, record), shown)

    async def _rung_by(self, number: str) -> str:
        """Wait until an agent has answered this caller; whom the agent's phone showed."""
        async with asyncio.timeout(90):
            while True:
                for phone in self.agents:
                    for event in phone.events:
                        if event["event"] == "incoming" and number in event["remote"] and _answered(phone, event):
                            return str(event["remote"])
                await asyncio.sleep(0.1)


def _answered(phone: Softphone, rung: dict[str, Any]) -> bool:
    return any(e["event"] == "answered" and e["call"] == rung["call"] for e in phone.events)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def menu() -> AsyncIterator[Menu]:
    async with RunningHotline(menu=True, queue_timeout_seconds=90) as hotline, AsyncExitStack() as phones:
        await keep_open(hotline)
        agents = [await phones.enter_async_context(hotline.phone(number)) for number in hotline.settings.agents]
        for phone in agents:
            phone.send("auto 0.2")
        told = Menu(hotline, agents)
        await told.tell_all()
        yield told


@pytest.mark.parametrize("name", CHOSEN)
async def test_choice_is_kept_and_leads_to_an_agent(menu: Menu, name: str) -> None:
    story = menu.stories[name]
    assert (story.record["outcome"], story.record["menu_choice"]) == ("answered", CHOSEN[name])
    heard(menu.hotline, story.audio, "hotline-notice")
    not_heard(menu.hotline, story.audio, "menu-wrong", "menu-to-agent")


async def test_complaint_is_marked_and_shown(menu: Menu) -> None:
    complaint, other = menu.stories["complaint"], menu.stories["consultation"]
    assert complaint.record["marks"] == ["complaint_wanted"] and other.record["marks"] == []
    assert "投诉 Wang" in complaint.shown and "投诉" not in other.shown
    assert complaint.record["caller_name"] == "Wang"


async def test_choice_ends_the_prompt(menu: Menu) -> None:
    """Who knows the menu presses while it plays, and does not have to hear the rest."""
    length = len(prompt(menu.hotline, "hotline-menu")) / RATE
    at = {entry["kind"]: instant(entry["at"]) for entry in menu.stories["agent"].record["timeline"]}
    assert 0 < at["menu_choice"] - at["notice_played"] < length


async def test_star_repeats(menu: Menu) -> None:
    story = menu.stories["repeat"]
    assert story.record["menu_choice"] == "1"
    first = heard(menu.hotline, story.audio, "hotline-notice")[0]
    opening = prompt(menu.hotline, "hotline-menu")[: 2 * RATE]
    one = find(story.audio.right, opening, first)
    assert one is not None and find(story.audio.right, opening, one + 1.0) is not None


async def test_nine_goes_on_in_english(menu: Menu) -> None:
    story = menu.stories["english"]
    assert (story.record["menu_choice"], story.record["outcome"]) == ("0", "answered")
    assert ("language", "en") in [(e["kind"], e["detail"]) for e in story.record["timeline"]]
    spoken = prompt(menu.hotline, "hotline-menu", "en")[: 2 * RATE]
    assert find(story.audio.right, spoken) is not None
    assert find(menu.stories["agent"].audio.right, spoken) is None


async def test_wrong_digit_is_told_and_asked_again(menu: Menu) -> None:
    story = menu.stories["wrong once"]
    assert story.record["menu_choice"] == "1" and story.kinds().count("menu_wrong") == 1
    assert _told_wrong(menu, story)
    heard(menu.hotline, story.audio, "hotline-notice")
    not_heard(menu.hotline, story.audio, "menu-to-agent")


def _told_wrong(menu: Menu, story: Story) -> bool:
    """Did the recording keep "no such choice"? It begins while the caller's phone, still busy with the digit, sends no
    sound, and MixMonitor may tear its first word then."""
    behind = prompt(menu.hotline, "menu-wrong")[RATE // 3 :]
    return find(story.audio.right, behind) is not None


async def test_three_wrong_digits_lead_to_an_agent(menu: Menu) -> None:
    story = menu.stories["wrong thrice"]
    assert (story.record["outcome"], story.record["menu_choice"]) == ("answered", "")
    assert story.kinds().count("menu_wrong") == 3
    assert _told_wrong(menu, story)
    heard(menu.hotline, story.audio, "menu-to-agent")


async def test_who_presses_nothing_gets_an_agent(menu: Menu) -> None:
    story = menu.stories["silent"]
    assert (story.record["outcome"], story.record["menu_choice"]) == ("answered", "")
    heard_in_order(menu.hotline, story.audio, "hotline-menu", "menu-language", "hotline-menu", "menu-to-agent")
    not_heard(menu.hotline, story.audio, "menu-wrong")


async def test_leaving_in_the_menu_is_its_own_outcome(menu: Menu) -> None:
    story = menu.stories["gives up"]
    assert (story.record["outcome"], story.record["queue_visits"]) == ("abandoned_in_menu", [])
    assert (story.record["hung_up_by"], story.record["menu_choice"]) == ("caller", None)
