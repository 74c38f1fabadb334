"""A softphone as a program: commands are lines on stdin, events are JSON lines on stdout.

It registers (or not: a caller from the trunk), plays one tone, and can record what it hears. Commands:
`dial URI`, `ring`, `answer`, `reject CODE`, `hangup`, `hold`, `resume`, `transfer URI`, `consult URI`, `complete`,
`digits 12#`, `conference` (this phone mixes its calls), `mute` (it sends digital silence), `speak`, `auto SECONDS`
(answer every call after so long), `manual`, `cut` (no packet of audio leaves it any more), `mend`, `quit`. A command
may name the call it means as its last word `#2`; else it is the newest living one.
"""

import argparse
import os
import re
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pjsua2 as pj

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.acceptance.pjsua import account_config, quiet_endpoint, report, status, tone_file

CALLS = 16
"""Of one phone at most"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A softphone for tests and the demo.")
    parser.add_argument("--user", required=True, help="SIP user; the caller's number on the trunk")
    parser.add_argument("--password", default="", help="registers when given")
    parser.add_argument("--server", required=True, help="address:port of Asterisk")
    parser.add_argument("--bind", default="127.0.0.1", help="own address; the trunk's for callers")
    parser.add_argument("--port", type=int, default=0, help="own SIP port, for a phone that is dialled by address")
    parser.add_argument("--tls", action="store_true", help="registers and calls by TLS, with SRTP or not at all")
    parser.add_argument("--certificate", type=Path, help="folder with certificate.pem and key.pem: takes calls by TLS")
    parser.add_argument("--tone", type=int, default=880, help="Hz of what this phone says; 0 says nothing")
    parser.add_argument("--name", default="", help="display name")
    parser.add_argument("--record", type=Path, help="folder for what each call heard, <call>.wav")
    parser.add_argument("--say", type=Path, help="WAV to say instead of the tone")
    parser.add_argument("--codec", default="PCM", help="PCMU: whose silence is digital zero; PCMA; PCM: both")
    return parser.parse_args()


class Phone:
    """The endpoint, its account and its calls; everything runs in the main thread."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.endpoint = _endpoint(options)
        self.sound = options.say or tone_file(options.tone)
        self.calls: list[Call] = []
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.answer_after: float | None = None
        self.running = True
        self.account = Account(self)
        self.account.create(_account_config(options))

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.timers.append((time.monotonic() + seconds, action))

    def living(self) -> list["Call"]:
        return [call for call in self.calls if not call.ended]

    def run(self) -> None:
        report("started", user=self.options.user)
        while self.running:
            self.endpoint.libHandleEvents(10)
            self._run_timers()
            if select.select([sys.stdin], [], [], 0)[0]:
                self._read_commands()

    def _run_timers(self) -> None:
        due = [timer for timer in self.timers if timer[0] <= time.monotonic()]
        self.timers = [timer for timer in self.timers if timer not in due]
        for _, action in due:
            action()

    def _read_commands(self) -> None:
        received = os.read(sys.stdin.fileno(), 65536)
        if not received:
            self.running = False
        for line in received.decode().splitlines():
            try:
                self.command(line.split())
            except (pj.Error, IndexError, LookupError) as error:
                report("refused", command=line, why=str(error))

    def command(self, words: list[str]) -> None:
        """Carry out one command. Raises `IndexError` when there is no call that it could mean."""
        verb, *rest = words
        if verb == "quit":
            self.running = False
        elif verb == "auto":
            self.answer_after = float(rest[0])
            for call in self.living():  # one may have come in before we read this
                call.answer_in_time()
        elif verb == "manual":
            self.answer_after = None
        elif verb == "cut":
            self.endpoint.audDevManager().setNoDev()  # nothing drives its audio any more
        elif verb == "mend":
            self.endpoint.audDevManager().setNullDev()
        elif verb == "dial":
            self.dial(rest[0])
        else:
            numbered = bool(rest) and re.fullmatch("#[0-9]+", rest[-1]) is not None
            call = self.calls[int(rest.pop()[1:]) - 1] if numbered else self.living()[-1]
            getattr(call, f"do_{verb}")(*rest)

    def dial(self, uri: str, parent: "Call | None" = None) -> None:
        call = Call(self, parent=parent)
        report("dialling", call=call.number, to=uri)
        call.makeCall(uri, pj.CallOpParam(True))

    def close(self) -> None:
        for call in self.living():
            call.do_hangup()
        self._handle_until(lambda: not self.living())
        if self.account.registered:
            self.account.setRegistration(False)
            self._handle_until(lambda: not self.account.registered)
        for call in self.calls:
            call.release()
        if not self.options.say:
            self.sound.unlink()
        report("stopped")

    def _handle_until(self, done: Callable[[], bool]) -> None:
        limit = time.monotonic() + 1.0
        while not done() and time.monotonic() < limit:
            self.endpoint.libHandleEvents(10)


class Account(pj.Account):  # type: ignore[misc]
    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self.phone = phone
        self.registered = False

    def onRegState(self, prm: Any) -> None:
        self.registered = prm.code == 200 and prm.expiration > 0
        report("registered" if self.registered else "not registered", code=prm.code)

    def onIncomingCall(self, prm: Any) -> None:
        call = Call(self.phone, prm.callId)
        info = call.getInfo()
        report("incoming", call=call.number, remote=info.remoteUri)
        call.do_ring()
        call.answer_in_time()


class Call(pj.Call):  # type: ignore[misc]
    def __init__(self, phone: Phone, call_id: int = pj.PJSUA_INVALID_ID, parent: "Call | None" = None) -> None:
        super().__init__(phone.account, call_id)
        self.phone = phone
        self.parent = parent
        self.incoming = call_id != pj.PJSUA_INVALID_ID
        self.player: Any = None
        self.recorder: Any = None
        self.answered = False
        self.ended = False
        phone.calls.append(self)
        self.number = len(phone.calls)

    # ---- what the library tells ---------------------------------------------------------------------------

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_EARLY:
            report("ringing", call=self.number)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.answered = True
            report("answered", call=self.number)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.ended = True
            self.release()
            report("ended", call=self.number, code=info.lastStatusCode, reason=info.lastReason)

    def onCallMediaState(self, prm: Any) -> None:
        try:
            media = self.getAudioMedia(-1)
        except pj.Error:
            return  # on hold: there is no audio to connect
        if self.player is None:
            self._open_sounds()
        self.player.startTransmit(media)
        if self.recorder is not None:
            media.startTransmit(self.recorder)
        report("audio", call=self.number, srtp=self.getStreamInfo(0).proto == pj.PJMEDIA_TP_PROTO_RTP_SAVP)

    def onCallTransferStatus(self, prm: Any) -> None:
        report("transferred", call=self.number, code=prm.statusCode, final=prm.finalNotify)

    def _open_sounds(self) -> None:
        self.player = pj.AudioMediaPlayer()
        self.player.createPlayer(str(self.phone.sound))
        if self.phone.options.record:
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(str(self.phone.options.record / f"{self.number}.wav"))

    def release(self) -> None:
        self.player = self.recorder = None

    # ---- what commands ask for ----------------------------------------------------------------------------

    def do_ring(self) -> None:
        self.answer(status(180))

    def do_answer(self) -> None:
        self.answer(status(200))

    def answer_in_time(self) -> None:
        if self.incoming and self.phone.answer_after is not None:
            self.phone.later(self.phone.answer_after, self.answer_if_ringing)

    def answer_if_ringing(self) -> None:
        if not self.ended and not self.answered:
            self.do_answer()

    def do_reject(self, code: str = "486") -> None:
        self.answer(status(int(code)))

    def do_hangup(self) -> None:
        self.hangup(pj.CallOpParam())

    def do_hold(self) -> None:
        self.setHold(pj.CallOpParam(True))

    def do_resume(self) -> None:
        how = pj.CallOpParam(True)
        how.opt.flag = pj.PJSUA_CALL_UNHOLD
        self.reinvite(how)

    def do_transfer(self, uri: str) -> None:
        self.xfer(uri, pj.CallOpParam(True))

    def do_consult(self, uri: str) -> None:
        """Put this call on hold and ring a colleague; `complete` then joins the two."""
        self.do_hold()
        self.phone.later(0.3, lambda: self.phone.dial(uri, parent=self))

    def do_complete(self) -> None:
        if self.parent is None:
            raise LookupError("this call is no consultation")
        self.parent.xferReplaces(self, pj.CallOpParam(True))

    def do_conference(self) -> None:
        """Join this call and the phone's other calls in the phone, as its own three-way key does."""
        others = [call for call in self.phone.living() if call is not self]
        mine = self.getAudioMedia(-1)
        for theirs in (call.getAudioMedia(-1) for call in others):
            mine.startTransmit(theirs)
            theirs.startTransmit(mine)
        report("conference", calls=[self.number, *(call.number for call in others)])

    def do_mute(self) -> None:
        self.player.stopTransmit(self.getAudioMedia(-1))

    def do_speak(self) -> None:
        self.player.startTransmit(self.getAudioMedia(-1))

    def do_digits(self, digits: str) -> None:
        self.dialDtmf(digits)


def _by(options: argparse.Namespace) -> str:
    return ";transport=tls" if options.tls else ""


def _account_config(options: argparse.Namespace) -> Any:
    host = options.server.partition(":")[0]
    shown = f'"{options.name}" ' if options.name else ""
    uri, registrar = f"{shown}<sip:{options.user}@{host}{_by(options)}>", f"sip:{options.server}{_by(options)}"
    config = account_config(uri, options.user, options.password, registrar)
    config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_MANDATORY if options.tls else pj.PJMEDIA_SRTP_DISABLED
    config.mediaConfig.srtpSecureSignaling = 0
    config.regConfig.timeoutSec = 300
    config.mediaConfig.transportConfig.boundAddress = options.bind
    config.mediaConfig.transportConfig.port = 20000 + os.getpid() % 1000 * 30
    if options.certificate:  # else its Contact names another loopback address than the one it listens on
        config.sipConfig.contactForced = f"<sip:{options.user}@{options.bind}:{options.port}{_by(options)}>"
    return config


def _endpoint(options: argparse.Namespace) -> Any:
    """Started, with the telephone's two codecs alone."""
    endpoint = quiet_endpoint(CALLS)
    transport = pj.TransportConfig()
    transport.boundAddress = options.bind
    transport.port = options.port
    if options.certificate:
        transport.tlsConfig.certFile = str(options.certificate / "certificate.pem")
        transport.tlsConfig.privKeyFile = str(options.certificate / "key.pem")
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_TLS if options.tls else pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    for codec in endpoint.codecEnum2():
        wanted = codec.codecId.startswith(options.codec)
        endpoint.codecSetPriority(codec.codecId, 200 if wanted else 0)
    return endpoint


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for our driver, who then says quit
    phone = Phone(arguments())
    try:
        phone.run()
        phone.close()
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    os._exit(main())
