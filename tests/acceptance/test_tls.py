"""SIP over TLS with SRTP: real calls between phones and trunk, and what comes in plain."""

import asyncio
import shutil
import socket
import ssl
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from struct import unpack
from typing import Any

import pytest
import pytest_asyncio

from callcenter import clock
from callcenter.local.ports import passing_port
from callcenter.security.certificates import make_self_signed
from tests.acceptance.evidence import (
    CALLER_HERTZ,
    assert_talk_is_heard,
    audio_of,
    calls_found,
    has_tone,
    new_caller,
    record_of,
)
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import Softphone, dial
from tests.acceptance.schedules import keep_open

pytestmark = pytest.mark.asyncio(loop_scope="module")

CITIZEN = "13800138000"


@asynccontextmanager
async def encrypted(**changed: Any) -> AsyncIterator[RunningHotline]:
    async with RunningHotline(**{"tls": "self-made", "sip_tls_port": passing_port(), **changed}) as hotline:
        await keep_open(hotline)
        yield hotline


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def phones_only() -> AsyncIterator[RunningHotline]:
    """The phones by TLS, the provider by UDP."""
    async with encrypted() as hotline:
        yield hotline


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders as administrators have them: our own pair with the provider's authority, the provider's, a stranger's."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("ours", "provider", "stranger")}
    for name, folder in folders.items():
        pair = make_self_signed(name, ("127.0.0.1" if name == "ours" else "127.0.0.9",), clock.now())
        (folder / "certificate.pem").write_bytes(pair.certificate)
        (folder / "key.pem").write_bytes(pair.key)
    shutil.copy(folders["provider"] / "certificate.pem", folders["ours"] / "ca.pem")
    return folders


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def throughout(certificates: dict[str, Path]) -> AsyncIterator[RunningHotline]:
    """Phones and provider by TLS with certificates that were given; agents may dial out."""
    settings = {"tls": str(certificates["ours"]), "trunk_tls": True, "trunk_port": passing_port()}
    async with encrypted(**settings, outbound_prefixes=["138"], outbound_night_lock=False) as hotline:
        yield hotline


def provider(hotline: RunningHotline, certificate: Path) -> Softphone:
    """The provider's side of the trunk, which takes our calls."""
    place: dict[str, Any] = {"bind": "127.0.0.9", "port": hotline.settings.trunk_port, "certificate": certificate}
    return Softphone("provider", secure_server(hotline), **place, tls=True, tone=440)


def secure_server(hotline: RunningHotline) -> str:
    return f"127.0.0.1:{hotline.settings.sip_tls_port}"


def secure_phone(hotline: RunningHotline, number: str, **options: Any) -> Softphone:
    password = hotline.agents[number]
    return Softphone(hotline.devices[number], secure_server(hotline), password=password, tls=True, **options)


async def talk(hotline: RunningHotline, caller: Softphone, agent: Softphone, number: str) -> None:
    """Four seconds; both sides in the recording, and the agent's audio was SRTP."""
    await agent.expect("answered", within=30)
    await asyncio.sleep(4)
    assert encrypted_audio(agent)
    caller.send("hangup")
    await agent.expect("ended")
    record = await record_of(hotline, number)
    assert (record["outcome"], record["agent"]) == ("answered", "1001")
    assert_talk_is_heard(await audio_of(hotline, record), record)


def encrypted_audio(phone: Softphone) -> bool:
    """Whether there was audio, and none in plain."""
    return {event["srtp"] for event in phone.events if event["event"] == "audio"} == {True}


def heard_by_phone(path: Path) -> list[int]:
    with wave.open(str(path)) as file:
        return list(unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes())))


async def test_phone_by_tls_hears_and_is_heard(phones_only: RunningHotline, tmp_path: Path) -> None:
    number = new_caller()
    async with secure_phone(phones_only, "1001", record=tmp_path) as agent:
        agent.send("auto 0.2")
        async with dial("12333", phones_only.sip_server, caller=number) as caller:
            await talk(phones_only, caller, agent, number)
    samples = heard_by_phone(tmp_path / "1.wav")
    middle = len(samples) // 2
    assert has_tone(samples[middle : middle + 8000], CALLER_HERTZ)


async def test_certificate_is_the_homes_own(phones_only: RunningHotline) -> None:
    """A phone that trusts this certificate and no other finds it right, by TLS 1.2."""
    trusted = ssl.create_default_context(cafile=str(phones_only.settings.secrets_dir / "tls" / "certificate.pem"))
    _, writer = await asyncio.open_connection("127.0.0.1", phones_only.settings.sip_tls_port, ssl=trusted)
    assert writer.get_extra_info("ssl_object").version() == "TLSv1.2"
    writer.close()
    key = phones_only.settings.secrets_dir / "tls" / "key.pem"
    assert key.stat().st_mode & 0o077 == 0


async def test_plain_audio_is_refused(phones_only: RunningHotline) -> None:
    """Right name, right password, but no encryption of what is said."""
    async with phones_only.phone("1002") as plain:
        plain.dial("1001")
        assert (await plain.expect("ended"))["code"] == 488


async def test_trunk_by_tls_brings_callers(throughout: RunningHotline) -> None:
    number = new_caller()
    async with secure_phone(throughout, "1001") as agent:
        agent.send("auto 0.2")
        async with dial("12333", secure_server(throughout), caller=number, tls=True) as caller:
            await talk(throughout, caller, agent, number)
            assert encrypted_audio(caller)


async def test_trunk_by_tls_takes_calls(throughout: RunningHotline, certificates: dict[str, Path]) -> None:
    async with provider(throughout, certificates["provider"]) as citizen, secure_phone(throughout, "1001") as agent:
        citizen.send("auto 0.2")
        agent.dial(CITIZEN)
        await agent.expect("answered", within=20)
        await asyncio.sleep(6)
        assert encrypted_audio(citizen) and encrypted_audio(agent)
        agent.send("hangup")
        await citizen.expect("ended")
    found = await calls_found(throughout, 1, direction="outbound")
    assert [(item["did"], item["outcome"], item["agent"]) for item in found] == [(CITIZEN, "answered", "1001")]


async def test_somebody_in_the_providers_place_gets_no_call(
    throughout: RunningHotline, certificates: dict[str, Path]
) -> None:
    """His certificate is of no authority that we know: what agents say does not go there."""
    async with provider(throughout, certificates["stranger"]) as stranger, secure_phone(throughout, "1001") as agent:
        stranger.send("auto 0.2")
        agent.dial(CITIZEN)
        assert (await agent.expect("ended", within=40))["code"] == 503
        assert not [event for event in stranger.events if event["event"] == "incoming"]


async def test_nothing_listens_in_plain(throughout: RunningHotline) -> None:
    """With the trunk by TLS, too, there is no UDP port: the address is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", throughout.settings.sip_port))
