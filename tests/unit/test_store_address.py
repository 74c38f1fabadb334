"""Addresses of stores: what is taken, what is refused, and that a secret is never shown."""

from pathlib import Path

import pytest

from callcenter.errors import InvalidInput
from callcenter.recordings.store import StoreAddress, open_store

KEYS = {"access_key_id": "id", "secret_access_key": "hush-4711"}


@pytest.mark.parametrize(
    ("url", "path"),
    [("/srv/rec", "/srv/rec"), ("rec", "rec"), ("file:///srv/a%20b", "/srv/a b"), ("file://localhost/srv", "/srv")],
)
def test_folder(url: str, path: str) -> None:
    address = StoreAddress(url)
    assert address.folder == Path(path)
    assert open_store(address).name == "local"


@pytest.mark.parametrize("url", ["", "file://", "file:///", "file://other/srv", "gs://bucket", "https://host/bucket"])
def test_no_address(url: str) -> None:
    with pytest.raises(InvalidInput, match="is neither a folder nor a bucket"):
        StoreAddress(url)


@pytest.mark.parametrize(
    ("url", "prefix", "name"),
    [
        ("s3://calls", "", "s3://calls"),
        ("s3://calls/", "", "s3://calls"),
        ("s3://calls/a/b.c/", "a/b.c", "s3://calls/a/b.c"),
    ],
)
def test_bucket(url: str, prefix: str, name: str) -> None:
    address = StoreAddress(url, "https://s3.example", **KEYS)
    assert (address.bucket.name, address.bucket.prefix) == ("calls", prefix)
    assert open_store(address).name == name


@pytest.mark.parametrize(
    "url", ["s3://", "s3://A", "s3://calls/../x", "s3://calls//x", "s3://calls?x=1", "s3://id:hush-4711@calls/x"]
)
def test_no_bucket(url: str) -> None:
    with pytest.raises(InvalidInput, match="is no bucket") as fault:
        StoreAddress(url, "https://s3.example", **KEYS)
    assert "hush" not in str(fault.value)


def test_secret_is_not_shown() -> None:
    address = StoreAddress("s3://calls", "https://s3.example", **KEYS)
    store = open_store(address)
    assert "hush" not in f"{address!r} {address} {address.bucket!r} {store!r} {vars(store)}"


def test_credentials_are_needed() -> None:
    with pytest.raises(InvalidInput, match="credentials"):
        StoreAddress("s3://calls", "https://s3.example", access_key_id="id")


def test_amazon_by_region() -> None:
    assert (
        StoreAddress("s3://calls", region="eu-west-1", **KEYS).bucket.endpoint == "https://s3.eu-west-1.amazonaws.com"
    )


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"])
def test_open_line_to_itself(endpoint: str) -> None:
    assert StoreAddress("s3://calls", endpoint, **KEYS).bucket.endpoint == endpoint


@pytest.mark.parametrize("endpoint", ["http://10.0.0.1:9000", "http://s3.example", "http://127.0.0.1.example"])
def test_open_line_to_others(endpoint: str) -> None:
    with pytest.raises(InvalidInput, match="is not encrypted"):
        StoreAddress("s3://calls", endpoint, **KEYS)
    assert StoreAddress("s3://calls", endpoint, allow_plain_http=True, **KEYS).bucket.endpoint == endpoint


@pytest.mark.parametrize("endpoint", ["s3.example", "ftp://s3.example", "https://", "https://id:hush-4711@s3.example"])
def test_no_endpoint(endpoint: str) -> None:
    with pytest.raises(InvalidInput, match="is no server's address") as fault:
        StoreAddress("s3://calls", endpoint, **KEYS)
    assert "hush" not in str(fault.value)
