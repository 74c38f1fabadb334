"""Where sealed recordings are kept: a folder, or a bucket of any store that speaks S3. The address decides.

`open_store(StoreAddress("/srv/recordings"))` or `StoreAddress("s3://bucket/prefix", endpoint=..., ...)`.
"""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from callcenter.errors import InvalidInput
from callcenter.recordings.s3_client import Bucket
from callcenter.recordings.store_bucket import BucketStore
from callcenter.recordings.store_folder import FolderStore
from callcenter.recordings.store_interface import Store

__all__ = ["Store", "StoreAddress", "open_store"]

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
BUCKET = re.compile(
    r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)/?"
)


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """A folder (`/path`, `file:///path`) or a bucket (`s3://bucket/prefix`). Raises `InvalidInput`.

    The secret is in no `repr`, so in no log and no traceback.
    """

    url: str
    endpoint: str = ""
    """`https://host[:port]` of the S3 store; empty for Amazon's of the region."""
    region: str = "us-east-1"
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    allow_plain_http: bool = False
    """Recordings are sealed, but names, sizes and deletions would be open to whoever sits on the line."""

    def __post_init__(self) -> None:
        if self._is_bucket:
            self.bucket  # noqa: B018 - an address that can't be used never comes to be
        else:
            self.folder  # noqa: B018

    @property
    def _is_bucket(self) -> bool:
        return self.url.startswith("s3://")

    @property
    def folder(self) -> Path:
        """Of a local store. Raises `InvalidInput`."""
        scheme = SCHEME.match(self.url)
        if scheme is None and self.url:
            return Path(self.url)
        parts = urlsplit(self.url)
        if parts.scheme != "file" or parts.netloc not in {"", "localhost"} or len(parts.path) < 2:
            raise _bad("url", "is neither a folder nor a bucket", "use /path, file:///path or s3://bucket/prefix")
        return Path(unquote(parts.path))

    @property
    def bucket(self) -> Bucket:
        """Of an S3 store. Raises `InvalidInput`; it does not repeat the URL, where people put secrets by mistake."""
        match = BUCKET.fullmatch(self.url)
        if match is None:
            raise _bad("url", "is no bucket", "use s3://bucket/prefix and give the credentials apart from it")
        if not self.access_key_id or not self.secret_access_key:
            raise _bad("credentials", "are missing", "give both access key id and secret")
        endpoint = checked_endpoint(
            self.endpoint or f"https://s3.{self.region}.amazonaws.com", plain=self.allow_plain_http
        )
        prefix = match["prefix"].strip("/")
        return Bucket(match["bucket"], prefix, endpoint, self.region, self.access_key_id, self.secret_access_key)


def open_store(address: StoreAddress) -> Store:
    """The store at this address; whether it is there shows with the first call."""
    if address.url.startswith("s3://"):
        return BucketStore(address.bucket)
    return FolderStore(address.folder)


def checked_endpoint(endpoint: str, *, plain: bool) -> str:
    """Raises `InvalidInput` for what is no server's address, and for an open line to another machine."""
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query:
        raise _bad("endpoint", "is no server's address", "use https://host:port")
    if parts.scheme == "http" and not plain and not _is_loopback(parts.hostname):
        raise _bad("endpoint", "is not encrypted", "use https, or allow plain http in so many words")
    return endpoint.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bad(which: str, what: str, mend: str) -> InvalidInput:
    return InvalidInput(where=f"{which} of the store of recordings", what=what, mend=mend)
