"""Where a delivery may go, and how it gets there and nowhere else."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from certificates import write_certificate
from receiver import receiver

from shared.errors import ConfigurationError, StudioError, UpstreamError
from shared.outbound import exchange, target
from shared.outbound.settings import fetch_settings
from shared.outbound.target import Purpose, Target
from shared.settings import forget
from shared.webhooks.settings import webhook_settings

NAME = "hooks.example.test"
WEBHOOK = Purpose("webhook")


@pytest.fixture(autouse=True)
def plain(local: dict[str, str]) -> None:
    """Settings as they are by default: nothing allowed but the public internet."""


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x", "https://localhost/x", "https://[::1]/x", "https://0.0.0.0/", "https://[::]/",
        "https://169.254.169.254/metadata/identity", "https://10.1.2.3/", "https://172.16.0.1/", "https://192.168.1.1/",
        "https://100.64.0.1/", "https://[fd00::1]/", "https://[fe80::1]/", "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:169.254.169.254]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:7f00:1::]/",
        "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/", "https://224.0.0.1/",
        "https://255.255.255.255/", "https://localhost./x", "https://127.0.0.1:8443/",
        "http://8.8.8.8/", "ftp://8.8.8.8/", "https://8.8.8.8:22/", "https://8.8.8.8:0/", "https://8.8.8.8:99999/",
        "https://user@8.8.8.8/", "https://user:secret@8.8.8.8/", "https://8.8.8.8@127.0.0.1/", "https://8.8.8.8/#x",
        "https://8.8.8.8/\r\nX: y", "https://8.8.8.8/ x", "https://8.8.8.8\\@127.0.0.1/", "https://ⓛocalhost/",
        "https:///x", "//8.8.8.8/", "8.8.8.8", "https://[::1", "javascript:alert(1)", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused(url: str) -> None:
    with pytest.raises(StudioError) as refused:
        target.resolve(url, WEBHOOK)
    assert refused.value.code == "webhook_url"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://8.8.8.8/a?b=c", Target("8.8.8.8", 443, "/a?b=c", ("8.8.8.8",))),
        ("https://8.8.8.8", Target("8.8.8.8", 443, "/", ("8.8.8.8",))),
        ("https://8.8.8.8:8443/", Target("8.8.8.8", 8443, "/", ("8.8.8.8",))),
        ("https://[2606:4700::1111]/", Target("2606:4700::1111", 443, "/", ("2606:4700::1111",))),
    ],
)
def test_a_public_address_is_taken(url: str, expected: Target) -> None:
    assert target.resolve(url, WEBHOOK) == expected


def test_a_name_without_an_address_may_have_one_later() -> None:
    with pytest.raises(UpstreamError) as unresolved:
        target.resolve("https://no-such-name.invalid/", WEBHOOK)
    assert unresolved.value.retryable


def test_the_allow_list_is_exact() -> None:
    purpose = Purpose("webhook", allow_hosts=("127.0.0.1:8080",))
    assert target.resolve("http://127.0.0.1:8080/", purpose).addresses == ("127.0.0.1",)
    for url in ("http://127.0.0.1:8081/", "https://127.0.0.1/", "http://localhost:8080/"):
        with pytest.raises(StudioError):
            target.resolve(url, purpose)


@pytest.mark.parametrize(
    ("name", "load"), [("WEBHOOK_ALLOW_HOSTS", webhook_settings), ("IMAGE_FETCH_ALLOW_HOSTS", fetch_settings)]
)
def test_production_has_no_allow_list(name: str, load: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("JWT_KEYS", '{"k1": "' + "x" * 48 + '"}')
    monkeypatch.setenv("Storage", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=Yg==")
    monkeypatch.setenv(name, '["127.0.0.1:*"]')
    forget()
    with pytest.raises(ConfigurationError, match=name):
        load()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for NAME, with its key, in one PEM file."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    write_certificate(path, NAME)
    return path


def served(certificate: Path, names: list[str | None]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    return context


def test_the_connection_goes_to_the_address_and_the_name_to_tls_and_host(certificate: Path) -> None:
    names: list[str | None] = []
    trusted = ssl.create_default_context(cafile=str(certificate))
    with receiver(served(certificate, names)) as customer:
        where = Target(NAME, customer.port, "/hook?a=1", ("127.0.0.1",))
        answered = exchange.post(where, b"{}", {"X-Mine": "1"}, timeout_s=5, context=trusted)
        assert answered.status == 204
        assert names == [NAME]
        (got,) = customer.got
        assert got.headers["host"] == f"{NAME}:{customer.port}"
        assert (got.path, got.body, got.headers["x-mine"]) == ("/hook?a=1", "{}", "1")


def test_a_certificate_of_another_name_or_an_untrusted_one_is_refused(certificate: Path) -> None:
    trusted = ssl.create_default_context(cafile=str(certificate))
    with receiver(served(certificate, [])) as customer:
        for name, context in (("other.example.test", trusted), (NAME, None)):
            with pytest.raises(UpstreamError, match="certificate"):
                exchange.post(Target(name, customer.port, "/", ("127.0.0.1",)), b"", {}, timeout_s=5, context=context)
        assert customer.got == []


def test_redirects_are_not_followed() -> None:
    with receiver() as customer:
        customer.answers.append((302, {"Location": f"http://127.0.0.1:{customer.port}/elsewhere"}))
        where = Target("127.0.0.1", customer.port, "/", ("127.0.0.1",), tls=False)
        assert exchange.post(where, b"", {}, timeout_s=5).status == 302
        assert len(customer.got) == 1


@pytest.fixture
def dripping() -> Iterator[int]:
    """A server that sends one byte of an endless header every now and then; yields its port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            link, _ = server.accept()
            with link:
                try:
                    link.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                    while not over.wait(0.05):
                        link.sendall(b"a")
                except OSError:
                    return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        over.set()
        thread.join()


def test_the_time_is_bounded_however_slowly_the_answer_drips(dripping: int) -> None:
    started = time.monotonic()
    with pytest.raises(UpstreamError):
        exchange.post(Target("127.0.0.1", dripping, "/", ("127.0.0.1",), tls=False), b"", {}, timeout_s=0.5)
    assert time.monotonic() - started < 20


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = gone.getsockname()[1]
    with receiver() as customer:
        assert closed != customer.port
        where = Target("127.0.0.1", customer.port, "/", ("127.0.0.9", "127.0.0.1"), tls=False)
        assert exchange.post(where, b"", {}, timeout_s=5).status == 204
