"""A client of one bucket that does what it is told here, and not what the environment says."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from obstore.store import S3Store

CONNECT_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place in an S3 store and the key to it."""

    name: str
    prefix: str
    endpoint: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


def client(bucket: Bucket, seconds: float) -> S3Store:
    """An obstore client whose requests last `seconds` at most, tried twice at most.

    All is said that AWS_* variables could say otherwise: obstore reads them even for what is given (0.12: another
    endpoint, no signature, a session token). Credentials by a function, as `S3Store.config` shows given ones.
    """

    def credentials() -> Any:
        pair = {"access_key_id": bucket.access_key_id, "secret_access_key": bucket.secret_access_key}
        return {**pair, "token": None, "expires_at": None}

    return S3Store(
        bucket.name,
        prefix=bucket.prefix or None,
        endpoint=bucket.endpoint,
        aws_endpoint_url_s3=bucket.endpoint,
        region=bucket.region,
        virtual_hosted_style_request=False,
        skip_signature=False,
        unsigned_payload=False,  # each part is sent with its SHA-256, and the store refuses another
        disable_bulk_delete=True,  # the one-by-one way is known to every store
        credential_provider=credentials,
        client_options={
            "allow_http": bucket.endpoint.startswith("http://"),
            "allow_invalid_certificates": False,
            "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
            "timeout": timedelta(seconds=seconds),
        },
        retry_config={
            "max_retries": 1,
            "retry_timeout": timedelta(seconds=CONNECT_SECONDS),
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2},
        },
    )
