"""What no provider documents and proxies, portals and outages answer all the same: pages, wrong JSON, redirects, waits.

Each client is asked with its own SDK; the server is a thread, so no process is started.
"""

from __future__ import annotations

import gzip
import io
import secrets
import threading
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple

import numpy as np
import pytest
from PIL import Image

from shared.commerce.paypal import PayPal
from shared.engines.fashn_api import FashnApi, FashnClient
from shared.errors import StudioError, Unprocessable
from shared.gemini.answers import InlineImage
from shared.gemini.client import Gemini
from shared.notifications import senders
from shared.notifications.email_client import email_client
from shared.notifications.sms_client import twilio_client
from shared.provider_errors import LONGEST_WAIT_S, seconds_asked

JSON, PAGE = {"Content-Type": "application/json"}, {"Content-Type": "text/html"}
HTML: Final = b"<html><body>502. That's an error.</body></html>"
TOKEN: Final = b'{"access_token": "t", "token_type": "Bearer", "expires_in": 32400, "scope": "x"}'


class Odd(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes


BODIES: Final = {
    "page": HTML, "nothing": b"", "null": b"null", "list": b"[]", "empty": b"{}", "cut": b'{"error":', "text": b'"x"',
    "number": b"1", "deep list": b"[" * 100_000, "deep object": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "long number": b'{"code":' + b"9" * 5000 + b"}", "latin": b'{"a":"\xe9"}',
    "other types": b'{"error":5,"id":[],"status":{},"candidates":"x","code":"x","sid":7,"details":[{"issue":5}]}',
}  # fmt: skip
STATUSES: Final = (
    300,
    304,
    400,
    402,
    405,
    406,
    408,
    409,
    410,
    422,
    425,
    429,
    431,
    451,
    499,
    500,
    502,
    503,
    504,
    520,
    530,
)
WAITS: Final = ("3", "-5", "1.5", "9" * 400, "soon", "\u00b2", "Wed, 21 Oct 2099 07:28:00 GMT")
ANSWERS: Final = {
    **{f"200 with {name}": Odd(200, JSON, body) for name, body in BODIES.items()},
    **{f"400 with {name}": Odd(400, JSON, body) for name, body in BODIES.items()},
    **{f"{status} with a page": Odd(status, PAGE, HTML) for status in STATUSES},
    **{f"{status} elsewhere": Odd(status, {"Location": "/elsewhere"}, b"") for status in (301, 302, 303, 307, 308)},
    **{f"429, wait {wait[:20]}": Odd(429, JSON | {"Retry-After": wait}, b"{}") for wait in WAITS},
    "no gzip": Odd(200, JSON | {"Content-Encoding": "gzip"}, b'{"a": 1}'),
    "gzip": Odd(200, JSON | {"Content-Encoding": "gzip"}, gzip.compress(b"[]")),
}


class Server(ThreadingHTTPServer):
    """Gives every request the same answer, but PayPal's client its token."""

    answer = Odd(200, JSON, b"")
    elsewhere = 0


class Handler(BaseHTTPRequestHandler):
    """Of `Server`."""

    def do_POST(self) -> None:
        """Any request."""
        assert isinstance(self.server, Server)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.elsewhere += self.path == "/elsewhere"
        answer = Odd(200, JSON, TOKEN) if self.path == "/v1/oauth2/token" else self.server.answer
        self.send_response_only(answer.status)
        for name, value in (answer.headers | {"Content-Length": str(len(answer.body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def _picture() -> InlineImage:
    buffer = io.BytesIO()
    Image.new("RGB", (48, 64), "tan").save(buffer, "JPEG")
    return InlineImage(buffer.getvalue(), "image/jpeg")


def _sms(url: str) -> None:
    senders.send_sms("+15550100000", "text")


def _email(url: str) -> None:
    senders.send_email("ada@example.com", senders.EmailText("s", "t", "<p>t</p>"), secrets.token_hex(8), 0)


# A client reads all certificates of the machine when it is made: one for all answers of a server.
@cache
def _gemini_at(url: str) -> Gemini:
    return Gemini()


@cache
def _fashn_at(url: str) -> FashnClient:
    return FashnClient()


def _gemini(url: str) -> None:
    _gemini_at(url).generate(_picture(), _picture())


def _fashn(url: str) -> None:
    pixels = np.zeros((64, 48, 3), np.uint8)
    FashnApi(_fashn_at(url))._run(pixels, pixels, "upper", 1, lambda _: None, lambda: False)  # pyright: ignore


def _paypal(url: str) -> None:
    PayPal(url, "id", "secret", timeout_s=20).get_order("5O190127TN364715T")


@pytest.mark.parametrize("call", [_sms, _email, _gemini, _fashn, _paypal])
def test_what_no_provider_documents_is_nobodys_fault_and_never_an_error_of_ours(
    call: Callable[[str], None], server: Server, change: Callable[..., None]
) -> None:
    url = f"http://127.0.0.1:{server.server_port}"
    change(
        TWILIO_ACCOUNT_SID="AC" + "1" * 32, TWILIO_AUTH_TOKEN="t" * 32, TWILIO_BASE_URL=url, FASHN_API_KEY="key",
        EMAIL_CONNECTION=f"endpoint={url};accesskey=c2VjcmV0", EMAIL_SENDER="a@example.com", FASHN_BASE_URL=url,
        GEMINI_API_KEY="key", GEMINI_BASE_URL=url,
    )  # fmt: skip
    twilio_client.cache_clear()
    email_client.cache_clear()
    server.elsewhere = 0
    try:
        for name, server.answer in ANSWERS.items():
            with pytest.raises(StudioError) as raised:
                call(url)
            error = raised.value
            assert not isinstance(error, Unprocessable), (name, error)
            assert error.retry_after is None or 0 <= error.retry_after <= LONGEST_WAIT_S, (name, error.retry_after)
    finally:
        twilio_client.cache_clear()
        email_client.cache_clear()
    assert server.elsewhere == 0, "a redirect takes keys and photos to another host"


def test_a_wait_is_seconds_or_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    from shared import clock

    monkeypatch.setattr(clock, "now", lambda: 1_445_412_420.0)
    assert seconds_asked("Wed, 21 Oct 2015 07:28:00 GMT") == 60
    assert seconds_asked("Wed, 21 Oct 2015 07:26:00 GMT") == 0
    assert [seconds_asked(text) for text in ("7", " 1.5 ", "", None, "x", "\u0663", "-1", "1e9")] == [
        7, 1.5, None, None, None, None, None, None,
    ]  # fmt: skip
