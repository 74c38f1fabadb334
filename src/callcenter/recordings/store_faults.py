"""What an S3 store and the way to it can say, as errors of ours.

obstore (object_store) has a class for few of them: the rest is a `GenericError` whose text holds status and answer, and
a missing bucket looks like a missing object. Texts hold addresses and keys, never the secret: it is not sent.
"""

import re

from obstore.exceptions import InvalidPathError, PermissionDeniedError, UnauthenticatedError

from callcenter.errors import RecordingMissing, StoreRefused, StoreUnavailable

STATUS = re.compile(r"status code: (\d{3})")
ANSWER = re.compile(r"<Code>([^<]*)</Code>(?:\s*<Message>([^<]*)</Message>)?")
WORDS = re.compile(r'"(?!S3")([^"\n]{4,})"')
KIND = re.compile(r"kind: (\w+)")
PASSING = {"408", "409", "425", "429"}
"""Answers 4xx that are about this moment, by their status …"""
PASSING_CODES = {"NoSuchUpload", "RequestTimeout"}
"""… and by their code: an upload that a restarted store forgot, a connection it grew tired of."""

MENDS = {
    "NoSuchBucket": "create the bucket or correct its name",
    "SignatureDoesNotMatch": "correct the secret access key (and the region)",
    "InvalidAccessKeyId": "correct the access key id",
    "AccessDenied": "let this access key list, read, write and delete in this bucket; see also the bucket's name",
    "RequestTimeTooSkewed": "set this machine's clock",
    "AuthorizationHeaderMalformed": "correct the region",
}
CORRECT = "correct address, region and credentials of the store"
AGAIN = "see that the store runs and can be reached, then try again"


class BeyondEnd(Exception):
    """The file is shorter than the place it was asked for."""


def bucket_fault(error: Exception, store: str, key: str) -> Exception:
    """The error of ours to raise instead of `error`."""
    if isinstance(error, TimeoutError):
        return StoreUnavailable(part=store, why="no answer in time", mend=AGAIN)
    text = str(error)
    code, said = _answer(text)
    if isinstance(error, FileNotFoundError) and code in {"", "NoSuchKey"}:
        return RecordingMissing(key=key, why="the store has no such file")
    if isinstance(error, InvalidPathError):
        return StoreRefused(part=store, why=_first_line(text), mend="remove that object: no recording is named so")
    status = _status(text)
    if status == "416":
        return BeyondEnd()
    if isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or _is_final(status, code):
        return StoreRefused(part=store, why=said or _first_line(text), mend=MENDS.get(code, CORRECT))
    return StoreUnavailable(part=store, why=said or _cause(text), mend=AGAIN)


def _answer(text: str) -> tuple[str, str]:
    """Code of the store's answer, and code with message; empty without one."""
    match = ANSWER.search(text)
    return (match[1], f"{match[1]}: {match[2] or ''}".rstrip(": ")[:300]) if match else ("", "")


def _status(text: str) -> str:
    match = STATUS.search(text)
    return match[1] if match else ""


def _is_final(status: str, code: str) -> bool:
    return status[:1] in {"3", "4"} and status not in PASSING and code not in PASSING_CODES


def _cause(text: str) -> str:
    """The system's words deep in the text: its first line does not tell a refused connection from an unknown name."""
    _, _, depth = text.partition("Debug source:")
    words = WORDS.findall(depth) or KIND.findall(depth)
    return ": ".join(dict.fromkeys(words))[:300] or _first_line(text)


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or ["no words"])[0][:250]
