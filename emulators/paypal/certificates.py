"""The emulator's certificate authority, and the certificates that sign webhook deliveries."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SIGNER = "messageverificationcerts.sandbox.paypal.com"
KINDS = ("good", "expired", "self_signed", "foreign_name", "no_intermediate", "other_ca")
"""Signing certificates to choose from: a valid one, and those a receiver must refuse."""
type CaKey = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Signer:
    """A signing certificate: `id` as in `/v1/notifications/certs/{id}`, the PEM served there, its RSA key."""

    id: str
    pem: bytes
    key: rsa.RSAPrivateKey

    def sign(self, text: bytes) -> bytes:
        """RSA PKCS1v15 with SHA-256, the scheme PayPal names SHA256withRSA."""
        return self.key.sign(text, padding.PKCS1v15(), hashes.SHA256())


class Authority:
    """Root and intermediate, new in each run; signing certificates are made on first use."""

    def __init__(self) -> None:
        self._root, self._root_key = _authority("Emulated PayPal Root CA")
        self._middle, self._middle_key = _authority("Emulated PayPal Issuing CA", self._root, self._root_key)
        self._signers: dict[str, Signer] = {}

    @property
    def root_pem(self) -> bytes:
        """The root certificate that receivers must trust."""
        return _pem(self._root)

    def signer(self, kind: str = "good") -> Signer:
        """The signing certificate of one of KINDS."""
        if kind not in self._signers:
            self._signers[kind] = self._made(kind)
        return self._signers[kind]

    def by_id(self, id: str) -> Signer | None:
        """The signing certificate served under an id."""
        return next((signer for signer in self._signers.values() if signer.id == id), None)

    @cached_property
    def _foreign(self) -> tuple[x509.Certificate, CaKey]:
        return _authority("Another CA")

    def _made(self, kind: str) -> Signer:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = "certs.shop.example" if kind == "foreign_name" else SIGNER
        days = (-400, -2) if kind == "expired" else (-1, 365)
        if kind == "self_signed":
            leaf = _leaf(name, key, None, None, days)
            chain = [leaf]
        elif kind == "other_ca":
            leaf = _leaf(name, key, *self._foreign, days)
            chain = [leaf, self._foreign[0]]
        else:
            leaf = _leaf(name, key, self._middle, self._middle_key, days)
            chain = [leaf] if kind == "no_intermediate" else [leaf, self._middle]
        pem = b"".join(map(_pem, chain))
        digest = hashlib.sha256(pem).hexdigest()
        return Signer(f"CERT-{digest[:8]}-{digest[8:16]}-{digest[16:24]}", pem, key)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _name(common: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Emulated PayPal, Inc.")
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _authority(
    common: str, issuer: x509.Certificate | None = None, issuer_key: CaKey | None = None
) -> tuple[x509.Certificate, CaKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    builder = (
        _builder(common, issuer, key.public_key(), issuer_key or key, (-2, 3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
    )
    return builder.sign(issuer_key or key, hashes.SHA256()), key


def _leaf(
    common: str,
    key: rsa.RSAPrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: CaKey | None,
    days: tuple[int, int],
) -> x509.Certificate:
    usage = x509.KeyUsage(True, False, True, False, False, False, False, False, False)
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = (
        _builder(common, issuer, key.public_key(), issuer_key or key, days)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(common)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(purposes, critical=False)
    )
    return builder.sign(issuer_key or key, hashes.SHA256())


def _builder(
    common: str,
    issuer: x509.Certificate | None,
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    signing: CaKey | rsa.RSAPrivateKey,
    days: tuple[int, int],
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common))
        .issuer_name(issuer.subject if issuer else _name(common))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
