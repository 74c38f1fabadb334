"""What S3 stores say, sorted into: try again, a person must act, it is not there."""

import pytest
from obstore.exceptions import GenericError, InvalidPathError, PermissionDeniedError

from callcenter.errors import RecordingMissing, StoreRefused, StoreUnavailable
from callcenter.recordings.store_faults import BeyondEnd, bucket_fault


def answer(status: int, code: str = "") -> str:
    body = f"<Error><Code>{code}</Code><Message>Words.</Message></Error>" if code else ""
    return f"Generic S3 error: PUT http://s3/b/k in 1ms - Server returned non-2xx status code: {status} X: {body}"


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (TimeoutError(), StoreUnavailable, "no answer in time"),
        (GenericError(answer(503, "SlowDown")), StoreUnavailable, "SlowDown: Words."),
        (GenericError(answer(500)), StoreUnavailable, "500"),
        (GenericError(answer(429)), StoreUnavailable, "429"),
        (GenericError(answer(409, "OperationAborted")), StoreUnavailable, "OperationAborted"),
        (GenericError(answer(400, "RequestTimeout")), StoreUnavailable, "RequestTimeout"),
        (FileNotFoundError(answer(404, "NoSuchUpload")), StoreUnavailable, "NoSuchUpload"),
        (
            GenericError('HTTP error\n\nDebug source:\n store: "S3", "dns error", error: "unknown name"'),
            StoreUnavailable,
            "dns error: unknown name",
        ),
        (
            GenericError("HTTP error\n\nDebug source:\n kind: Connect, kind: TimedOut"),
            StoreUnavailable,
            "Connect: TimedOut",
        ),
        (GenericError(""), StoreUnavailable, "no words"),
        (PermissionDeniedError(answer(403, "RequestTimeTooSkewed")), StoreRefused, "set this machine's clock"),
        (PermissionDeniedError(answer(403)), StoreRefused, "credentials"),
        (GenericError(answer(403, "AccessDenied")), StoreRefused, "let this access key"),
        (GenericError(answer(301, "PermanentRedirect")), StoreRefused, "region"),
        (FileNotFoundError(answer(404, "NoSuchBucket")), StoreRefused, "create the bucket"),
        (InvalidPathError("odd name"), StoreRefused, "odd name"),
        (FileNotFoundError(answer(404, "NoSuchKey")), RecordingMissing, "no such file"),
        (FileNotFoundError(answer(404)), RecordingMissing, "no such file"),
        (GenericError(answer(416, "InvalidRange")), BeyondEnd, ""),
    ],
)
def test_sorted(error: Exception, kind: type[Exception], words: str) -> None:
    fault = bucket_fault(error, "s3://b", "k")
    assert type(fault) is kind
    assert words in str(fault)
