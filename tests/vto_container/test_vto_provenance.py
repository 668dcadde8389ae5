"""A signed C2PA manifest where a key is configured, read back by the library's own reader; weights from storage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image

from shared import blobs, settings
from shared.engines import images
from shared.engines.provenance import xmp
from shared.errors import ConfigurationError
from shared.vto.protocol import SampleReport
from vto_container import provenance, weights

REPORT = SampleReport(
    changed_outside_mask=0, engine="compact", version="compact@1", seed=5, ms=1, notes=[], provenance=[]
)


def certificate(subject: str, key: Any, issuer: str, issuer_key: Any, *, authority: bool) -> x509.Certificate:
    def name(common: str) -> x509.Name:
        return x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, common), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tests")]
        )

    now = datetime.now(UTC)
    usage = x509.KeyUsage(not authority, False, False, False, False, authority, authority, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(authority, None), True)
        .add_extension(usage, True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
    return builder.sign(issuer_key, hashes.SHA256())


@pytest.fixture
def signer(tmp_path: Path, local: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A configured signer whose certificate authority is not trusted."""
    root, leaf = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    chain = [
        certificate("signer", leaf, "authority", root, authority=False),
        certificate("authority", root, "authority", root, authority=True),
    ]
    encoding = serialization.Encoding.PEM
    (tmp_path / "chain.pem").write_bytes(b"".join(one.public_bytes(encoding) for one in chain))
    (tmp_path / "key.pem").write_bytes(
        leaf.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    monkeypatch.setenv("VTO_TOKEN", "t" * 40)
    monkeypatch.setenv("VTO_C2PA_CERTIFICATES", str(tmp_path / "chain.pem"))
    monkeypatch.setenv("VTO_C2PA_KEY", str(tmp_path / "key.pem"))
    settings.forget()
    yield
    settings.forget()


def states(data: bytes) -> tuple[dict[str, Any], set[str]]:
    found = json.loads(c2pa.Reader("image/png", BytesIO(data)).json())
    return found["manifests"][found["active_manifest"]], {one["code"] for one in found.get("validation_status", [])}


def test_a_signed_image_states_its_origin_and_detects_a_change(signer: None) -> None:
    picture = np.random.default_rng(2).integers(0, 255, (80, 60, 3), np.uint8)
    plain = images.encode_png(picture, xmp(REPORT))
    data, carried = provenance.sign(plain, REPORT)
    assert carried == ["xmp", "c2pa"]
    with Image.open(BytesIO(data)) as image:
        assert (np.asarray(image) == picture).all()
        assert provenance.SOURCE_TYPE in image.info["XML:com.adobe.xmp"]
    manifest, wrong = states(data)
    # The only finding is that the tests' authority is not trusted.
    assert wrong == {"signingCredential.untrusted"}
    (action,) = manifest["assertions"][0]["data"]["actions"]
    assert action["digitalSourceType"] == provenance.SOURCE_TYPE
    assert action["softwareAgent"] == {"name": "compact", "version": "compact@1"}
    assert action["parameters"] == {"seed": "5"}

    place = data.index(b"IDAT") + 40
    forged = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
    assert "assertion.dataHash.mismatch" in states(forged)[1]


def test_an_engine_name_can_not_inject_xml_into_the_packet() -> None:
    packet = xmp(REPORT.model_copy(update={"engine": '"><evil/>', "version": "&"}))
    assert "<evil" not in packet


@pytest.fixture
def mounted(local: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "models"
    monkeypatch.setenv("VTO_TOKEN", "t" * 40)
    monkeypatch.setenv("MODELS_DIR", str(folder))
    monkeypatch.setenv("VTO_MODELS_FROM", f"models/{tmp_path.name}")
    settings.forget()
    yield folder
    settings.forget()


def test_weights_are_fetched_once_and_again_after_a_change(mounted: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there are no weights"):
        weights.fetch_weights()
    for name, data in (("a.onnx", b"1234"), ("sub/b.json", b"{}")):
        blobs.put("models", f"{tmp_path.name}/{name}", data, content_type="application/octet-stream")
    assert weights.fetch_weights() == 2
    assert (mounted / "a.onnx").read_bytes() == b"1234"
    assert (mounted / "sub/b.json").read_bytes() == b"{}"
    assert weights.fetch_weights() == 0
    blobs.put("models", f"{tmp_path.name}/a.onnx", b"12345", content_type="application/octet-stream")
    assert weights.fetch_weights() == 1
    assert (mounted / "a.onnx").read_bytes() == b"12345"
    assert sorted(path.name for path in mounted.rglob("*") if path.is_file()) == ["a.onnx", "b.json"]
