"""The rendered configuration in a real Asterisk: it loads cleanly, lets in whom it should, and records transfers."""

import asyncio
import re
import socket

import pytest

from callcenter.journal.facts import parse_lines
from tests.acceptance.evidence import AGENT_HERTZ, RATE, audio_of, has_tone, new_caller, record_of
from tests.acceptance.hotline import RunningHotline
from tests.acceptance.phones import dial

LOADING = re.compile(r"(WARNING|ERROR)\[\d+\] (loader|config|config_options|pbx_config|res_sorcery_config|cel|logger)")

ODD_CALLERS = {
    "quote and backslash": rb'"a\"b\\c" <sip:13700000001@127.0.0.9>',
    "SQL": rb""""'; DROP TABLE calls;--" <sip:13700000002@127.0.0.9>""",
    "line end in the number": b"<sip:137%0d%0a00000003@127.0.0.9>",
    "journal line in the number": b"<sip:137%0a%7B%22eventtype%22:%22HANGUP%22%7D@127.0.0.9>",
    "invalid UTF-8": b'"\xff\xfe\xc3(" <sip:13700000005@127.0.0.9>',
    "control characters": b'"a\tb\x01\x7f" <sip:13700000006@127.0.0.9>',
    "emoji": '"王小明 🙂" <sip:13700000007@127.0.0.9>'.encode(),
    "long name": b'"' + b"x" * 50_000 + b'" <sip:13700000008@127.0.0.9>',
    "no number": b"<sip:127.0.0.9>",
}


def invite(hotline: RunningHotline, sender: bytes, *, address: str, port: int, number: str) -> bytes:
    """An INVITE written by hand: a SIP library would refuse to send what these hold."""
    tag = b"t%d" % port
    lines = (
        b"INVITE sip:%s@%s SIP/2.0" % (number.encode(), hotline.sip_server.encode()),
        b"Via: SIP/2.0/UDP %s:%d;branch=z9hG4bK%s;rport" % (address.encode(), port, tag),
        b"Max-Forwards: 70",
        b"From: %s;tag=%s" % (sender, tag),
        b"To: <sip:%s@127.0.0.1>" % number.encode(),
        b"Call-ID: %s" % tag,
        b"CSeq: 1 INVITE",
        b"Contact: <sip:x@%s:%d>" % (address.encode(), port),
        b"Content-Length: 0",
    )
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def final_answer(hotline: RunningHotline, sender: bytes, *, address: str, number: str = "99999") -> int:
    """The status code of a call placed by hand; it is not acknowledged, so Asterisk ends it by itself."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.setblocking(False)
        phone.bind((address, 0))
        port = phone.getsockname()[1]
        message = invite(hotline, sender, address=address, port=port, number=number)
        await loop.sock_sendto(phone, message, ("127.0.0.1", hotline.settings.sip_port))
        async with asyncio.timeout(10):
            while (code := int((await loop.sock_recv(phone, 65536)).split()[1])) < 200:
                pass
    return code


def tone_seconds(samples: list[int], hertz: int) -> float:
    """For how long a tone is heard, to 50 ms."""
    size = RATE // 20
    blocks = (samples[at : at + size] for at in range(0, len(samples) - size + 1, size))
    return sum(has_tone(block, hertz) for block in blocks) * size / RATE


@pytest.fixture
async def opened(hotline: RunningHotline) -> RunningHotline:
    """Open, whatever day it is, and Asterisk knows it."""
    code, said = await hotline.command("schedule", "open", "--until", "+2h")
    assert code == 0, said
    async with asyncio.timeout(10):
        while "hotline open" not in (await hotline.api.get("/v1/health")).text:
            await asyncio.sleep(0.1)
    return hotline


async def test_configuration_loads_without_complaint(hotline: RunningHotline) -> None:
    log = (hotline.settings.asterisk_dir / "log" / "messages.log").read_text("utf-8", "replace")
    assert "modules will be loaded" in log
    assert [line for line in log.splitlines() if LOADING.search(line)] == []


async def test_stranger_reaches_no_dialplan(hotline: RunningHotline) -> None:
    """From an address that is neither the trunk's nor a registered agent's: asked for a password, no channel."""
    before = hotline.settings.cel_path.stat().st_size if hotline.settings.cel_path.exists() else 0
    for sender in (b"<sip:12345@127.0.0.1>", b"<sip:trunk@127.0.0.1>", b"<sip:1001@127.0.0.1>"):
        assert await final_answer(hotline, sender, address="127.0.0.7", number="12333") == 401
    assert (hotline.settings.cel_path.stat().st_size if hotline.settings.cel_path.exists() else 0) == before


@pytest.mark.parametrize("caller", ODD_CALLERS)
async def test_odd_caller_spoils_no_journal_line(hotline: RunningHotline, caller: str) -> None:
    path = hotline.settings.cel_path
    before = path.stat().st_size if path.exists() else 0
    assert await final_answer(hotline, ODD_CALLERS[caller], address="127.0.0.9") == 404
    async with asyncio.timeout(10):
        while not path.exists() or path.read_bytes()[before:].count(b"LINKEDID_END") < 2:
            await asyncio.sleep(0.05)  # the event's name stands twice in its line
    facts, rejects = parse_lines("cel", path.read_bytes()[before:], before)
    assert rejects == []
    assert {type(fact).__name__ for fact in facts} == {"CelFact"}


async def test_both_agents_are_heard_after_a_blind_transfer(opened: RunningHotline) -> None:
    number = new_caller()
    first, second = (opened.phone(n) for n in ("1001", "1002"))
    async with first, dial("12333", opened.sip_server, caller=number) as caller:
        first.send("auto 0.2")
        await first.expect("answered", within=30)
        async with second:
            second.send("auto 0.2")
            await asyncio.sleep(2)  # how long they talk
            first.transfer("1002")
            await second.expect("answered")
            await asyncio.sleep(3)  # how long they talk
            caller.send("hangup")
            await second.expect("ended")
    audio = await audio_of(opened, await record_of(opened, number))
    assert tone_seconds(audio.right, AGENT_HERTZ) == pytest.approx(5, abs=1)


async def test_second_agent_is_heard_after_an_attended_transfer(opened: RunningHotline) -> None:
    number = new_caller()
    first, second = (opened.phone(n) for n in ("1001", "1002"))
    async with first, dial("12333", opened.sip_server, caller=number) as caller:
        first.send("auto 0.2")
        await first.expect("answered", within=30)
        async with second:
            second.send("auto 0.2")
            first.consult("1002")
            await second.expect("answered")
            await asyncio.sleep(1)  # how long they consult
            first.send("complete")
            await first.expect("ended")
            await asyncio.sleep(3)  # how long they talk
            caller.send("hangup")
            await second.expect("ended")
    audio = await audio_of(opened, await record_of(opened, number))
    assert tone_seconds(audio.right, AGENT_HERTZ) == pytest.approx(3, abs=1)
