"""What our programs that telephone by pjsua2 have in common: the endpoint, the tone they say, how they report.

pjsua2 is a GPL library: tests and demo only. One endpoint a process, and `os._exit` at the end, because its destructors
must run in an order that Python doesn't know.
"""

import json
import math
import os
import struct
import tempfile
import time
import wave
from pathlib import Path
from typing import Any

import pjsua2 as pj

TONE_LEVEL = 8000
"""Peak of the tone, out of 32767."""
RATE = 8000


def report(event: str, **facts: Any) -> None:
    """One event on stdout, as a line of JSON."""
    print(json.dumps({"event": event, "at": time.time(), **facts}, ensure_ascii=False), flush=True)


def tone_file(hertz: float, *, on: float = 1.0, off: float = 0.0) -> Path:
    """`on` seconds of a sine, then `off` seconds of nothing, to be played over and over; a whole number of waves loops
    without a click."""
    handle, name = tempfile.mkstemp(suffix=".wav", prefix=f"tone-{hertz:g}-")
    os.close(handle)
    samples = [int(TONE_LEVEL * math.sin(2 * math.pi * hertz * i / RATE)) for i in range(int(RATE * on))]
    with wave.open(name, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(struct.pack("<h", s) for s in [*samples, *([0] * int(RATE * off))]))
    return Path(name)


def quiet_endpoint(calls: int) -> Any:
    """An endpoint for so many calls without sound device, not started; everything runs in the main thread."""
    events, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # pjlib prints its first lines whatever the log level
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.medConfig.sndClockRate = config.medConfig.clockRate = RATE
    config.medConfig.noVad = True
    config.medConfig.ecTailLen = 0
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = calls
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    os.dup2(events, 1)
    return endpoint


def account_config(uri: str, user: str, password: str, registrar: str) -> Any:
    """An account that registers when it has a password, and names itself as it is told to."""
    config = pj.AccountConfig()
    config.idUri = uri
    config.regConfig.registrarUri = registrar if password else ""
    config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", user, 0, password))
    config.natConfig.sipOutboundUse = 0
    config.natConfig.contactRewriteUse = config.natConfig.viaRewriteUse = 0
    return config


def status(code: int) -> Any:
    """An answer of that SIP status."""
    how = pj.CallOpParam()
    how.statusCode = code
    return how
