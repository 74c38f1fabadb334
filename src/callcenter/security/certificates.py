"""Certificates of SIP over TLS: made, read, checked. No settings here, no place of its own."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID_FOR = timedelta(days=365)
WARN_BEFORE = timedelta(days=30)
"""A certificate's end is told so long beforehand; a self-made one is renewed then."""
CLOCKS_DIFFER = timedelta(hours=1)
"""A phone whose clock is slow must not find the certificate not yet valid."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its private key, both PEM."""

    certificate: bytes
    key: bytes


def make_self_signed(name: str, addresses: tuple[str, ...], moment: datetime) -> Pair:
    """A key (P-256) and a certificate that it signs itself, for a year; `addresses` are what phones connect to."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(moment - CLOCKS_DIFFER)
        .not_valid_after(moment + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([_name(a) for a in addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM), _pem(key))


def _name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def read_pair(folder: Path) -> Pair:
    """What lies in a folder. Raises `OSError`."""
    return Pair((folder / "certificate.pem").read_bytes(), (folder / "key.pem").read_bytes())


def fault_of(pair: Pair, moment: datetime) -> str:
    """Why Asterisk can't use this pair; empty when it can."""
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate)
        key = serialization.load_pem_private_key(pair.key, password=None)
    except (ValueError, TypeError) as error:
        return f"not PEM without a password: {error}".splitlines()[0][:200]
    if key.public_key() != certificate.public_key():
        return "the key is not the certificate's"
    if not certificate.not_valid_before_utc <= moment < certificate.not_valid_after_utc:
        return f"the certificate ended, or begins later: until {certificate.not_valid_after_utc:%Y-%m-%d}"
    return ""


def ends_at(certificate: Path) -> datetime | None:
    """When the certificate in a file ends; None without one that can be read."""
    try:
        return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return None
