"""Many phones as one program: JSON commands on stdin, one JSON event a line on stdout (`phonebank.py` drives it).

A process costs half a second of processor time to start, and the corpus has dozens of phones: so a lane's phones share
an endpoint. A line is an account: an agent's phone, which registers, or a way in from the trunk, whose calls may each
name another caller. Commands: `line` opens one; `dial answer reject hangup hold resume reinvite transfer complete
digits play` act on a call, `auto manual ringing register` on a line, `codec` and `reset` on all; `quit`.
"""

import faulthandler
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pjsua2 as pj

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.acceptance.pjsua import account_config, quiet_endpoint, report, status, tone_file

Command = dict[str, Any]
CODECS = {"alaw": "PCMA", "ulaw": "PCMU", "g722": "G722"}
PORTS_A_PROCESS = 60
CALLS = 64
"""Of all lines at most"""


class Bank:
    """The endpoint with its lines; everything runs in the main thread."""

    def __init__(self, port: int) -> None:
        self.endpoint = quiet_endpoint(CALLS)
        self.transports = {
            "127.0.0.1": self._listen("127.0.0.1", 0),
            "127.0.0.9": self._listen("127.0.0.9", port),
        }
        self.endpoint.libStart()
        self.prefer()
        self.lines: dict[str, Line] = {}
        self.players: dict[tuple[float, float, float], Any] = {}
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.running = True

    def _listen(self, address: str, port: int) -> int:
        config = pj.TransportConfig()
        config.boundAddress, config.port = address, port
        return int(self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, config))

    def prefer(self, name: str = "") -> None:
        """Offer and take this codec alone; by default A-law, then μ-law."""
        for codec in self.endpoint.codecEnum2():
            first = codec.codecId.startswith(CODECS[name or "alaw"])
            second = not name and codec.codecId.startswith(CODECS["ulaw"])
            self.endpoint.codecSetPriority(codec.codecId, 250 if first else 200 if second else 0)

    def player(self, hertz: float, *, on: float = 1.0, off: float = 0.0) -> Any:
        """Plays this tone to whoever listens; kept to the end: pjlib crashed when players went with their calls."""
        if (hertz, on, off) not in self.players:
            path = tone_file(hertz, on=on, off=off)
            self.players[hertz, on, off] = pj.AudioMediaPlayer()
            self.players[hertz, on, off].createPlayer(str(path))
            path.unlink()  # it is open
        return self.players[hertz, on, off]

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.timers.append((time.monotonic() + seconds, action))

    def run(self) -> None:
        report("started")
        waiting = b""
        while self.running:
            self.endpoint.libHandleEvents(10)
            self._run_timers()
            if select.select([0], [], [], 0)[0]:
                received = os.read(0, 65536)
                self.running = self.running and bool(received)
                *whole, waiting = (waiting + received).split(b"\n")
                for line in whole:
                    self._obey(json.loads(line))

    def _run_timers(self) -> None:
        due = [timer for timer in self.timers if timer[0] <= time.monotonic()]
        self.timers = [timer for timer in self.timers if timer not in due]
        for _, action in due:
            action()

    def _obey(self, command: Command) -> None:
        try:
            getattr(self, f"do_{command['do']}", self._for_line)(command)
        except (pj.Error, LookupError) as error:
            why = error.info() if isinstance(error, pj.Error) else str(error)
            report("refused", line=command.get("line"), call=command.get("call"), command=command, why=why)

    def _for_line(self, command: Command) -> None:
        line = self.lines[command["line"]]
        getattr(line, f"do_{command['do']}", line.for_call)(command)

    def do_line(self, command: Command) -> None:
        self.lines[command["line"]] = Line(self, command)

    def do_codec(self, command: Command) -> None:
        self.prefer(command["name"])

    def do_reset(self, command: Command) -> None:
        """Hang up whatever is left, register whoever is not; the last story is over."""
        self.prefer()
        for line in self.lines.values():
            line.answer_after = None
            line.reset()
        self._handle_until(lambda: all(line.idle() for line in self.lines.values()), 5)
        report("reset")

    def do_register_all(self, command: Command) -> None:
        """A registration ends by the registrar's clock, which may have been moved."""
        for line in self.lines.values():
            if line.password:
                line.registered, line.asked_at = False, 0.0
        self._handle_until(lambda: all(line.present() for line in self.lines.values()), 5)
        report("registered all")

    def do_quit(self, command: Command) -> None:
        self.running = False

    def close(self) -> None:
        for line in self.lines.values():
            line.close()
        self._handle_until(lambda: not any(line.living() or line.registered for line in self.lines.values()), 1)

    def _handle_until(self, done: Callable[[], bool], seconds: float) -> None:
        limit = time.monotonic() + seconds
        while not done() and time.monotonic() < limit:
            self.endpoint.libHandleEvents(10)


class Line(pj.Account):  # type: ignore[misc]
    """One account: an agent's phone, or the trunk's side."""

    def __init__(self, bank: Bank, command: Command) -> None:
        super().__init__()
        self.bank, self.name, self.server = bank, command["line"], command["server"]
        self.calls: dict[str, Call] = {}
        self.registered, self.password = False, command.get("password", "")
        self.answer_after: float | None = None
        self.answers_with = 180
        self.asked_at = time.monotonic()
        self.player = bank.player(command.get("tone", 880))
        self.create(self._config(command))
        if not self.password:
            report("registered", line=self.name)

    def _config(self, command: Command) -> Any:
        bind = command.get("bind", "127.0.0.1")
        uri = f"<sip:{command['user']}@{self.server.partition(':')[0]}>"
        config = account_config(uri, command["user"], self.password, f"sip:{self.server}")
        config.regConfig.timeoutSec = 600
        config.sipConfig.transportId = self.bank.transports[bind]
        config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_DISABLED
        config.mediaConfig.transportConfig.boundAddress = bind
        config.mediaConfig.transportConfig.port = 22000 + os.getpid() % 650 * PORTS_A_PROCESS
        return config

    def living(self) -> list["Call"]:
        return [call for call in self.calls.values() if not call.ended]

    def onRegState(self, prm: Any) -> None:
        self.registered = prm.code == 200 and prm.expiration > 0
        report("registered" if self.registered else "not registered", line=self.name, code=prm.code)

    def onIncomingCall(self, prm: Any) -> None:
        call = Call(self, f"{self.name}:{len(self.calls) + 1}", prm.callId)
        info = call.getInfo()
        report("incoming", line=self.name, call=call.label, remote=info.remoteUri, to=info.localUri)
        if self.answers_with:
            call.answer(status(self.answers_with))
        call.answer_in_time()

    def do_dial(self, command: Command) -> None:
        """`to` is dialled by `caller` (From: its user), `name` and further `headers`."""
        call = Call(self, command["call"])
        how = pj.CallOpParam(True)
        if caller := command.get("from"):
            how.txOption.localUri = caller
        for name, value in command.get("headers", {}).items():
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            how.txOption.headers.append(header)
        report("dialling", line=self.name, call=call.label)
        call.makeCall(f"sip:{command['to']}@{self.server}", how)

    def do_auto(self, command: Command) -> None:
        self.answer_after = float(command["after"])
        for call in self.living():
            call.answer_in_time()

    def do_manual(self, command: Command) -> None:
        self.answer_after = None

    def do_ringing(self, command: Command) -> None:
        """What it says first to a call: 180, 183 with early media, 0 for nothing."""
        self.answers_with = int(command["code"])

    def do_register(self, command: Command) -> None:
        self.setRegistration(bool(command["on"]))

    def for_call(self, command: Command) -> None:
        call = self.calls[command["call"]]
        if call.ended:
            raise LookupError("that call has ended")
        getattr(call, f"do_{command['do']}")(command)

    def reset(self) -> None:
        self.answers_with = 180
        for call in self.living():
            call.hangup(pj.CallOpParam())

    def idle(self) -> bool:
        return self.present() and not self.living()

    def present(self) -> bool:
        """Registered, if it is to be. What is missing is asked for; a registration under way answers "busy"."""
        if self.password and not self.registered and time.monotonic() > self.asked_at + 0.3:
            self.asked_at = time.monotonic()
            with suppress(pj.Error):
                self.setRegistration(True)
        return self.registered or not self.password

    def close(self) -> None:
        for call in self.living():
            call.hangup(pj.CallOpParam())
        if self.registered and self.password:
            self.setRegistration(False)
        self.registered = False


class Call(pj.Call):  # type: ignore[misc]
    def __init__(self, line: Line, label: str, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(line, call_id)
        self.line, self.label = line, label
        self.incoming = call_id != pj.PJSUA_INVALID_ID
        self.player = line.player
        self.answered = self.ended = False
        line.calls[label] = self

    def tell(self, event: str, **facts: Any) -> None:
        report(event, line=self.line.name, call=self.label, **facts)

    # ---- what the library tells ---------------------------------------------------------------------------

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_EARLY:
            self.tell("ringing", code=info.lastStatusCode)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED and not self.answered:
            self.answered = True
            self.tell("answered")
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.ended = True
            self.tell("ended", code=info.lastStatusCode, reason=info.lastReason)

    def onCallMediaState(self, prm: Any) -> None:
        try:
            media = self.getAudioMedia(-1)
        except pj.Error:
            return  # on hold: there is no audio to connect
        self.player.startTransmit(media)
        self.tell("audio", codec=self.getStreamInfo(0).codecName)

    def onCallTransferStatus(self, prm: Any) -> None:
        self.tell("transferred", code=prm.statusCode, final=prm.finalNotify)
        if prm.finalNotify and prm.statusCode == 200:  # a phone hangs up when its transfer has gone well
            self.line.bank.later(0.1, self._hang_up_if_living)

    def _hang_up_if_living(self) -> None:
        if not self.ended:
            self.hangup(pj.CallOpParam())

    # ---- what commands ask for ----------------------------------------------------------------------------

    def answer_in_time(self) -> None:
        if self.incoming and self.line.answer_after is not None:
            self.line.bank.later(self.line.answer_after, self._answer_if_ringing)

    def _answer_if_ringing(self) -> None:
        if not self.ended and not self.answered:
            self.answer(status(200))

    def do_answer(self, command: Command) -> None:
        self.answer(status(200))

    def do_reject(self, command: Command) -> None:
        self.answer(status(int(command["code"])))

    def do_hangup(self, command: Command) -> None:
        self.hangup(pj.CallOpParam())

    def do_hold(self, command: Command) -> None:
        self.setHold(pj.CallOpParam(True))

    def do_resume(self, command: Command) -> None:
        how = pj.CallOpParam(True)
        how.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.reinvite(how)

    def do_reinvite(self, command: Command) -> None:
        self.reinvite(pj.CallOpParam(True))

    def do_transfer(self, command: Command) -> None:
        self.xfer(f"sip:{command['to']}@{self.line.server}", pj.CallOpParam(True))

    def do_complete(self, command: Command) -> None:
        """Join the party of the call `with` with that of this one (REFER with Replaces)."""
        self.xferReplaces(self.line.calls[command["with"]], pj.CallOpParam(True))

    def do_digits(self, command: Command) -> None:
        how = pj.CallSendDtmfParam()
        how.method = pj.PJSUA_DTMF_METHOD_SIP_INFO if command.get("info") else pj.PJSUA_DTMF_METHOD_RFC2833
        how.digits = command["digits"]
        self.sendDtmf(how)

    def do_play(self, command: Command) -> None:
        """Say another tone from now on: `hertz`, `on` and `off` seconds."""
        media = self.getAudioMedia(-1)
        self.player.stopTransmit(media)
        self.player = self.line.bank.player(command["hertz"], on=command.get("on", 1.0), off=command.get("off", 0.0))
        self.player.startTransmit(media)


def main() -> int:
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for our driver, who then says quit
    bank = Bank(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    try:
        bank.run()
        bank.close()
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    os._exit(main())
