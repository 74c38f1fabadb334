"""The emergency line with real phones: who rings when, mobiles through the trunk, alarms, and what the record says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from callcenter.alerts.repository import acknowledge
from callcenter.alerts.tables import alerts
from callcenter.ami import actions
from callcenter.ami.connection import AmiClient
from callcenter.ami.faults import AmiFault
from callcenter.ami.model import Address
from callcenter.local import addresses
from callcenter.local.ports import passing_port
from callcenter.local.secrets import load_or_make
from callcenter.publishing.tables import live_states
from callcenter.storage.engine import make_engine
from tests.acceptance.evidence import assert_talk_is_heard, audio_of, instant, new_caller, record_adds_up, record_of
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import Softphone, dial

EMERGENCY = "12334"
MOBILE = "13800000991"
STEP = 6
"""Seconds of each step of the chains below."""
SECOND = 1.0


class Duty:
    """A hotline with its roster, its alerts and what Asterisk's database holds."""

    def __init__(self, hotline: RunningHotline, engine: AsyncEngine, client: AmiClient) -> None:
        self.hotline, self.engine, self.client = hotline, engine, client

    async def roster(self, *steps: str, since: float = 0, until: float = 3600) -> str:
        """A shift from now + `since` to now + `until` seconds, in Asterisk when this returns; its id."""
        now = datetime.now(UTC)
        begins, ends = ((now + timedelta(seconds=s)).isoformat(timespec="seconds") for s in (since, until))
        words = [word for step in steps for word in ("--step", step)]
        said = await self.command("add", "--from", begins, "--until", ends, *words)
        shift = said.partition(":")[0]
        await self.holds(f"emergency/shift/{shift}")
        return shift

    async def no_roster(self) -> None:
        for line in (await self.command("list")).replace("now: ", "").splitlines():
            if (shift := line.partition(":")[0]).isdigit():
                await self.command("withdraw", shift)
                await self.holds(f"emergency/shift/{shift}", nothing=True)

    async def command(self, *words: str) -> str:
        code, said = await self.hotline.command("roster", *words)
        assert code == 0, said
        return said

    async def value(self, key: str) -> str:
        try:
            found = await self.client.collect(actions.db_get("callcenter", key))
        except AmiFault:
            return ""
        return found[0].get("Val") if found else ""

    async def holds(self, key: str, *, nothing: bool = False) -> None:
        async def right() -> bool:
            return bool(await self.value(key)) is not nothing

        await eventually(right, 8)

    async def wallboard(self, **facts: Any) -> None:
        """Wait until the emergency line's live state has these facts."""
        mine = (live_states.c.kind == "queue") & (live_states.c.key == "emergency")

        async def right() -> bool:
            async with self.engine.connect() as connection:
                payload = (await connection.execute(select(live_states.c.payload).where(mine))).scalar() or {}
            return facts.items() <= dict(payload).items()

        await eventually(right, 3)

    async def alert(self, kind: str, number: str) -> dict[str, Any] | None:
        """The latest alert of a kind for a caller."""
        mine = (alerts.c.kind == kind) & (alerts.c.facts["caller_number"].astext == number)
        async with self.engine.connect() as connection:
            query = select(alerts).where(mine).order_by(alerts.c.id.desc())
            row = (await connection.execute(query)).mappings().first()
        return dict(row) if row else None

    async def alert_raised(self, kind: str, number: str, within: float) -> dict[str, Any]:
        async def right() -> bool:
            return await self.alert(kind, number) is not None

        await eventually(right, within)
        return await self.alert(kind, number) or {}

    async def alert_cleared(self, kind: str, number: str, within: float = 3) -> None:
        async def right() -> bool:
            found = await self.alert(kind, number)
            return found is not None and found["cleared_at"] is not None

        await eventually(right, within)


async def eventually(question: Callable[[], Awaitable[bool]], seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while not await question():
            await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running() -> AsyncIterator[Duty]:
    port = passing_port()
    async with RunningHotline(
        pbx="emergency", emergency_step_seconds=STEP, emergency_mobiles=[MOBILE], trunk_port=port
    ) as hotline:
        settings = hotline.settings
        engine = make_engine(addresses.database_url(settings))
        password = load_or_make(settings).ami_password
        client = AmiClient(Address("127.0.0.1", settings.ami_port, settings.ami_username, password))
        connected = asyncio.create_task(client.run())
        yield Duty(hotline, engine, client)
        await client.close()
        assert connected.done()
        await engine.dispose()


@pytest_asyncio.fixture(loop_scope="session")
async def duty(running: Duty) -> AsyncIterator[Duty]:
    """The hotline without a roster, whatever the test before left."""
    await running.no_roster()
    yield running


@asynccontextmanager
async def phone(duty: Duty, number: str, answer: float | None = None) -> AsyncIterator[Softphone]:
    """A duty person's phone that answers after so many seconds, or lets it ring."""
    async with duty.hotline.phone(number) as phone:
        if answer is not None:
            phone.send(f"auto {answer}")
        yield phone


@asynccontextmanager
async def mobile(duty: Duty, answer: float) -> AsyncIterator[Softphone]:
    """The provider's side of the trunk: a mobile that answers after so many seconds."""
    settings = duty.hotline.settings
    async with Softphone("mobile", duty.hotline.sip_server, bind="127.0.0.9", port=settings.trunk_port) as phone:
        phone.send(f"auto {answer}")
        yield phone


def near(seconds: float, within: float = SECOND) -> Any:
    return pytest.approx(seconds, abs=within)


def times_of(record: dict[str, Any], kind: str) -> list[float]:
    return [instant(entry["at"]) for entry in record["timeline"] if entry["kind"] == kind]


def calls_of(phone: Softphone) -> list[float]:
    """When the phone was rung."""
    return [event["at"] for event in phone.events if event["event"] == "incoming"]


async def test_two_unanswered_phones_then_a_third(duty: Duty) -> None:
    await duty.roster(f"{STEP}:1001", f"{STEP}:1002", f"{STEP}:1003")
    number = new_caller()
    async with phone(duty, "1001") as first, phone(duty, "1002") as second, phone(duty, "1003", 1.0) as third:
        async with dial(EMERGENCY, duty.hotline.sip_server, caller=number) as caller:
            one = await first.expect("incoming")
            two = await second.expect("incoming")
            await duty.alert_raised("emergency_escalated", number, 1)
            three = await third.expect("incoming")
            answered = await third.expect("answered")
            await first.expect("ended")
            await second.expect("ended")
            await duty.alert_cleared("emergency_escalated", number)
            await asyncio.sleep(3)  # how long they talk
            caller.send("hangup")
            await third.expect("ended")
        assert [len(calls_of(each)) for each in (first, second, third)] == [1, 1, 1], "ringing was interrupted"
    assert two["at"] - one["at"] == near(STEP)
    assert three["at"] - two["at"] == near(STEP)
    record = await record_of(duty.hotline, number)
    assert (record["outcome"], record["agent"], record["hung_up_by"]) == ("answered", "1003", "caller")
    assert record["marks"] == ["escalated"]
    assert record["service"] == "open"
    (visit,) = record["queue_visits"]
    assert (visit["queue"], visit["result"], visit["agent"]) == ("emergency", "connected", "1003")
    assert record["wait_seconds"] == near(2 * STEP + 1)
    assert record["ring_seconds"] == near(2 * STEP + 1)
    assert record["talk_seconds"] == near(3)
    assert instant(record["answered_at"]) == near(answered["at"])
    begun = times_of(record, "emergency_step")
    assert [later - earlier for earlier, later in pairwise(begun)] == [near(STEP), near(STEP)]
    assert_talk_is_heard(await audio_of(duty.hotline, record), record)


async def test_mobile_is_joined_when_it_confirms(duty: Duty) -> None:
    await duty.roster(f"{STEP}:m{MOBILE}")
    number = new_caller()
    async with mobile(duty, 0.5) as person, dial(EMERGENCY, duty.hotline.sip_server, caller=number) as caller:
        await person.expect("answered")
        await asyncio.sleep(3)  # how long he listens to the question
        person.send("digits 1")
        await asyncio.sleep(5)  # how long they talk
        caller.send("hangup")
        await person.expect("ended")
    record = await record_of(duty.hotline, number)
    assert (record["outcome"], record["agent"]) == ("answered", MOBILE)
    assert record["talk_seconds"] == near(4.8)
    assert record["queue_visits"][0]["agent"] == MOBILE
    assert times_of(record, "emergency_confirmed")
    assert_talk_is_heard(await audio_of(duty.hotline, record), record)


async def test_mailbox_takes_the_call_from_nobody(duty: Duty) -> None:
    """The mobile answers and presses nothing: the phone of the same step rings on, and its person gets the call."""
    await duty.roster(f"{STEP}:m{MOBILE}&1001")
    number = new_caller()
    async with phone(duty, "1001") as desk, mobile(duty, 0.2) as mailbox:
        async with dial(EMERGENCY, duty.hotline.sip_server, caller=number) as caller:
            await mailbox.expect("answered")
            await mailbox.expect("ended", within=30)
            desk.send("answer")
            await desk.expect("answered")
            await asyncio.sleep(2)  # how long they talk
            caller.send("hangup")
            await desk.expect("ended")
        assert len(calls_of(desk)) == 1
    record = await record_of(duty.hotline, number)
    assert (record["outcome"], record["agent"]) == ("answered", "1001")
    assert record["talk_seconds"] == near(2)
    assert times_of(record, "emergency_unconfirmed")


async def test_nobody_answers_alarms_and_rings_on(duty: Duty) -> None:
    await duty.roster(f"{STEP}:1001", f"{STEP}:1002")
    number = new_caller()
    server = duty.hotline.sip_server
    async with (
        phone(duty, "1001") as first, phone(duty, "1002") as second, dial(EMERGENCY, server, caller=number) as caller
    ):  # fmt: skip
        begun = (await first.expect("incoming"))["at"]
        await duty.wallboard(waiting_count=1, calls_in_talk=0)
        alert = await duty.alert_raised("emergency_unanswered", number, 30)
        failed = alert["raised_at"].timestamp()
        assert failed - begun == near(2 * STEP)
        assert failed - datetime.fromisoformat(alert["facts"]["since"]).timestamp() < 1
        assert alert["severity"] == "critical"
        await asyncio.sleep(2)  # both ring on
        second.send("answer")
        await second.expect("answered")
        await duty.wallboard(waiting_count=0, calls_in_talk=1)
        await duty.alert_cleared("emergency_unanswered", number)
        await duty.alert_cleared("emergency_escalated", number)
        caller.send("hangup")
        await second.expect("ended")
    record = await record_of(duty.hotline, number)
    assert (record["outcome"], record["agent"], record["marks"]) == ("answered", "1002", ["escalated"])
    assert times_of(record, "emergency_unanswered")


async def test_caller_gives_up_and_the_alarm_stays_until_acknowledged(duty: Duty) -> None:
    await duty.roster("5:1001")
    number = new_caller()
    async with phone(duty, "1001") as first, dial(EMERGENCY, duty.hotline.sip_server, caller=number) as caller:
        await first.expect("incoming")
        alert = await duty.alert_raised("emergency_unanswered", number, 30)
        caller.send("hangup")
        await first.expect("ended")
    record = await record_of(duty.hotline, number)
    assert (record["outcome"], record["hung_up_by"]) == ("abandoned_ringing", "caller")
    found = await duty.alert("emergency_unanswered", number)
    assert found is not None and found["cleared_at"] is None and found["facts"]["over"] is True
    async with duty.engine.begin() as connection:
        await acknowledge(connection, alert["id"], "test")
    await duty.alert_cleared("emergency_unanswered", number)


async def test_without_a_roster_the_rendered_chain_rings(duty: Duty) -> None:
    """Every agent's phone, then the mobile; and the listener is dead meanwhile."""
    number = new_caller()
    assert await duty.value("emergency/shift/1") == ""
    server = duty.hotline.sip_server
    async with (
        phone(duty, "1001") as one, phone(duty, "1004") as four, mobile(duty, 0.2) as person,
        dial(EMERGENCY, server, caller=number) as caller,
    ):  # fmt: skip
        begun = (await one.expect("incoming"))["at"]
        await four.expect("incoming")
        await duty.hotline.kill("listen")
        assert (await person.expect("incoming"))["at"] - begun == near(STEP)
        four.send("answer")
        await four.expect("answered")
        await asyncio.sleep(1)  # how long they talk
        caller.send("hangup")
        await four.expect("ended")
    record = await record_of(duty.hotline, number, within=40)
    assert (record["outcome"], record["agent"], record["marks"]) == ("answered", "1004", ["escalated"])


async def test_listener_dead_the_roster_still_rings(duty: Duty) -> None:
    await duty.roster(f"{STEP}:1003")
    number = new_caller()
    async with phone(duty, "1003", 0.5) as third, phone(duty, "1001") as first:
        await duty.hotline.kill("listen")
        async with dial(EMERGENCY, duty.hotline.sip_server, caller=number) as caller:
            await third.expect("answered")
            await asyncio.sleep(1)  # how long they talk
            caller.send("hangup")
            await third.expect("ended")
        assert calls_of(first) == []
    record = await record_of(duty.hotline, number, within=40)
    assert (record["outcome"], record["agent"]) == ("answered", "1003")


async def test_shift_changes_at_its_boundary(duty: Duty) -> None:
    await duty.roster(f"{STEP}:1001", until=15)
    await duty.roster(f"{STEP}:1002", since=15, until=3600)
    async with phone(duty, "1001", 0.2) as early, phone(duty, "1002", 0.2) as late:
        changed = asyncio.create_task(asyncio.sleep(15))
        for expected in (early, late):
            number = new_caller()
            async with dial(EMERGENCY, duty.hotline.sip_server, caller=number) as caller:
                await expected.expect("answered")
                caller.send("hangup")
                await expected.expect("ended")
            await changed
        assert (len(calls_of(early)), len(calls_of(late))) == (1, 1)


async def test_a_phone_in_a_call_gets_it_as_call_waiting(duty: Duty) -> None:
    await duty.roster(f"{STEP}:1001")
    first, second = new_caller(), new_caller()
    server = duty.hotline.sip_server
    async with phone(duty, "1001") as only, dial(EMERGENCY, server, caller=first) as talking:
        await only.expect("incoming")
        only.send("answer")
        await talking.expect("answered")
        async with dial(EMERGENCY, server, caller=second) as waiting:
            rung = await only.expect("incoming")
            only.send(f"hangup #{rung['call'] - 1}")
            only.send(f"answer #{rung['call']}")
            await only.expect("answered", call=rung["call"])
            await asyncio.sleep(2)  # how long they talk
            waiting.send("hangup")
            await only.expect("ended", call=rung["call"])
    records = [await record_of(duty.hotline, number) for number in (first, second)]
    assert [(r["outcome"], r["agent"]) for r in records] == [("answered", "1001")] * 2
    assert records[0]["hung_up_by"] == "agent"


async def test_two_callers_at_once_each_have_a_chain(duty: Duty) -> None:
    await duty.roster(f"{STEP}:1001&1002")
    numbers = [new_caller(), new_caller()]
    server = duty.hotline.sip_server
    async with (
        phone(duty, "1001") as one, phone(duty, "1002") as two,
        dial(EMERGENCY, server, caller=numbers[0]) as a, dial(EMERGENCY, server, caller=numbers[1]) as b,
    ):  # fmt: skip
        for each in (one, two, one, two):
            await each.expect("incoming")
        await asyncio.gather(*(_take_call_of(each, n) for each, n in ((one, numbers[0]), (two, numbers[1]))))
        await asyncio.sleep(2)  # how long they talk
        for caller in (a, b):
            caller.send("hangup")
            await caller.expect("ended")
    records = [await record_of(duty.hotline, number) for number in numbers]
    assert [(r["outcome"], r["agent"]) for r in records] == [("answered", "1001"), ("answered", "1002")]


async def _take_call_of(phone: Softphone, number: str) -> None:
    """Answer the one of the ringing calls that shows this caller."""
    rung = [e for e in phone.events if e["event"] == "incoming" and number in e["remote"]]
    phone.send(f"answer #{rung[-1]['call']}")
    await phone.expect("answered", call=rung[-1]["call"])


async def test_the_record_adds_up(running: Duty) -> None:
    """Runs last: Asterisk counted as many calls in all of the above as the journal tells of."""
    await record_adds_up(running.hotline)
