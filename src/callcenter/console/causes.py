"""What a recording's life says of itself, in the reader's language.

Causes are stored in English, once: they are in the chain, and no translation may change what was hashed. What is not
known here (an error of the operating system, a file's name) is shown as it is.
"""

import re

from callcenter.catalogue.labels import Labels
from callcenter.console.phrases import Phrases, translated

KNOWN: Phrases = tuple(
    (key, re.compile(pattern))
    for key, pattern in (
        ("answered", r"the caller's channel was answered"),
        ("growing", r"both files hold audio"),
        ("closed", r"Asterisk closed both files"),
        ("last_audio", r"the last audio"),
        ("not_opened", r"Asterisk has not opened both files"),
        ("stalled", r"a file does not grow"),
        ("not_heard", r"no packet of audio has come from the caller"),
        ("caller_stopped", r"no audio came from the caller for (?P<seconds>\d+) s"),
        ("agent_stopped", r"no audio came from the agent for (?P<seconds>\d+) s"),
        ("caller_back", r"audio comes from the caller again"),
        ("agent_back", r"audio comes from the agent again"),
        ("caller_quiet", r"the caller was quiet up to the end, on hold or muted"),
        ("agent_quiet", r"the agent was quiet up to the end, on hold or muted"),
        ("by_phone", r"phone (?P<who>\d+)"),
        ("by_key", r"key (?P<who>.+)"),
        ("by_itself", r"nobody: its limit of (?P<seconds>\d+) s was over"),
        ("silent", r"no sound on either side"),
        ("caller_silent", r"nothing arrived from the caller"),
        ("agent_silent", r"the caller heard nothing while he talked with an agent"),
        ("caller_lost", r"nothing arrived from the caller any more in the last (?P<seconds>[\d.]+) s"),
        ("agent_lost", r"the caller heard nothing any more in the last (?P<seconds>[\d.]+) s of the talk"),
        ("altered", r"a file was changed (?P<seconds>\d+) s after the end of the call"),
        ("shorter", r"(?P<seconds>[\d.]+) s shorter than the call"),
        ("longer", r"(?P<seconds>[\d.]+) s longer than the call"),
        ("clipped", r"clipped"),
        ("not_closed", r"Asterisk had not closed the files"),
        ("beheaded", r"the begin of a file was lost: it could not be written"),
        ("no_audio", r"(?P<name>\S+): no WAVE header"),
        ("leg_missing", r"one of the two files was not there"),
        ("pause_heard", r"it holds sound of a time for which it was paused"),
        ("digits", r"keys were pressed audibly"),
        ("no_file", r"Asterisk wrote no file (?P<name>\S+)"),
        ("not_started", r"the dialplan did not start it"),
        ("at_once", r"hung up (?P<ms>\d+) ms after the answer, before it began"),
        ("lost", r"its files were lost while the call was up"),
        ("unwritable", r"nothing could be written while the call was up"),
        ("lost_after", r"its files held audio while the call was up, and are gone"),
        ("died", r"Asterisk died before it had written any audio"),
        ("local", r"local"),
        ("term_over", r"(?P<kind>\w+): (?P<days>\d+) days are over since (?P<on>[\d-]+)"),
        ("marked", r"an agent marked the call as a complaint"),
        ("replaced", r"replaced"),
        ("destroyed", r"(?P<kind>\w+): expired on (?P<on>[\d-]+)"),
    )
)


def in_words(cause: str | None, texts: Labels) -> str:
    """A cause, or several joined by semicolons, for a reader."""
    return texts("recording_causes.and").join(_one(each, texts) for each in (cause or "").split("; "))


def _one(cause: str, texts: Labels) -> str:
    return translated(cause, KNOWN, texts, "recording_causes") or cause
